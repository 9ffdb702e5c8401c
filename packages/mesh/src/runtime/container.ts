// One container of a pod over its whole life: start, probes, restarts with a growing pause, stop.
import { type Clock, type Logger, sleep } from '@weft/core';
import type { Container } from '@weft/kube';
import { type ChildProcess, type Exit, startProcess } from './child-process.ts';
import { ConfigError } from './environment.ts';
import { type LogBuffer, logBuffer } from './log-buffer.ts';
import { type ProbeTarget, startProbe } from './probe.ts';
import type { LaunchPlan } from './sandbox.ts';

/** When a container that ended is started again. */
export type RestartPolicy = 'Always' | 'OnFailure' | 'Never';

export type ContainerPhase =
  | { readonly kind: 'waiting'; readonly reason: string; readonly message?: string | undefined }
  | { readonly kind: 'running'; readonly pid: number; readonly startedAt: number }
  | { readonly kind: 'terminated'; readonly exit: Exit; readonly reason: string; readonly startedAt: number; readonly finishedAt: number };

export interface ContainerRun {
  readonly spec: Container;
  readonly log: LogBuffer;
  readonly phase: ContainerPhase;
  readonly lastExit: Extract<ContainerPhase, { kind: 'terminated' }> | undefined;
  readonly restarts: number;
  /** Its startup probe has succeeded, or it has none and runs. */
  readonly started: boolean;
  readonly ready: boolean;
  /** Resolves when it has ended and will not be started again. */
  readonly finished: Promise<void>;
  start(): void;
  /** No restarts from now on; SIGTERM, SIGKILL after the grace period. */
  stop(graceMs: number): Promise<void>;
}

export interface ContainerRunOptions {
  readonly spec: Container;
  readonly restartPolicy: RestartPolicy;
  /** Resolves what to run, anew for every start. */
  readonly plan: () => Promise<LaunchPlan>;
  readonly target: ProbeTarget;
  readonly clock: Clock;
  readonly logger: Logger;
  /** First pause before a restart after the first, doubled each time up to 60 times of it, in milliseconds. */
  readonly backoffMs: number;
  /** Called after every change of phase, `started` or `ready`. */
  readonly onChange: () => void;
}

/** Who has run this long begins with short pauses again. */
const STABLE_MS = 600_000;
/** A missing ConfigMap or Secret is looked for again after this. */
const CONFIG_RETRY_MS = 500;

export function containerRun(options: ContainerRunOptions): ContainerRun {
  const { spec, clock, logger, onChange } = options;
  const log = logBuffer();
  const abort = new AbortController();
  let phase: ContainerPhase = { kind: 'waiting', reason: 'PodInitializing' };
  let lastExit: ContainerRun['lastExit'];
  let child: ChildProcess | undefined;
  let restarts = 0;
  let started = false;
  let ready = false;
  let launched: Promise<void> | undefined;
  let stopGraceMs = 0;
  let resolveFinished: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    resolveFinished = resolve;
  });

  const change = (next: Partial<{ phase: ContainerPhase; started: boolean; ready: boolean }>): void => {
    phase = next.phase ?? phase;
    started = next.started ?? started;
    ready = next.ready ?? ready;
    onChange();
  };

  /** Probes of one start; they end with it. */
  const watchHealth = (process: ChildProcess): (() => void) => {
    const running: { stop(): void }[] = [];
    const probe = (definition: Container['livenessProbe'], eager: boolean, onVerdict: (healthy: boolean, detail: string) => void): void => {
      if (definition) running.push(startProbe({ probe: definition, target: options.target, clock, eager, onVerdict }));
    };
    const kill = (kind: string, detail: string): void => {
      logger.log('warn', 'a probe failed, the container is restarted', { container: spec.name, probe: kind, detail });
      process.stop(5000).catch((error: unknown) => logger.log('warn', 'a container could not be stopped', { container: spec.name, error }));
    };
    const afterStartup = (): void => {
      change({ started: true, ...(spec.readinessProbe ? {} : { ready: true }) });
      probe(spec.readinessProbe, true, (healthy) => change({ ready: healthy }));
      probe(spec.livenessProbe, false, (healthy, detail) => !healthy && kill('liveness', detail));
    };
    if (spec.startupProbe) {
      const startup = startProbe({
        probe: spec.startupProbe,
        target: options.target,
        clock,
        eager: true,
        onVerdict(healthy, detail) {
          startup.stop();
          if (healthy) afterStartup();
          else kill('startup', detail);
        },
      });
      running.push(startup);
    } else afterStartup();
    return () => {
      for (const one of running) one.stop();
    };
  };

  const runOnce = async (): Promise<Exit> => {
    const plan = await options.plan();
    const startedAt = clock.wall();
    if (plan.kind === 'skip') {
      log.append(`not started: ${plan.because}`);
      const exit: Exit = { code: 0 };
      lastExit = undefined;
      change({ phase: { kind: 'terminated', exit, reason: 'Completed', startedAt, finishedAt: startedAt } });
      return exit;
    }
    if (abort.signal.aborted) return { code: 0 };
    const process = startProcess(plan.command, log.append);
    child = process;
    if (process.pid !== undefined) change({ phase: { kind: 'running', pid: process.pid, startedAt } });
    const stopProbes = process.pid === undefined ? () => undefined : watchHealth(process);
    const exit = await process.exited;
    stopProbes();
    child = undefined;
    if (exit.error !== undefined) log.append(`could not be started: ${exit.error}`);
    const terminated = { kind: 'terminated', exit, reason: exit.code === 0 ? 'Completed' : 'Error', startedAt, finishedAt: clock.wall() } as const;
    lastExit = terminated;
    change({ phase: terminated, started: false, ready: false });
    return exit;
  };

  const loop = async (): Promise<void> => {
    let pauseMs = 0;
    for (;;) {
      const begin = clock.now();
      let exit: Exit;
      try {
        exit = await runOnce();
      } catch (error) {
        const reason = error instanceof ConfigError ? 'CreateContainerConfigError' : 'CreateContainerError';
        change({ phase: { kind: 'waiting', reason, message: error instanceof Error ? error.message : String(error) } });
        await sleep(clock, CONFIG_RETRY_MS, abort.signal).catch(() => undefined);
        if (abort.signal.aborted) return;
        continue;
      }
      const again = options.restartPolicy === 'Always' || (options.restartPolicy === 'OnFailure' && exit.code !== 0);
      if (!again || abort.signal.aborted) return;
      logger.log('info', 'a container ended and is started again', { container: spec.name, code: exit.code, signal: exit.signal });
      restarts += 1;
      if (clock.now() - begin > STABLE_MS) pauseMs = 0;
      if (pauseMs > 0) {
        change({ phase: { kind: 'waiting', reason: 'CrashLoopBackOff', message: `back-off ${pauseMs / 1000}s restarting failed container ${spec.name}` } });
        await sleep(clock, pauseMs, abort.signal).catch(() => undefined);
        if (abort.signal.aborted) return;
      }
      pauseMs = pauseMs === 0 ? options.backoffMs : Math.min(pauseMs * 2, options.backoffMs * 60);
    }
  };

  return {
    spec,
    log,
    get phase() {
      return phase;
    },
    get lastExit() {
      return lastExit;
    },
    get restarts() {
      return restarts;
    },
    get started() {
      return started;
    },
    get ready() {
      return ready;
    },
    finished,
    start() {
      if (launched || abort.signal.aborted) return;
      change({ phase: { kind: 'waiting', reason: 'ContainerCreating' } });
      launched = loop().finally(resolveFinished);
    },
    async stop(graceMs) {
      stopGraceMs = graceMs;
      abort.abort();
      if (!launched) return resolveFinished();
      await child?.stop(stopGraceMs);
      await finished;
    },
  };
}
