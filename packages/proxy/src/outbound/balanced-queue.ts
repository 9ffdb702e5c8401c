// Endpoints of one backend, and what waits for one of them to become ready. spec/proxy.md §6.1, §6.3.
import {
  type Clock,
  type Endpoint,
  type EndpointSet,
  FailfastQueue,
  formatReason,
  type QueueEntry,
  type QueueSource,
  type Random,
  type Reason,
  reason,
  type Unsubscribe,
  type Watch,
} from '@weft/core';
import { type Balancer, type Dispatch, type LoadEstimate, type Member, p2c } from '@weft/core/balance';

/** The connection side of one endpoint. */
export interface PoolMember {
  readonly ready: boolean;
  /** Why waiting for it is of no use, while that is so: it proved to be somebody else. */
  readonly hopeless: Reason | undefined;
  /** Address and state, for reasons. */
  describe(): string;
  /** No new work; ends when what is in flight is done. */
  close(): void;
}

/** A request or connection that needs an endpoint. */
export interface Waiter<M> extends QueueEntry {
  start(member: M, dispatch: Dispatch): void;
}

export interface BalancedQueueOptions<M extends PoolMember> {
  /** Shown in reasons: the name that is resolved, or the address. */
  readonly name: string;
  readonly endpoints: Watch<EndpointSet>;
  readonly capacity: number;
  readonly failfastMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly load: (now: number) => LoadEstimate;
  /** Called for each endpoint that is new; `changed` is to be called whenever `ready` turns true or `hopeless` is set. */
  readonly connect: (endpoint: Endpoint, changed: () => void) => M;
}

/** A pool at one moment, for people and tools. */
export interface PoolSnapshot {
  readonly name: string;
  /** `shut`: what comes fails at once, because no endpoint became ready in time or the name is not resolved. */
  readonly gate: 'open' | 'shut';
  /** Why the gate is shut. */
  readonly why: Reason | undefined;
  readonly waiting: number;
  /** Address and state, as reasons show them. */
  readonly endpoints: readonly string[];
}

export class BalancedQueue<M extends PoolMember> implements QueueSource<Waiter<M>, Member<M>> {
  readonly #options: BalancedQueueOptions<M>;
  readonly #balancer: Balancer<M>;
  readonly #members = new Map<Endpoint, M>();
  readonly #queue: FailfastQueue<Waiter<M>, Member<M>>;
  #unsubscribe: Unsubscribe | undefined;
  #rejected: Reason | undefined;
  #known = false;
  #retired = false;

  constructor(options: BalancedQueueOptions<M>) {
    const { clock, random, load } = options;
    this.#options = options;
    this.#balancer = p2c<M>({ ready: (member) => member.ready, clock, random, load: (_member, now) => load(now) });
    this.#queue = new FailfastQueue({ ...options, source: this, onEmpty: () => this.#closeRetired() });
  }

  get available(): boolean {
    return !this.#queue.shut && !this.#rejected;
  }

  submit(waiter: Waiter<M>): void {
    this.#start();
    this.#queue.submit(waiter);
  }

  /** Takes nothing new; what waits is still served or failed, what is in flight finishes. */
  retire(): void {
    this.#retired = true;
    if (this.#queue.length === 0) this.#close();
  }

  /** Fails what waits and stops at once. */
  destroy(why: Reason): void {
    this.#retired = true;
    this.#queue.clear(why);
    this.#close();
  }

  take(): Member<M> | undefined {
    return this.#balancer.pick(this.#options.clock.now());
  }

  start(waiter: Waiter<M>, { endpoint, load }: Member<M>): void {
    waiter.start(endpoint, load.dispatch(this.#options.clock.now()));
  }

  get ready(): boolean {
    return this.#balancer.ready > 0;
  }

  /** Set when the name is rejected, or every endpoint proved to be somebody else. */
  get hopeless(): Reason | undefined {
    let why = this.#rejected;
    for (const member of this.#members.values()) {
      if (member.ready || !member.hopeless) return undefined;
      why ??= member.hopeless;
    }
    return why;
  }

  failfast(): Reason {
    const { name, failfastMs } = this.#options;
    if (!this.#known) return reason('FAILFAST', `${name}: its endpoints are not known after ${failfastMs} ms`);
    if (this.#members.size === 0) return reason('NO_ENDPOINTS', name);
    const states = [...this.#members.values()].slice(0, 5).map((member) => member.describe());
    const more = this.#members.size > states.length ? `, and ${this.#members.size - states.length} more` : '';
    return reason('FAILFAST', `${name}: no endpoint ready for ${failfastMs} ms: ${states.join(', ')}${more}`);
  }

  snapshot(): PoolSnapshot {
    const why = this.#rejected ?? (this.#queue.shut ? this.failfast() : undefined);
    const endpoints = [...this.#members.values()].map((member) => member.describe());
    return { name: this.#options.name, gate: why ? 'shut' : 'open', why, waiting: this.#queue.length, endpoints };
  }

  /** Endpoints are resolved and connected to from the first request on. */
  #start(): void {
    this.#unsubscribe ??= this.#options.endpoints.subscribe((state) => {
      if (state.kind === 'pending') return;
      this.#known = true;
      this.#rejected = state.kind === 'rejected' ? state.reason : undefined;
      this.#apply(state.kind === 'value' ? state.value : []);
    });
  }

  #close(): void {
    this.#unsubscribe?.();
    for (const member of this.#members.values()) member.close();
    this.#members.clear();
    this.#balancer.update([]);
  }

  #closeRetired(): void {
    if (this.#retired) this.#close();
  }

  /** Endpoints that stay the same object keep connection and load; what is in flight on a removed one finishes. */
  #apply(set: EndpointSet): void {
    const wanted = new Set(set);
    for (const [endpoint, member] of this.#members) {
      if (wanted.has(endpoint)) continue;
      this.#members.delete(endpoint);
      member.close();
    }
    for (const endpoint of wanted) {
      if (this.#members.has(endpoint)) continue;
      const member = this.#options.connect(endpoint, () => {
        this.#balancer.refresh(member);
        this.#queue.pump();
      });
      this.#members.set(endpoint, member);
    }
    this.#balancer.update(this.#members.values());
    this.#queue.pump();
  }
}

/** A peer that proved another identity, or none that is trusted, will not become ready by waiting. */
export function isHopeless(why: Reason | undefined): boolean {
  return why?.code === 'TLS_PEER_NAME_MISMATCH' || why?.code === 'TLS_PEER_UNTRUSTED' || why?.code === 'TLS_PEER_EXPIRED';
}

/** `10.0.0.1:80 (CONNECT_REFUSED …)`, as reasons show an endpoint. */
export function describeMember(address: string, ready: boolean, lastError: Reason | undefined): string {
  if (lastError) return `${address} (${lastError.code}: ${formatReason(lastError)})`;
  return ready ? `${address} (ready)` : `${address} (connecting)`;
}
