// Endpoints of one backend, and what waits for one of them to become ready. spec/proxy.md §6.1, §6.3.
import {
  type Clock,
  type Endpoint,
  type EndpointSet,
  formatReason,
  type Random,
  type Reason,
  reason,
  type Timer,
  type Unsubscribe,
  type Watch,
} from '@weft/core';
import { type Balancer, type Dispatch, type LoadEstimate, p2c } from '@weft/core/balance';

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
export interface Waiter<M> {
  /** The client went away: nothing is to be done any more. */
  readonly aborted: boolean;
  start(member: M, dispatch: Dispatch): void;
  refuse(why: Reason): void;
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

export class BalancedQueue<M extends PoolMember> {
  readonly #options: BalancedQueueOptions<M>;
  readonly #balancer: Balancer<M>;
  readonly #members = new Map<Endpoint, M>();
  #unsubscribe: Unsubscribe | undefined;
  #queue: Waiter<M>[] = [];
  #timer: Timer | undefined;
  #failfast = false;
  #rejected: Reason | undefined;
  #known = false;
  #retired = false;

  constructor(options: BalancedQueueOptions<M>) {
    this.#options = options;
    this.#balancer = p2c<M>({ ready: (member) => member.ready, clock: options.clock, random: options.random, load: (_member, now) => options.load(now) });
  }

  get available(): boolean {
    return !this.#failfast && !this.#rejected;
  }

  submit(waiter: Waiter<M>): void {
    this.#start();
    if (this.#rejected) return waiter.refuse(this.#rejected);
    if (this.#queue.length === 0 && this.#serve(waiter)) return;
    const hopeless = this.#hopeless();
    if (hopeless) return waiter.refuse(hopeless);
    if (this.#failfast) return waiter.refuse(this.#failfastReason());
    if (this.#queue.length >= this.#options.capacity) return waiter.refuse(reason('QUEUE_FULL', `${this.#options.name}: ${this.#queue.length} wait`));
    this.#queue.push(waiter);
    this.#timer ??= this.#options.clock.after(this.#options.failfastMs, () => this.#shut());
  }

  /** Takes nothing new; what waits is still served or failed, what is in flight finishes. */
  retire(): void {
    this.#retired = true;
    if (this.#queue.length === 0) this.#close();
  }

  /** Fails what waits and stops at once. */
  destroy(why: Reason): void {
    this.#retired = true;
    for (const waiter of this.#queue.splice(0)) if (!waiter.aborted) waiter.refuse(why);
    this.#close();
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
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#unsubscribe?.();
    for (const member of this.#members.values()) member.close();
    this.#members.clear();
    this.#balancer.update([]);
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
        this.#pump();
      });
      this.#members.set(endpoint, member);
    }
    this.#balancer.update(this.#members.values());
    this.#pump();
  }

  #serve(waiter: Waiter<M>): boolean {
    const now = this.#options.clock.now();
    const member = this.#balancer.pick(now);
    if (!member) return false;
    this.#failfast = false;
    waiter.start(member.endpoint, member.load.dispatch(now));
    return true;
  }

  #pump(): void {
    if (this.#failfast && this.#balancer.ready > 0) this.#failfast = false;
    for (let waiter = this.#queue[0]; waiter; waiter = this.#queue[0]) {
      const now = this.#options.clock.now();
      const refused = this.#rejected ?? this.#hopeless();
      const member = waiter.aborted || refused ? undefined : this.#balancer.pick(now);
      if (!member && !waiter.aborted && !refused) return;
      // Taken out first: what is started may make another endpoint ready, which leads back here.
      this.#queue.shift();
      if (member) waiter.start(member.endpoint, member.load.dispatch(now));
      else if (refused && !waiter.aborted) waiter.refuse(refused);
    }
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#retired) this.#close();
  }

  #shut(): void {
    this.#timer = undefined;
    this.#failfast = true;
    const why = this.#failfastReason();
    for (const waiter of this.#queue.splice(0)) if (!waiter.aborted) waiter.refuse(why);
    if (this.#retired) this.#close();
  }

  /** Set when every endpoint proved to be somebody else. */
  #hopeless(): Reason | undefined {
    let why: Reason | undefined;
    for (const member of this.#members.values()) {
      if (member.ready || !member.hopeless) return undefined;
      why ??= member.hopeless;
    }
    return why;
  }

  #failfastReason(): Reason {
    const { name, failfastMs } = this.#options;
    if (!this.#known) return reason('FAILFAST', `${name}: its endpoints are not known after ${failfastMs} ms`);
    if (this.#members.size === 0) return reason('NO_ENDPOINTS', name);
    const states = [...this.#members.values()].slice(0, 5).map((member) => member.describe());
    const more = this.#members.size > states.length ? `, and ${this.#members.size - states.length} more` : '';
    return reason('FAILFAST', `${name}: no endpoint ready for ${failfastMs} ms: ${states.join(', ')}${more}`);
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
