// What is known of each original destination: policy and profile watched in parallel, compiled, kept while in use.
// spec/proxy.md §5.1.
import {
  type ClientPolicy,
  type Clock,
  type DiscoveryPort,
  formatSocketAddress,
  type IpNetwork,
  type Metadata,
  networkMatcher,
  type PolicyPort,
  type Profile,
  type Random,
  type Reason,
  reason,
  reasonOf,
  type SocketAddress,
  type Timer,
  type WatchState,
} from '@weft/core';
import { compileOutbound, type OutboundPlan } from '../route/outbound-plan.ts';
import type { Backends, HttpBackend, TcpBackend } from './backends.ts';
import { type EffectivePolicy, effectivePolicy } from './effective-policy.ts';

export type Plan = OutboundPlan<HttpBackend, TcpBackend>;

export type Discovered =
  | { readonly kind: 'plan'; readonly plan: Plan; readonly parent: Metadata; readonly canonicalDst: string | undefined }
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
  readonly idleMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly backends: () => Backends;
}

export interface Discover {
  lookup(address: SocketAddress): Lookup;
  /** Drops every entry; waiting requests fail for this reason. */
  destroy(why: Reason): void;
}

export function createDiscover(options: DiscoverOptions): Discover {
  const entries = new Map<string, Destination>();
  const mayProfile = networkMatcher(options.profileNetworks);
  return {
    lookup(address) {
      const key = formatSocketAddress(address);
      let entry = entries.get(key);
      if (!entry) {
        entry = new Destination(address, options, mayProfile(address.ip), () => entries.delete(key));
        entries.set(key, entry);
      }
      return entry.reference();
    },
    destroy(why) {
      for (const entry of entries.values()) entry.destroy(why);
    },
  };
}

type Known<T> = WatchState<T> | undefined;

class Destination {
  current: Discovered | undefined;
  readonly #options: DiscoverOptions;
  readonly #address: SocketAddress;
  readonly #backends: Backends;
  readonly #onEvicted: () => void;
  readonly #waiting = new Set<(result: Discovered) => void>();
  readonly #release: (() => void)[] = [];
  #policy: Known<ClientPolicy>;
  #profile: Known<Profile>;
  #references = 0;
  #idle: Timer | undefined;

  constructor(address: SocketAddress, options: DiscoverOptions, mayProfile: boolean, onEvicted: () => void) {
    this.#address = address;
    this.#options = options;
    this.#backends = options.backends();
    this.#onEvicted = onEvicted;
    if (!mayProfile) this.#profile = { kind: 'absent', stale: false };
    this.#release.push(
      options.policy.outbound({ kind: 'address', address }).subscribe((state) => {
        this.#policy = state;
        this.#update();
      }),
    );
    if (!mayProfile) return;
    this.#release.push(
      options.discovery.profile(formatSocketAddress(address)).subscribe((state) => {
        this.#profile = state;
        this.#update();
      }),
    );
  }

  reference(): Lookup {
    this.#references += 1;
    this.#idle?.cancel();
    this.#idle = undefined;
    let released = false;
    const current = (): Discovered | undefined => this.current;
    return {
      get current() {
        return current();
      },
      ready: (signal) => this.#ready(signal),
      release: () => {
        if (released) return;
        released = true;
        this.#references -= 1;
        if (this.#references === 0) this.#idle = this.#options.clock.after(this.#options.idleMs, () => this.#evict());
      },
    };
  }

  destroy(why: Reason): void {
    this.#backends.destroy(why);
    this.#settle({ kind: 'refused', reason: why });
    this.#evict();
  }

  #ready(signal: AbortSignal): Promise<Discovered> {
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
    this.#settle(
      this.#compile(effectivePolicy(this.#address, profile.kind === 'value' ? profile.value : undefined, policy.kind === 'value' ? policy.value : undefined)),
    );
  }

  #compile({ policy, canonicalDst }: EffectivePolicy): Discovered {
    try {
      const plan = this.#backends.rebuild((http, tcp) => compileOutbound(policy, { http, tcp, random: this.#options.random }));
      return { kind: 'plan', plan, parent: policy.parent, canonicalDst };
    } catch (error) {
      return { kind: 'refused', reason: reason(reasonOf(error).code, `${formatSocketAddress(this.#address)}: ${reasonOf(error).detail ?? ''}`) };
    }
  }

  #settle(result: Discovered): void {
    this.current = result;
    for (const done of this.#waiting) done(result);
    this.#waiting.clear();
  }

  #evict(): void {
    this.#idle?.cancel();
    for (const release of this.#release.splice(0)) release();
    this.#backends.retire();
    this.#onEvicted();
  }
}
