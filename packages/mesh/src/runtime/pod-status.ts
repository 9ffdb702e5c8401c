// The status of a pod from the state of its containers. Kubernetes "Pod Lifecycle". Pure.
import type { Condition, ContainerStatus, Pod, PodPhase, PodStatus } from '@weft/kube';
import { timestamp } from '../controllers/deployment-controller.ts';
import type { ContainerPhase, ContainerRun } from './container.ts';

export interface PodState {
  readonly pod: Pod;
  readonly podIp: string | undefined;
  readonly hostIp: string;
  readonly startedAt: number;
  readonly initialized: boolean;
  readonly init: readonly ContainerRun[];
  readonly main: readonly ContainerRun[];
  /** Set when the pod cannot run at all. */
  readonly failure?: { readonly reason: string; readonly message: string } | undefined;
  readonly now: number;
}

export function podStatus(state: PodState): PodStatus {
  const { podIp, hostIp, initialized, init, main } = state;
  const sidecars = init.filter((run) => run.spec.restartPolicy === 'Always');
  const ready = initialized && main.every((run) => run.ready) && sidecars.every((run) => run.ready);
  const phase = phaseOf(state);
  const before = state.pod.status?.conditions ?? [];
  const condition = (type: string, on: boolean, reason?: string): Condition => {
    const status = on ? 'True' : 'False';
    const old = before.find((candidate) => candidate.type === type);
    return {
      type,
      status,
      lastTransitionTime: old?.status === status && old.lastTransitionTime !== undefined ? old.lastTransitionTime : timestamp(state.now),
      ...(on || reason === undefined ? {} : { reason }),
    };
  };
  const unready = phase === 'Succeeded' ? 'PodCompleted' : 'ContainersNotReady';
  return {
    phase,
    ...state.failure,
    conditions: [
      condition('PodScheduled', true),
      condition('Initialized', initialized, 'ContainersNotInitialized'),
      condition('ContainersReady', ready, unready),
      condition('Ready', ready, unready),
    ],
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    ...(podIp === undefined ? {} : { podIP: podIp, podIPs: [{ ip: podIp }] }),
    startTime: timestamp(state.startedAt),
    initContainerStatuses: init.map(containerStatus),
    containerStatuses: main.map(containerStatus),
    qosClass: 'BestEffort',
  };
}

function phaseOf({ pod, failure, initialized, init, main }: PodState): PodPhase {
  const policy = pod.spec.restartPolicy ?? 'Always';
  if (failure) return 'Failed';
  if (!initialized) {
    const broken = init.some((run) => run.spec.restartPolicy !== 'Always' && run.phase.kind === 'terminated' && run.phase.exit.code !== 0);
    return broken && policy === 'Never' ? 'Failed' : 'Pending';
  }
  const ended = main.map((run) => (run.phase.kind === 'terminated' ? run.phase.exit.code : undefined));
  if (policy !== 'Always' && ended.every((code) => code !== undefined)) {
    if (ended.every((code) => code === 0)) return 'Succeeded';
    if (policy === 'Never') return 'Failed';
  }
  return main.every((run) => run.phase.kind === 'waiting' && run.restarts === 0) ? 'Pending' : 'Running';
}

function containerStatus(run: ContainerRun): ContainerStatus {
  const { spec, phase, lastExit } = run;
  const completedInit = phase.kind === 'terminated' && phase.exit.code === 0;
  return {
    name: spec.name,
    image: spec.image ?? '',
    imageID: spec.image ?? '',
    ready: run.ready || (completedInit && spec.restartPolicy !== 'Always' && !spec.readinessProbe),
    started: run.started,
    restartCount: run.restarts,
    ...(phase.kind === 'running' ? { containerID: `process://${phase.pid}` } : {}),
    state: stateOf(phase),
    ...(lastExit && lastExit !== phase ? { lastState: stateOf(lastExit) } : {}),
  };
}

function stateOf(phase: ContainerPhase): NonNullable<ContainerStatus['state']> {
  switch (phase.kind) {
    case 'waiting':
      return { waiting: { reason: phase.reason, ...(phase.message === undefined ? {} : { message: phase.message }) } };
    case 'running':
      return { running: { startedAt: timestamp(phase.startedAt) } };
    case 'terminated':
      return {
        terminated: {
          exitCode: phase.exit.code,
          reason: phase.reason,
          ...(phase.exit.error === undefined ? {} : { message: phase.exit.error }),
          startedAt: timestamp(phase.startedAt),
          finishedAt: timestamp(phase.finishedAt),
        },
      };
  }
}
