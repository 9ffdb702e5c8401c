// Power of two choices: of two random ready endpoints the less loaded one. spec/proxy.md §6.1.
import { type Random, randomInt, systemRandom } from '../ports/random.ts';
import { type Clock, type Millis, systemClock } from '../time/clock.ts';
import type { LoadEstimate } from './load.ts';
import { PeakEwma } from './peak-ewma.ts';
import { PenaltyPeakEwma } from './penalty-peak-ewma.ts';
import { type Placed, ReadySet } from './ready-set.ts';

/** Chooses one ready endpoint. Called once per request; must not block. Undefined: none is ready. */
export interface Picker<P> {
  pick(now: Millis): P | undefined;
}

/** An endpoint with its load; the same object as long as the endpoint stays. */
export interface Member<E> {
  readonly endpoint: E;
  readonly load: LoadEstimate;
}

export interface Balancer<E> extends Picker<Member<E>> {
  /** Takes a whole new set. Endpoints that are the same object keep their load; every other one is new. */
  update(endpoints: Iterable<E>): { readonly added: readonly E[]; readonly removed: readonly E[] };
  /** An endpoint may have become ready. That one no longer is need not be told: picks notice, and leave it out until this is called. */
  refresh(endpoint: E): void;
  readonly members: readonly Member<E>[];
  /** Endpoints that were ready when they were last asked. */
  readonly ready: number;
}

export interface BalancerOptions<E> {
  /** The first set. Default: none. */
  readonly endpoints?: Iterable<E>;
  /** Whether an endpoint can take a request now. Asked when it is added, when it is chosen, and by `refresh`. Default: always. */
  readonly ready?: (endpoint: E) => boolean;
  /** For the age of new endpoints. Default: the system's. */
  readonly clock?: Clock;
  /** Default: the system's. */
  readonly random?: Random;
}

export interface P2cOptions<E> extends BalancerOptions<E> {
  /** The estimate of an endpoint that was just added. */
  readonly load: (endpoint: E, now: Millis) => LoadEstimate;
}

export interface PeakEwmaOptions<E> extends BalancerOptions<E> {
  /** Default 30 ms, floor 1 ms. */
  readonly defaultRttMs?: Millis | undefined;
  /** Default 10 s. */
  readonly decayMs?: Millis | undefined;
}

interface Entry<E> extends Member<E>, Placed {}

/** Power of two choices over any load estimate. A pick costs the same among two and among a thousand. */
export function p2c<E>(options: P2cOptions<E>): Balancer<E> {
  const { ready = () => true, clock = systemClock(), random = systemRandom } = options;
  let byEndpoint = new Map<E, Entry<E>>();
  let members: readonly Entry<E>[] = [];
  const set = new ReadySet<Entry<E>>();

  const update: Balancer<E>['update'] = (endpoints) => {
    const now = clock.now();
    const next = new Map<E, Entry<E>>();
    const added: E[] = [];
    const removed: E[] = [];
    for (const endpoint of new Set(endpoints)) {
      let entry = byEndpoint.get(endpoint);
      if (!entry) {
        entry = { endpoint, load: options.load(endpoint, now), place: -1 };
        added.push(endpoint);
        if (ready(endpoint)) set.add(entry);
      }
      next.set(endpoint, entry);
    }
    for (const [endpoint, entry] of byEndpoint) {
      if (next.has(endpoint)) continue;
      removed.push(endpoint);
      set.delete(entry);
    }
    byEndpoint = next;
    members = [...next.values()];
    return { added, removed };
  };

  /** Whether it is still ready; else it is set aside. */
  const check = (entry: Entry<E>): boolean => {
    if (ready(entry.endpoint)) return true;
    set.delete(entry);
    return false;
  };

  if (options.endpoints) update(options.endpoints);
  return {
    update,
    refresh(endpoint) {
      const entry = byEndpoint.get(endpoint);
      if (entry && ready(endpoint)) set.add(entry);
      else if (entry) set.delete(entry);
    },
    get members() {
      return members;
    },
    get ready() {
      return set.size;
    },
    pick(now) {
      // Every round that is repeated has set one aside.
      for (;;) {
        const { size } = set;
        const at = size < 2 ? 0 : randomInt(random, size);
        const first = set.at(at);
        if (!first) return undefined;
        const other = size < 2 ? 0 : randomInt(random, size - 1);
        const second = size < 2 ? undefined : set.at(other < at ? other : other + 1);
        // Only the one that takes the request is asked: among many, each look at one is at memory that was long unused.
        const chosen = second ? lighter(first, second, now) : first;
        if (check(chosen)) return chosen;
      }
    },
  };
}

/** Power of two choices over Peak-EWMA: what Linkerd's proxy does by default. */
export function peakEwma<E>(options: PeakEwmaOptions<E> = {}): Balancer<E> {
  const { defaultRttMs, decayMs } = options;
  return p2c({ ...options, load: (_endpoint, now) => new PeakEwma({ defaultRttMs, decayMs, now }) });
}

/** The same over Peak-EWMA with penalties for failed responses. */
export function penaltyPeakEwma<E>(options: PeakEwmaOptions<E> = {}): Balancer<E> {
  const { defaultRttMs, decayMs } = options;
  return p2c({ ...options, load: (_endpoint, now) => new PenaltyPeakEwma({ defaultRttMs, decayMs, now }) });
}

/** The less loaded one; the first on a tie. */
function lighter<M extends Member<unknown>>(first: M, second: M, now: Millis): M {
  return first.load.cost(now) <= second.load.cost(now) ? first : second;
}
