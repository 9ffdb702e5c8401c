// Power of two choices: of two random ready endpoints the less loaded one. spec/proxy.md §6.1.
import { type Random, randomInt, systemRandom } from '../ports/random.ts';
import { type Clock, type Millis, systemClock } from '../time/clock.ts';
import type { LoadEstimate } from './load.ts';
import { PeakEwma } from './peak-ewma.ts';
import { PenaltyPeakEwma } from './penalty-peak-ewma.ts';

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
  readonly members: readonly Member<E>[];
}

export interface BalancerOptions<E> {
  /** The first set. Default: none. */
  readonly endpoints?: Iterable<E>;
  /** Whether an endpoint can take a request now. Asked during `pick`. Default: always. */
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

/** Draws before the ready endpoints are counted. Rejected draws keep the choice uniform over the ready ones. */
const MAX_DRAWS = 8;

/** Power of two choices over any load estimate. */
export function p2c<E>(options: P2cOptions<E>): Balancer<E> {
  const { ready = () => true, clock = systemClock(), random = systemRandom } = options;
  let byEndpoint = new Map<E, Member<E>>();
  let members: readonly Member<E>[] = [];

  const update: Balancer<E>['update'] = (endpoints) => {
    const now = clock.now();
    const next = new Map<E, Member<E>>();
    const added: E[] = [];
    for (const endpoint of new Set(endpoints)) {
      const kept = byEndpoint.get(endpoint);
      if (!kept) added.push(endpoint);
      next.set(endpoint, kept ?? { endpoint, load: options.load(endpoint, now) });
    }
    const removed = [...byEndpoint.keys()].filter((endpoint) => !next.has(endpoint));
    byEndpoint = next;
    members = [...next.values()];
    return { added, removed };
  };

  /** A uniformly drawn ready member other than `not`, or undefined after too many misses. */
  const draw = (not: Member<E> | undefined): Member<E> | undefined => {
    for (let n = 0; n < MAX_DRAWS; n++) {
      const member = members[randomInt(random, members.length)];
      if (member && member !== not && ready(member.endpoint)) return member;
    }
    return undefined;
  };

  const pickCounted = (now: Millis): Member<E> | undefined => {
    const candidates = members.filter((member) => ready(member.endpoint));
    if (candidates.length < 2) return candidates[0];
    const first = randomInt(random, candidates.length);
    const second = (first + 1 + randomInt(random, candidates.length - 1)) % candidates.length;
    return lighter(candidates[first], candidates[second], now);
  };

  if (options.endpoints) update(options.endpoints);
  return {
    update,
    get members() {
      return members;
    },
    pick(now) {
      if (members.length >= 2) {
        const first = draw(undefined);
        const second = first && draw(first);
        if (second) return lighter(first, second, now);
      }
      return pickCounted(now);
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
function lighter<E>(first: Member<E> | undefined, second: Member<E> | undefined, now: Millis): Member<E> | undefined {
  if (!first || !second) return first ?? second;
  return first.load.cost(now) <= second.load.cost(now) ? first : second;
}
