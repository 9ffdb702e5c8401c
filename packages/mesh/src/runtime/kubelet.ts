// The kubelet of the one local node: registers the node, starts a worker for each of its pods, ends it when the pod is deleted,
// and answers for logs.
import { join } from 'node:path';
import type { Clock, Logger } from '@weft/core';
import { type KubeClient, nodeKind, type Pod, podKind, type ResourceStore } from '@weft/kube';
import type { PodLogSource } from '@weft/kube/server';
import { timestamp } from '../controllers/deployment-controller.ts';
import { followLog } from './follow-log.ts';
import type { ImageCatalogue } from './images.ts';
import { graceOf, type PodWorker, podWorker } from './pod-worker.ts';
import type { LocalRuntime } from './sandbox.ts';
import type { StagedPrograms } from './staging.ts';

export interface KubeletOptions {
  readonly client: KubeClient;
  readonly pods: ResourceStore<Pod>;
  readonly runtime: LocalRuntime;
  readonly programs: StagedPrograms;
  readonly images: ImageCatalogue;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Pods keep their volumes below it. */
  readonly directory: string;
  /** First pause before a repeated restart, in milliseconds. Default 1000. */
  readonly restartBackoffMs?: number;
  readonly defaultUser?: number | undefined;
  readonly onLine?: ((pod: Pod, container: string, line: string) => void) | undefined;
}

export interface Kubelet {
  /** Pods that have a worker. */
  workers(): readonly PodWorker[];
  readonly podLogs: PodLogSource;
  /** Ends every pod; those of `last` namespaces after all others. The pods stay in the API server. */
  close(options: { readonly graceMs: number; readonly last: readonly string[] }): Promise<void>;
}

export async function startKubelet(options: KubeletOptions): Promise<Kubelet> {
  const { client, logger, nodeName } = options;
  const workers = new Map<string, PodWorker>();
  let closing = false;
  await registerNode(options);

  const worker = (pod: Pod): PodWorker => {
    const uid = pod.metadata.uid ?? '';
    return podWorker(pod, {
      client,
      runtime: options.runtime,
      programs: options.programs,
      images: options.images,
      clock: options.clock,
      logger,
      directory: join(options.directory, uid),
      backoffMs: options.restartBackoffMs ?? 1000,
      defaultUser: options.defaultUser,
      onLine: options.onLine,
    });
  };

  const end = (pod: Pod, one: PodWorker): void => {
    const finish = async (): Promise<void> => {
      await one.terminate(graceOf(pod));
      workers.delete(one.uid);
      await client.delete(podKind, { namespace: pod.metadata.namespace ?? '', name: pod.metadata.name }, { gracePeriodSeconds: 0, uid: one.uid });
    };
    finish().catch((error: unknown) => {
      if (!closing) logger.log('debug', 'a deleted pod could not be removed from the API server', { pod: pod.metadata.name, error });
    });
  };

  const stop = options.pods.subscribe((event) => {
    const pod = event.kind === 'deleted' ? event.old : event.object;
    if (pod.spec.nodeName !== nodeName || closing) return;
    const uid = pod.metadata.uid ?? '';
    const present = workers.get(uid);
    const doomed = event.kind === 'deleted' || pod.metadata.deletionTimestamp !== undefined;
    if (present) {
      if (event.kind !== 'deleted') present.update(pod);
      if (doomed) end(pod, present);
    } else if (!doomed && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed') {
      workers.set(uid, worker(pod));
    } else if (event.kind !== 'deleted' && doomed) {
      client
        .delete(podKind, { namespace: pod.metadata.namespace ?? '', name: pod.metadata.name }, { gracePeriodSeconds: 0, uid })
        .catch((error: unknown) => logger.log('debug', 'a pod without worker could not be removed', { pod: pod.metadata.name, error }));
    }
  });

  return {
    workers: () => [...workers.values()],
    podLogs: (namespace, name, container, request) => {
      const found = [...workers.values()].find(({ pod }) => pod.metadata.namespace === namespace && pod.metadata.name === name);
      const run = found?.containers.find((one) => one.spec.name === container);
      return Promise.resolve(run ? followLog(run.log, request) : undefined);
    },
    async close({ graceMs, last }) {
      closing = true;
      stop();
      const isLast = (one: PodWorker): boolean => last.includes(one.pod.metadata.namespace ?? '');
      const all = [...workers.values()];
      await Promise.all(all.filter((one) => !isLast(one)).map((one) => one.terminate(graceMs)));
      await Promise.all(all.filter(isLast).map((one) => one.terminate(graceMs)));
      workers.clear();
    },
  };
}

async function registerNode({ client, nodeName, runtime, clock }: KubeletOptions): Promise<void> {
  const labels = { 'kubernetes.io/hostname': nodeName, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': process.arch === 'x64' ? 'amd64' : process.arch };
  if (!(await client.get(nodeKind, { name: nodeName }))) await client.create(nodeKind, { metadata: { name: nodeName, labels } });
  const now = timestamp(clock.wall());
  await client.patch(
    nodeKind,
    { name: nodeName },
    {
      kind: 'merge',
      value: {
        status: {
          addresses: [
            { type: 'InternalIP', address: runtime.nodeIp },
            { type: 'Hostname', address: nodeName },
          ],
          conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', lastTransitionTime: now }],
          nodeInfo: { kubeletVersion: `weft-${runtime.kind}`, operatingSystem: process.platform, architecture: process.arch },
        },
      },
    },
    { subresource: 'status' },
  );
}
