// Waiting until every Deployment runs as asked for, and saying what is missing when it does not.
import type { Clock } from '@weft/core';
import type { Deployment } from '@weft/kube';
import type { Controllers } from './controllers/controllers.ts';
import type { Kubelet } from './runtime/kubelet.ts';

export interface ReadinessOptions {
  readonly controllers: Controllers;
  readonly kubelet: Kubelet;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Only these. Default: all. */
  readonly namespaces?: readonly string[] | undefined;
}

/** Resolves when every Deployment is complete; rejects naming those that are not, with their containers' last lines. */
export function deploymentsReady(options: ReadinessOptions): Promise<void> {
  const { controllers, clock } = options;
  const open = (): readonly Deployment[] =>
    controllers.deployments.list().filter((one) => (options.namespaces?.includes(one.metadata.namespace ?? '') ?? true) && !isComplete(one));
  return new Promise((resolve, reject) => {
    let stop: () => void = () => undefined;
    let done = false;
    const check = (): void => {
      if (done || open().length > 0) return;
      done = true;
      stop();
      timer.cancel();
      resolve();
    };
    const timer = clock.after(options.timeoutMs, () => {
      if (done) return;
      done = true;
      stop();
      const names = open().map((one) => `${one.metadata.namespace ?? ''}/${one.metadata.name}`);
      reject(new Error(`not ready after ${options.timeoutMs} ms: ${names.join(', ')}\n${describe(options)}`));
    });
    stop = controllers.deployments.subscribe(check);
    check();
    if (done) stop();
  });
}

function isComplete({ metadata, spec, status }: Deployment): boolean {
  const replicas = spec.replicas ?? 1;
  return (
    (status?.observedGeneration ?? 0) >= (metadata.generation ?? 1) &&
    (status?.updatedReplicas ?? 0) === replicas &&
    (status?.availableReplicas ?? 0) === replicas &&
    (status?.replicas ?? 0) === replicas
  );
}

function describe({ kubelet }: ReadinessOptions): string {
  const lines: string[] = [];
  for (const { pod, containers } of kubelet.workers()) {
    for (const run of containers) {
      if (run.ready || (run.phase.kind === 'terminated' && run.phase.exit.code === 0)) continue;
      const state =
        run.phase.kind === 'waiting' ? `waiting (${run.phase.reason}${run.phase.message === undefined ? '' : `: ${run.phase.message}`})` : run.phase.kind;
      lines.push(`${pod.metadata.namespace ?? ''}/${pod.metadata.name} ${run.spec.name}: ${state}, ${run.restarts} restarts`);
      for (const line of run.log.tail(5)) lines.push(`    ${line}`);
    }
  }
  return lines.join('\n');
}
