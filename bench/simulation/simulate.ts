// Requests at random times over servers of which one is slow and one fails, through one balancer, in virtual time.
import { Breaker, type FailureAccrual, httpClass, type Millis, type Random, seeded, TIMED_OUT } from '@weft/core';
import { round, type SimulatedFigures } from '../report.ts';
import { CHOOSERS, type Chooser } from './choosers.ts';
import { Server, type ServerOptions } from './server.ts';
import { VirtualClock } from './virtual-clock.ts';

/** A server as the balancer sees it. */
export interface Backend {
  readonly server: Server;
  readonly breaker: Breaker | undefined;
  readonly ready: boolean;
}

export interface SimulationOptions {
  readonly chooser: keyof typeof CHOOSERS;
  readonly breakers: boolean;
  readonly seed: number;
  readonly seconds: number;
}

/** Requests per second, of which the eight healthy servers can do 6400. */
const RATE = 3_000;
/** After that a client gives up. */
const TIMEOUT_MS = 5_000;
const HEALTHY: Omit<ServerOptions, 'name'> = { status: 200, meanMs: 20, parallel: 16 };
const SLOW: ServerOptions = { ...HEALTHY, name: 'slow', meanMs: 200 };
const FAILING: ServerOptions = { ...HEALTHY, name: 'failing', status: 503, meanMs: 2 };

const ACCRUAL: FailureAccrual = {
  kind: 'unified',
  threshold: 0.8,
  windowMs: 10_000,
  minRequests: 20,
  maxConsecutiveFailures: 7,
  backoff: { minMs: 1_000, maxMs: 60_000, jitter: 0.5 },
};

export function simulate({ chooser: name, breakers, seed, seconds }: SimulationOptions): SimulatedFigures {
  const clock = new VirtualClock();
  // Each purpose has its own sequence, so that arrivals and service times are the same under every balancer.
  const [arrivals, choice, jitter] = [seeded(seed), seeded(seed + 1), seeded(seed + 2)];
  const options = [SLOW, FAILING, ...Array.from({ length: 8 }, (_, n): ServerOptions => ({ ...HEALTHY, name: `healthy-${n}` }))];
  let chooser: Chooser | undefined;
  const backends = options.map(
    (one, n): Backend => backendOf(new Server(one, clock, seeded(seed + 10 + n)), breakers, clock, jitter, (back) => chooser?.refresh(back)),
  );
  chooser = CHOOSERS[name]({ backends, clock, random: choice });
  const tally = new Tally();
  const { pick, answered } = chooser;

  const request = (): void => {
    tally.requests++;
    const member = pick();
    if (!member) return;
    const { server, breaker } = member.endpoint;
    tally.sent(server.name);
    const begun = clock.now();
    const dispatch = member.load.dispatch(begun);
    const ticket = breaker?.admit() ?? 0;
    let over = false;
    const timer = clock.after(TIMEOUT_MS, () => {
      over = true;
      dispatch.complete(clock.now());
      breaker?.settle(ticket, TIMED_OUT, undefined);
    });
    server.serve((status) => {
      if (over) return;
      timer.cancel();
      answered(dispatch, status);
      breaker?.settle(ticket, httpClass(status, status >= 500), status);
      if (status < 500) tally.latencies.push(clock.now() - begun);
    });
  };
  const arrive = (): void => {
    if (clock.now() >= seconds * 1_000) return;
    request();
    clock.after((-1_000 / RATE) * Math.log(1 - arrivals.next()), arrive);
  };
  arrive();
  clock.runUntil(seconds * 1_000 + TIMEOUT_MS);
  for (const { breaker } of backends) breaker?.close();
  return tally.figures();
}

function backendOf(server: Server, breakers: boolean, clock: VirtualClock, random: Random, refresh: (backend: Backend) => void): Backend {
  const breaker = breakers ? new Breaker({ name: server.name, policy: ACCRUAL, clock, random, changed: () => refresh(backend) }) : undefined;
  const backend: Backend = {
    server,
    breaker,
    get ready() {
      return breaker?.admits ?? true;
    },
  };
  return backend;
}

class Tally {
  readonly latencies: Millis[] = [];
  requests = 0;
  readonly #sent = new Map<string, number>();

  sent(server: string): void {
    this.#sent.set(server, (this.#sent.get(server) ?? 0) + 1);
  }

  figures(): SimulatedFigures {
    const sorted = Float64Array.from(this.latencies).sort();
    const percentile = (share: number): number => round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN, 1);
    const share = (server: string): number => round((this.#sent.get(server) ?? 0) / this.requests, 4);
    return {
      requests: this.requests,
      goodput: round(sorted.length / this.requests, 4),
      p50_ms: percentile(0.5),
      p99_ms: percentile(0.99),
      p999_ms: percentile(0.999),
      to_slow: share('slow'),
      to_failing: share('failing'),
    };
  }
}
