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
  /** Called for each endpoint that is new; `changed` is to be called whenever `ready` of the member turns true. */
  readonly connect: (endpoint: Endpoint, changed: () => void) => M;
}

export class BalancedQueue<M extends PoolMember> {
  readonly #options: BalancedQueueOptions<M>;
  readonly #balancer: Balancer<M>;
  readonly #members = new Map<Endpoint, M>();
  readonly #unsubscribe: Unsubscribe;
  #queue: Waiter<M>[] = [];
  #timer: Timer | undefined;
  #failfast = false;
  #rejected: Reason | undefined;
  #known = false;
  #retired = false;

  constructor(options: BalancedQueueOptions<M>) {
    this.#options = options;
    this.#balancer = p2c<M>({ ready: (member) => member.ready, clock: options.clock, random: options.random, load: (_member, now) => options.load(now) });
    this.#unsubscribe = options.endpoints.subscribe((state) => {
      if (state.kind === 'pending') return;
      this.#known = true;
      this.#rejected = state.kind === 'rejected' ? state.reason : undefined;
      this.#apply(state.kind === 'value' ? state.value : []);
    });
  }

  get available(): boolean {
    return !this.#failfast && !this.#rejected;
  }

  submit(waiter: Waiter<M>): void {
    if (this.#rejected) return waiter.refuse(this.#rejected);
    if (this.#queue.length === 0 && this.#start(waiter)) return;
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

  #close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#unsubscribe();
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
      if (!this.#members.has(endpoint))
        this.#members.set(
          endpoint,
          this.#options.connect(endpoint, () => this.#pump()),
        );
    }
    this.#balancer.update(this.#members.values());
    this.#pump();
  }

  #start(waiter: Waiter<M>): boolean {
    const now = this.#options.clock.now();
    const member = this.#balancer.pick(now);
    if (!member) return false;
    this.#failfast = false;
    waiter.start(member.endpoint, member.load.dispatch(now));
    return true;
  }

  #pump(): void {
    if (this.#failfast && this.#balancer.members.some((member) => member.endpoint.ready)) this.#failfast = false;
    for (let waiter = this.#queue[0]; waiter; waiter = this.#queue[0]) {
      const now = this.#options.clock.now();
      const member = waiter.aborted || this.#rejected ? undefined : this.#balancer.pick(now);
      if (!member && !waiter.aborted && !this.#rejected) return;
      // Taken out first: what is started may make another endpoint ready, which leads back here.
      this.#queue.shift();
      if (member) waiter.start(member.endpoint, member.load.dispatch(now));
      else if (this.#rejected && !waiter.aborted) waiter.refuse(this.#rejected);
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

  #failfastReason(): Reason {
    const { name, failfastMs } = this.#options;
    if (!this.#known) return reason('FAILFAST', `${name}: its endpoints are not known after ${failfastMs} ms`);
    if (this.#members.size === 0) return reason('NO_ENDPOINTS', name);
    const states = [...this.#members.values()].slice(0, 5).map((member) => member.describe());
    const more = this.#members.size > states.length ? `, and ${this.#members.size - states.length} more` : '';
    return reason('FAILFAST', `${name}: no endpoint ready for ${failfastMs} ms: ${states.join(', ')}${more}`);
  }
}

/** `10.0.0.1:80 (CONNECT_REFUSED …)`, as reasons show an endpoint. */
export function describeMember(address: string, ready: boolean, lastError: Reason | undefined): string {
  if (lastError) return `${address} (${lastError.code}: ${formatReason(lastError)})`;
  return ready ? `${address} (ready)` : `${address} (connecting)`;
}
