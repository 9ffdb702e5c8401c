// Probes of a container: HTTP, TCP, command; a verdict changes after so many equal results in a row. Kubernetes
// "Configure Liveness, Readiness and Startup Probes". An eager probe begins at once and is tried four times a second until its
// first success, so that a mesh starts as fast as it can.
import { request } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import type { Clock, Timer } from '@weft/core';
import type { Probe } from '@weft/kube';

export interface ProbeTarget {
  dial(port: number): Promise<Socket>;
  /** Number of a named port of the container. */
  port(name: string): number | undefined;
  /** Exit code of a command run as in the container. */
  exec(command: readonly string[], timeoutMs: number): Promise<number>;
}

export interface ProbeOptions {
  readonly probe: Probe;
  readonly target: ProbeTarget;
  readonly clock: Clock;
  /** Readiness and startup, not liveness: without initial delay, and quick until the first success. */
  readonly eager: boolean;
  /** Called when the verdict becomes known or changes. */
  readonly onVerdict: (healthy: boolean, detail: string) => void;
}

const EAGER_MS = 250;

/** Runs until `stop`. */
export function startProbe(options: ProbeOptions): { stop(): void } {
  const { probe, clock, eager, onVerdict } = options;
  const periodMs = Math.max(1, probe.periodSeconds ?? 10) * 1000;
  const successThreshold = probe.successThreshold ?? 1;
  const failureThreshold = probe.failureThreshold ?? 3;
  let stopped = false;
  let timer: Timer | undefined;
  let verdict: boolean | undefined;
  let successes = 0;
  let failures = 0;
  let elapsedMs = 0;

  const once = async (): Promise<void> => {
    const problem = await check(probe, options.target).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    if (stopped) return;
    const early = eager && verdict === undefined && successes === 0;
    const pauseMs = early ? Math.min(periodMs, EAGER_MS) : periodMs;
    if (problem === undefined) {
      successes += 1;
      failures = 0;
      if (successes >= successThreshold && verdict !== true) {
        verdict = true;
        onVerdict(true, '');
      }
    } else {
      // Early attempts come quicker than asked for; they count as failures once per period.
      elapsedMs += pauseMs;
      successes = 0;
      if (elapsedMs >= periodMs) {
        elapsedMs = 0;
        failures += 1;
      }
      if (failures >= failureThreshold && verdict !== false) {
        verdict = false;
        onVerdict(false, problem);
      }
    }
    if (!stopped) timer = clock.after(problem === undefined ? periodMs : pauseMs, run);
  };
  const run = (): void => void once();
  timer = clock.after(eager ? 0 : (probe.initialDelaySeconds ?? 0) * 1000, run);
  return {
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}

/** Resolves on success, rejects with what is wrong. */
async function check(probe: Probe, target: ProbeTarget): Promise<void> {
  const timeoutMs = Math.max(1, probe.timeoutSeconds ?? 1) * 1000;
  if (probe.exec) {
    const code = await target.exec(probe.exec.command ?? [], timeoutMs);
    if (code !== 0) throw new Error(`command exited with ${code}`);
    return;
  }
  const action = probe.httpGet ?? probe.tcpSocket ?? probe.grpc;
  if (!action) return;
  const port = typeof action.port === 'number' ? action.port : (target.port(action.port) ?? Number(action.port));
  if (!Number.isInteger(port)) throw new Error(`there is no port ${action.port}`);
  const socket = await target.dial(port);
  socket.on('error', () => socket.destroy());
  if (!probe.httpGet) {
    socket.destroy();
    return;
  }
  const status = await httpStatus(socket, probe.httpGet, timeoutMs);
  if (status < 200 || status >= 400) throw new Error(`HTTP probe failed with statuscode: ${status}`);
}

function httpStatus(socket: Socket, get: NonNullable<Probe['httpGet']>, timeoutMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const secure = get.scheme === 'HTTPS';
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    const headers = Object.fromEntries((get.httpHeaders ?? []).map(({ name, value }) => [name, value]));
    const outgoing = (secure ? tlsRequest : request)({
      path: get.path ?? '/',
      headers: { host: 'localhost', 'user-agent': 'kube-probe/1.32', accept: '*/*', connection: 'close', ...headers },
      // Without an agent of its own, or Node would connect by itself.
      createConnection: () => (secure ? tlsConnect({ socket, rejectUnauthorized: false }) : socket),
    });
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    outgoing.once('error', (error) => {
      clearTimeout(timer);
      fail(error);
    });
    outgoing.once('response', (response) => {
      clearTimeout(timer);
      response.resume();
      response.once('close', () => socket.destroy());
      resolve(response.statusCode ?? 0);
    });
    outgoing.end();
  });
}
