// Power of two choices: of two random ready endpoints the less loaded one. spec/proxy.md §6.1.
import { type Random, randomInt, systemRandom } from '../ports/random.ts';
import { type Clock, type Millis, systemClock } from '../time/clock.ts';
import { type Dispatch, type LoadEstimate, type Loads, RowEstimate } from './load.ts';
import { PeakEwma, type PeakEwmaRules } from './peak-ewma.ts';
import { PenaltyPeakEwma } from './penalty-peak-ewma.ts';
import { type Placed, ReadySet } from './ready-set.ts';

/** Chooses one ready endpoint. Called once per request; must not block. Undefined: none is ready. */
export interface Picker<P> {
  pick(now: Millis): P | undefined;
}

/** An endpoint with its load; the same object as long as the endpoint stays. When it has gone, what its load shows may be another's. */
export interface Member<E> {
  readonly endpoint: E;
  readonly load: LoadEstimate;
}

/** An endpoint with a request on its way to it. */
export interface Dispatched<E> {
  readonly endpoint: E;
  readonly dispatch: Dispatch;
}

export interface Balancer<E> extends Picker<Member<E>> {
  /** Picks one and counts a request to it: what `pick` and `load.dispatch` do, without a look at anything but the endpoint. */
  dispatch(now: Millis): Dispatched<E> | undefined;
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
  /** How load is estimated; of this balancer alone. */
  readonly loads: Loads;
}

export interface PeakEwmaOptions<E> extends BalancerOptions<E>, PeakEwmaRules {}

/** An endpoint in its place. It is its load as well, so that there is one object to be fetched. */
class Entry<E> extends RowEstimate implements Member<E>, Placed<E> {
  readonly endpoint: E;
  place = -1;

  constructor(endpoint: E, loads: Loads, now: Millis) {
    super(loads, now);
    this.endpoint = endpoint;
  }

  get load(): LoadEstimate {
    return this;
  }
}

/** Power of two choices over any estimate of load. A pick costs the same among two and among a thousand. */
export function p2c<E>(options: P2cOptions<E>): Balancer<E> {
  const { loads, ready = () => true, clock = systemClock(), random = systemRandom } = options;
  let byEndpoint = new Map<E, Entry<E>>();
  let members: readonly Entry<E>[] = [];
  const set = new ReadySet<E, Entry<E>>();

  const update: Balancer<E>['update'] = (endpoints) => {
    const now = clock.now();
    const next = new Map<E, Entry<E>>();
    const added: E[] = [];
    const removed: E[] = [];
    for (const endpoint of new Set(endpoints)) {
      let entry = byEndpoint.get(endpoint);
      if (!entry) {
        entry = new Entry(endpoint, loads, now);
        added.push(endpoint);
        if (ready(endpoint)) set.add(entry);
      }
      next.set(endpoint, entry);
    }
    for (const [endpoint, entry] of byEndpoint) {
      if (next.has(endpoint)) continue;
      removed.push(endpoint);
      set.delete(entry);
      entry.release();
    }
    byEndpoint = next;
    members = [...next.values()];
    return { added, removed };
  };

  /** The index of one that is ready, or -1. */
  const choose = (now: Millis): number => {
    // Every round that is repeated has set one aside.
    for (;;) {
      const { size } = set;
      if (size === 0) return -1;
      let at = 0;
      if (size > 1) {
        at = randomInt(random, size);
        const drawn = randomInt(random, size - 1);
        const other = drawn < at ? drawn : drawn + 1;
        // The first on a tie.
        if (loads.cost(set.row(at), now) > loads.cost(set.row(other), now)) at = other;
      }
      // Only the one that takes the request is looked at: among many, each look at one is at memory that was long unused.
      if (ready(set.endpoint(at))) return at;
      set.delete(set.at(at));
    }
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
      const at = choose(now);
      return at < 0 ? undefined : set.at(at);
    },
    dispatch(now) {
      const at = choose(now);
      return at < 0 ? undefined : { endpoint: set.endpoint(at), dispatch: loads.dispatch(set.row(at), now) };
    },
  };
}

/** Power of two choices over Peak-EWMA: what Linkerd's proxy does by default. */
export function peakEwma<E>(options: PeakEwmaOptions<E> = {}): Balancer<E> {
  return p2c({ ...options, loads: new PeakEwma(options) });
}

/** The same over Peak-EWMA with penalties for failed responses. */
export function penaltyPeakEwma<E>(options: PeakEwmaOptions<E> = {}): Balancer<E> {
  return p2c({ ...options, loads: new PenaltyPeakEwma(options) });
}
