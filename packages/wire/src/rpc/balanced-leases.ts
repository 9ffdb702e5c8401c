// Connections to every address of a service: the less loaded of two ready ones takes a call, and calls wait in a bounded queue
// while none is ready. spec/proxy.md §5.3 (balancing), §6.1 – §6.3.
import {
  type Clock,
  FailfastQueue,
  formatReason,
  formatSocketAddress,
  type Millis,
  type QueueEntry,
  type QueueSource,
  type Random,
  type Reason,
  ReasonError,
  reason,
  type SocketAddress,
  type Unsubscribe,
  type Watch,
  type WatchState,
} from '@weft/core';
import { type Balancer, type Member, peakEwma } from '@weft/core/balance';
import type { BalanceObserver } from './balance-observer.ts';
import type { BalancedMember } from './balanced-member.ts';
import { RpcCode, RpcError } from './channel.ts';
import type { Caller, Lease, Leases } from './lease.ts';

export interface BalancedLeasesOptions {
  /** Shown in errors. */
  readonly name: string;
  readonly addresses: Watch<readonly SocketAddress[]>;
  readonly member: (address: SocketAddress, changed: () => void) => BalancedMember;
  readonly capacity: number;
  readonly failfastMs: Millis;
  readonly clock: Clock;
  readonly random?: Random | undefined;
  readonly observer?: BalanceObserver | undefined;
}

interface Waiter extends QueueEntry {
  readonly since: Millis;
  readonly resolve: (lease: Lease) => void;
}

export class BalancedLeases implements Leases, QueueSource<Waiter, Lease> {
  readonly #options: BalancedLeasesOptions;
  readonly #balancer: Balancer<BalancedMember>;
  readonly #members = new Map<string, BalancedMember>();
  /** Left the set while calls were running on them. */
  readonly #draining = new Set<BalancedMember>();
  readonly #queue: FailfastQueue<Waiter, Lease>;
  #unsubscribe: Unsubscribe | undefined;
  #resolution: WatchState<readonly SocketAddress[]> = { kind: 'pending' };
  #closed = false;

  constructor(options: BalancedLeasesOptions) {
    this.#options = options;
    const { clock, random, observer } = options;
    this.#queue = new FailfastQueue({ ...options, source: this, onGate: (shut) => observer?.gate(shut ? 'shut' : 'open'), onEmpty: () => this.#onEmpty() });
    this.#balancer = peakEwma<BalancedMember>({ ready: (member) => member.ready, clock, ...(random && { random }) });
  }

  acquire(caller: Caller): Promise<Lease> {
    if (this.#closed) return Promise.reject(closed());
    // Nothing is resolved or connected to before the first call.
    this.#unsubscribe ??= this.#options.addresses.subscribe((state) => this.#onAddresses(state));
    return new Promise((resolve, reject) => {
      this.#queue.submit({
        get aborted() {
          return caller.ended;
        },
        since: this.#options.clock.now(),
        resolve,
        refuse: (why) => reject(this.#closed ? closed() : refusal(why)),
      });
      if (this.#queue.length > 0) this.#report();
    });
  }

  close(): void {
    this.#closed = true;
    this.#unsubscribe?.();
    for (const member of [...this.#members.values(), ...this.#draining]) member.close();
    this.#members.clear();
    this.#draining.clear();
    this.#balancer.update([]);
    this.#queue.clear(reason('DRAINING'));
    this.#report();
  }

  /** Keeps connections to addresses that stay; a name that cannot be resolved for the moment changes nothing. */
  #onAddresses(state: WatchState<readonly SocketAddress[]>): void {
    this.#resolution = state;
    if (state.kind !== 'value') return;
    const wanted = new Map(state.value.map((address) => [formatSocketAddress(address), address]));
    let removed = 0;
    for (const [key, member] of this.#members) {
      if (wanted.has(key)) continue;
      this.#members.delete(key);
      this.#draining.add(member);
      member.drain();
      removed++;
    }
    for (const [key, address] of wanted) if (!this.#members.has(key)) this.#members.set(key, this.#member(address));
    const { added } = this.#balancer.update(this.#members.values());
    if (added.length > 0 || removed > 0) this.#options.observer?.updated();
    this.#pump();
  }

  #member(address: SocketAddress): BalancedMember {
    const member = this.#options.member(address, () => {
      this.#balancer.refresh(member);
      this.#pump();
    });
    return member;
  }

  take(): Lease | undefined {
    const member = this.#balancer.pick(this.#options.clock.now());
    const lease = member?.endpoint.take();
    return member && lease && counted(lease, member, this.#options.clock);
  }

  start(waiter: Waiter, lease: Lease): void {
    this.#options.observer?.dequeued(this.#options.clock.now() - waiter.since);
    waiter.resolve(lease);
  }

  get ready(): boolean {
    return this.#balancer.ready > 0;
  }

  /** Addresses may change, and peers come back. */
  get hopeless(): undefined {
    return undefined;
  }

  failfast(): Reason {
    const { name, failfastMs } = this.#options;
    if (this.#members.size === 0 && this.#resolution.kind === 'value') return reason('NO_ENDPOINTS', name);
    return reason('FAILFAST', `${name}: after ${failfastMs} ms still waiting for ${this.waitsFor}`);
  }

  /** Something may have become ready, or nothing is any more. */
  #pump(): void {
    if (this.#closed) return;
    for (const member of this.#draining) if (!member.lingers) this.#draining.delete(member);
    this.#queue.pump();
    this.#report();
  }

  /** Within a change, which is told of as a whole, or because the time was over. */
  #onEmpty(): void {
    if (this.#queue.shut) this.#report();
  }

  #report(): void {
    const { observer } = this.#options;
    if (!observer) return;
    let ready = 0;
    for (const member of this.#members.values()) if (member.ready) ready++;
    observer.state({ ready, pending: this.#members.size - ready, queued: this.#queue.length });
  }

  get waitsFor(): string {
    const state = this.#resolution;
    if (this.#members.size === 0) {
      if (state.kind === 'value') return 'addresses, of which there are none';
      return `addresses, which are not known${state.kind === 'rejected' ? `: ${formatReason(state.reason)}` : ''}`;
    }
    const members = [...this.#members.values()].slice(0, 5).map(({ address, lastError }) => `${formatSocketAddress(address)} (${lastError ?? 'connecting'})`);
    return `a connection to ${members.join(', ')}`;
  }
}

/** The load of an address counts a call until the first part of its answer: what follows says how much there is to say, not how busy it is. */
function counted(lease: Lease, { load }: Member<BalancedMember>, clock: Clock): Lease {
  const dispatch = load.dispatch(clock.now());
  return {
    session: lease.session,
    answered: () => lease.answered(),
    received: () => {
      dispatch.complete(clock.now());
      lease.received();
    },
    release: () => {
      dispatch.complete(clock.now());
      lease.release();
    },
  };
}

function closed(): RpcError {
  return new RpcError(RpcCode.UNAVAILABLE, 'the channel is closed');
}

function refusal(why: Reason): RpcError {
  return new RpcError(RpcCode.UNAVAILABLE, formatReason(why), { cause: new ReasonError(why) });
}
