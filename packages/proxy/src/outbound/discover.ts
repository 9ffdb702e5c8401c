// What is known of each original destination: policy and profile watched in parallel, compiled, kept while in use.
// spec/proxy.md §5.1.
import {
  type ClientPolicy,
  type Clock,
  type DiscoveryPort,
  formatAuthority,
  formatSocketAddress,
  type IpNetwork,
  type Metadata,
  networkMatcher,
  type PolicyPort,
  type PolicyTarget,
  type Profile,
  type Random,
  type Reason,
  reason,
  reasonOf,
  type SocketAddress,
  suffixMatcher,
  type Timer,
  type WatchState,
} from '@weft/core';
import type { OutboundRouting } from '@weft/core/route';
import type { NoClientTls } from '../observe/labels.ts';
import type { RouteConnections, RouteMetrics, RouteTarget } from '../observe/route-metrics.ts';
import { compileOutbound, type OutboundPlan } from '../route/outbound-plan.ts';
import type { Backends } from './backends.ts';
import { effectivePolicy, effectivePolicyOfName, isKnown } from './effective-policy.ts';
import type { HttpBackend, TcpBackend } from './pool-backend.ts';

export type Plan = OutboundPlan<HttpBackend, TcpBackend>;

export type Discovered =
  | {
      readonly kind: 'plan';
      readonly plan: Plan;
      /** What the plan was compiled from. */
      readonly routing: OutboundRouting;
      readonly parent: Metadata;
      /** Whether a profile names the service or endpoint. */
      readonly profiled: boolean;
    }
  /** Requests and connections fail for this reason. */
  | { readonly kind: 'refused'; readonly reason: Reason };

/** A reference to what is known of one destination; `current` follows changes. */
export interface Lookup {
  /** Resolves with the first result. Rejects with the signal's reason. */
  ready(signal: AbortSignal): Promise<Discovered>;
  /** The newest result; undefined before the first. */
  readonly current: Discovered | undefined;
  release(): void;
}

export interface DiscoverOptions {
  readonly discovery: DiscoveryPort;
  readonly policy: PolicyPort;
  readonly profileNetworks: readonly IpNetwork[];
  readonly profileSuffixes: readonly string[];
  /** Why endpoints without identity are reached in plaintext, for lookups by address. */
  readonly noTls: NoClientTls;
  readonly idleMs: number;
  /** Most destinations at once. Beyond it the one that is unused for longest makes room, then new ones are refused. */
  readonly maxDestinations: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly routes: RouteMetrics;
  /** `logical` names what is looked up. */
  readonly backends: (noTls: NoClientTls, logical: string) => Backends;
}

export interface Discover {
  lookup(address: SocketAddress): Lookup;
  /** By a name that a request or a transport header gives. Refused where neither profile nor policy is known of it. */
  lookupName(host: string, port: number): Lookup;
  /** Drops every entry; waiting requests fail for this reason. */
  destroy(why: Reason): void;
}

export function createDiscover(options: DiscoverOptions): Discover {
  const entries = new Map<string, Destination>();
  /** Unused ones, in the order in which they became so. */
  const idle = new Set<Destination>();
  const mayProfile = networkMatcher(options.profileNetworks);
  const mayProfileName = suffixMatcher(options.profileSuffixes);

  const create = (key: string, subject: Subject): Destination =>
    new Destination(subject, options, {
      used: (entry) => idle.delete(entry),
      unused: (entry) => idle.add(entry),
      evicted(entry) {
        idle.delete(entry);
        entries.delete(key);
      },
    });
  const hasRoom = (): boolean => {
    if (entries.size < options.maxDestinations) return true;
    const [longest] = idle;
    longest?.evict();
    return longest !== undefined;
  };
  const reference = (key: string, subject: Subject): Lookup => {
    let entry = entries.get(key);
    if (!entry) {
      if (!hasRoom()) return refusedLookup(reason('DISCOVERY_LIMIT', `${subject.name}: ${options.maxDestinations} destinations are in use`));
      entry = create(key, subject);
      entries.set(key, entry);
    }
    return entry.reference();
  };

  return {
    lookup(address) {
      const name = formatSocketAddress(address);
      return reference(name, {
        name,
        policy: { kind: 'address', address },
        target: address,
        profile: mayProfile(address.ip) ? name : undefined,
        noTls: options.noTls,
        effective: (profile, policy) => effectivePolicy(address, profile, policy),
      });
    },
    lookupName(host, port) {
      const name = formatAuthority({ host, port });
      // A name may look like an address, and is not one.
      return reference(`name ${name}`, {
        name,
        policy: { kind: 'authority', authority: name },
        target: { ip: undefined, port },
        profile: mayProfileName(host) ? name : undefined,
        noTls: 'not_provided_by_service_discovery',
        effective: (profile, policy) => effectivePolicyOfName(port, profile, policy),
      });
    },
    destroy(why) {
      for (const entry of entries.values()) entry.destroy(why);
    },
  };
}

function refusedLookup(why: Reason): Lookup {
  const current: Discovered = { kind: 'refused', reason: why };
  return { current, ready: () => Promise.resolve(current), release: () => undefined };
}

/** Told by a destination about its users. */
interface Usage {
  used(entry: Destination): void;
  unused(entry: Destination): void;
  evicted(entry: Destination): void;
}

/** What is looked up. */
interface Subject {
  readonly name: string;
  readonly policy: PolicyTarget;
  /** Shown by metrics. */
  readonly target: RouteTarget;
  /** Undefined: no profile may be asked for. */
  readonly profile: string | undefined;
  readonly noTls: NoClientTls;
  /** Undefined: nobody knows it. */
  effective(profile: Profile | undefined, policy: ClientPolicy | undefined): OutboundRouting | undefined;
}

type Known<T> = WatchState<T> | undefined;

class Destination {
  current: Discovered | undefined;
  readonly #options: DiscoverOptions;
  readonly #subject: Subject;
  readonly #backends: Backends;
  readonly #usage: Usage;
  readonly #waiting = new Set<(result: Discovered) => void>();
  readonly #release: (() => void)[] = [];
  #policy: Known<ClientPolicy>;
  #profile: Known<Profile>;
  #references = 0;
  #idle: Timer | undefined;

  constructor(subject: Subject, options: DiscoverOptions, usage: Usage) {
    this.#subject = subject;
    this.#options = options;
    this.#backends = options.backends(subject.noTls, subject.name);
    this.#usage = usage;
    if (subject.profile === undefined) this.#profile = { kind: 'absent', stale: false };
    this.#release.push(
      options.policy.outbound(subject.policy).subscribe((state) => {
        this.#policy = state;
        this.#update();
      }),
    );
    if (subject.profile === undefined) return;
    this.#release.push(
      options.discovery.profile(subject.profile).subscribe((state) => {
        this.#profile = state;
        this.#update();
      }),
    );
  }

  reference(): Lookup {
    this.#references += 1;
    this.#usage.used(this);
    this.#idle?.cancel();
    this.#idle = undefined;
    return new Reference(this);
  }

  unreference(): void {
    this.#references -= 1;
    if (this.#references > 0) return;
    this.#usage.unused(this);
    this.#idle = this.#options.clock.after(this.#options.idleMs, () => this.evict());
  }

  destroy(why: Reason): void {
    this.#backends.destroy(why);
    this.#settle({ kind: 'refused', reason: why });
    this.evict();
  }

  ready(signal: AbortSignal): Promise<Discovered> {
    if (this.current) return Promise.resolve(this.current);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(done);
        reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
      };
      const done = (result: Discovered): void => {
        signal.removeEventListener('abort', onAbort);
        resolve(result);
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(done);
      return undefined;
    });
  }

  #update(): void {
    const [policy, profile] = [this.#policy, this.#profile];
    if (!policy || !profile || policy.kind === 'pending' || profile.kind === 'pending') return;
    if (policy.kind === 'rejected') return this.#settle({ kind: 'refused', reason: policy.reason });
    this.#settle(this.#compile(profile.kind === 'value' ? profile.value : undefined, policy.kind === 'value' ? policy.value : undefined));
  }

  #compile(profile: Profile | undefined, known: ClientPolicy | undefined): Discovered {
    const { name, target } = this.#subject;
    const found = this.#subject.effective(profile, known);
    if (!found) return { kind: 'refused', reason: reason('DISCOVERY_REJECTED', `${name}: neither a profile nor a policy is known`) };
    const { random, routes } = this.#options;
    const connections = (kind: 'tcp' | 'tls', parent: Metadata, route: Metadata): RouteConnections => routes.bind(kind, parent, route, target);
    try {
      const plan = this.#backends.rebuild((http, tcp) => compileOutbound(found, { http, tcp, connections, profileMeters: routes.profile, random }));
      return { kind: 'plan', plan, routing: found, parent: found.policy.parent, profiled: profile !== undefined && isKnown(profile) };
    } catch (error) {
      return { kind: 'refused', reason: reason(reasonOf(error).code, `${name}: ${reasonOf(error).detail ?? ''}`) };
    }
  }

  #settle(result: Discovered): void {
    this.current = result;
    for (const done of this.#waiting) done(result);
    this.#waiting.clear();
  }

  evict(): void {
    this.#idle?.cancel();
    for (const release of this.#release.splice(0)) release();
    this.#backends.retire();
    this.#usage.evicted(this);
  }
}

/** One user of a destination. Asked for every request, so all are of one shape. */
class Reference implements Lookup {
  readonly #destination: Destination;
  #released = false;

  constructor(destination: Destination) {
    this.#destination = destination;
  }

  get current(): Discovered | undefined {
    return this.#destination.current;
  }

  ready(signal: AbortSignal): Promise<Discovered> {
    return this.#destination.ready(signal);
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#destination.unreference();
  }
}
