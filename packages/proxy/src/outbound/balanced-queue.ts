// Endpoints of one backend, and what waits for one of them to become ready. spec/proxy.md §6.1, §6.3.
import {
  type Clock,
  type Endpoint,
  type EndpointSet,
  FailfastQueue,
  type Millis,
  type QueueSource,
  type Random,
  type Reason,
  reason,
  type Unsubscribe,
  type Watch,
} from '@weft/core';
import { type Balancer, type Dispatched, type Loads, type PenaltyRules, p2c } from '@weft/core/balance';
import type { PoolObserver } from '../observe/balancer-metrics.ts';
import { describeMembers } from './describe-members.ts';
import type { PoolBackend, PoolSnapshot, Waiter } from './pool-backend.ts';
import type { PoolMember } from './pool-member.ts';

export interface BalancedQueueOptions<M extends PoolMember> {
  /** The name that is balanced over, shown in reasons; undefined where requests are forwarded to one endpoint. */
  readonly authority: string | undefined;
  /** Of its load, for HTTP. */
  readonly penalty?: PenaltyRules | undefined;
  readonly endpoints: Watch<EndpointSet>;
  readonly capacity: number;
  readonly failfastMs: Millis;
  readonly clock: Clock;
  readonly random: Random;
  readonly loads: Loads;
  /** Called for each endpoint that is new; `changed` is to be called whenever `ready` or `hopeless` has changed. */
  readonly connect: (endpoint: Endpoint, changed: () => void) => M;
  readonly observer?: PoolObserver | undefined;
}

/** So long the same is said of the endpoints, unless one becomes ready or another set comes: what is shed must stay cheap, however many there are. */
const DESCRIBED_MS = 100;

export class BalancedQueue<M extends PoolMember> implements PoolBackend<M>, QueueSource<Waiter<M>, Dispatched<M>> {
  readonly authority: string | undefined;
  readonly penalty: PenaltyRules | undefined;
  readonly #name: string;
  readonly #options: BalancedQueueOptions<M>;
  readonly #balancer: Balancer<M>;
  readonly #members = new Map<Endpoint, M>();
  /** Those who will not become ready by waiting. */
  readonly #hopeless = new Set<M>();
  readonly #queue: FailfastQueue<Waiter<M>, Dispatched<M>>;
  #unsubscribe: Unsubscribe | undefined;
  #rejected: Reason | undefined;
  #described: { readonly at: Millis; readonly text: string } | undefined;
  #known = false;
  #retired = false;
  #closed = false;

  constructor(options: BalancedQueueOptions<M>) {
    const { clock, random, loads, observer } = options;
    this.#options = options;
    this.authority = options.authority;
    this.penalty = options.penalty;
    this.#name = options.authority ?? 'forward';
    this.#balancer = p2c<M>({ ready: (member) => member.ready, clock, random, loads });
    this.#queue = new FailfastQueue({
      ...options,
      name: this.#name,
      source: this,
      onGate: (shut) => observer?.gate(shut ? 'shut' : 'open'),
      onEmpty: () => this.#emptied(),
    });
  }

  get available(): boolean {
    return !this.#queue.shut && !this.#rejected;
  }

  submit(waiter: Waiter<M>): void {
    const { observer } = this.#options;
    // Only who comes again for a request that began before the policy changed.
    if (this.#closed) return waiter.refuse(reason('NO_READY_ENDPOINT', `${this.#name}: it is no longer part of the policy`));
    this.#start();
    observer?.enqueued();
    this.#queue.submit(waiter);
    if (this.#queue.length > 0) this.#report();
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

  snapshot(): PoolSnapshot {
    const now = this.#options.clock.now();
    const why = this.#rejected ?? (this.#queue.shut ? this.failfast() : undefined);
    const endpoints = this.#balancer.members.map(({ endpoint, load }) => ({ ...endpoint.status, load: load.peek(now), pending: load.inFlight }));
    const open = this.#unsubscribe ? (this.#known ? 'open' : 'resolving') : 'unused';
    return {
      name: this.#name,
      available: this.available,
      gate: why ? 'shut' : open,
      why,
      refusal: this.ready ? undefined : this.#queue.refusal,
      waiting: this.#queue.length,
      endpoints,
    };
  }

  take(): Dispatched<M> | undefined {
    return this.#balancer.dispatch(this.#options.clock.now());
  }

  start(waiter: Waiter<M>, { endpoint, dispatch }: Dispatched<M>, waitedMs: Millis): void {
    this.#options.observer?.dequeued(waitedMs);
    waiter.start(endpoint, dispatch);
  }

  get ready(): boolean {
    return this.#balancer.ready > 0;
  }

  /** Set when the name is rejected, or every endpoint proved to be somebody else. */
  get hopeless(): Reason | undefined {
    if (this.#rejected || this.#hopeless.size === 0 || this.#hopeless.size < this.#members.size) return this.#rejected;
    const [first] = this.#hopeless;
    return first?.hopeless;
  }

  failfast(): Reason {
    const { failfastMs } = this.#options;
    const name = this.#name;
    if (!this.#known) return reason('FAILFAST', `${name}: its endpoints are not known after ${failfastMs} ms`);
    if (this.#members.size === 0) return reason('NO_ENDPOINTS', name);
    return reason('FAILFAST', `${name}: no endpoint ready for ${failfastMs} ms: ${this.#describe()}`);
  }

  #describe(): string {
    const now = this.#options.clock.now();
    if (!this.#described || now - this.#described.at >= DESCRIBED_MS) this.#described = { at: now, text: describeMembers(this.#members.values()) };
    return this.#described.text;
  }

  /** Endpoints are resolved and connected to from the first request on. */
  #start(): void {
    this.#unsubscribe ??= this.#options.endpoints.subscribe((state) => {
      if (state.kind === 'pending') return;
      this.#rejected = state.kind === 'rejected' ? state.reason : undefined;
      this.#apply(state.kind === 'value' ? state.value : []);
    });
  }

  #emptied(): void {
    if (this.#retired) this.#close();
    else this.#report();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unsubscribe?.();
    for (const member of this.#members.values()) member.close();
    this.#members.clear();
    this.#hopeless.clear();
    this.#balancer.update([]);
    this.#report();
    this.#options.observer?.close();
  }

  /** Endpoints that stay the same object keep connection and load; what is in flight on a removed one finishes. */
  #apply(set: EndpointSet): void {
    const { observer, connect } = this.#options;
    this.#described = undefined;
    const wanted = new Set(set);
    for (const [endpoint, member] of this.#members) {
      if (wanted.has(endpoint)) continue;
      this.#members.delete(endpoint);
      this.#hopeless.delete(member);
      member.close();
    }
    for (const endpoint of wanted) {
      if (this.#members.has(endpoint)) continue;
      this.#members.set(
        endpoint,
        connect(endpoint, () => this.#changed(endpoint)),
      );
    }
    const { added, removed } = this.#balancer.update(this.#members.values());
    if (this.#known) {
      observer?.updated('Add', added.length);
      observer?.updated('Remove', removed.length);
    } else observer?.updated('Reset', 1);
    this.#known = true;
    this.#pump();
  }

  #changed(endpoint: Endpoint): void {
    const member = this.#members.get(endpoint);
    if (!member) return;
    this.#described = undefined;
    if (member.hopeless && !member.ready) this.#hopeless.add(member);
    else this.#hopeless.delete(member);
    this.#balancer.refresh(member);
    this.#pump();
  }

  #pump(): void {
    this.#queue.pump();
    this.#report();
  }

  #report(): void {
    const { ready } = this.#balancer;
    this.#options.observer?.state({ ready, pending: this.#members.size - ready, queued: this.#queue.length });
  }
}
