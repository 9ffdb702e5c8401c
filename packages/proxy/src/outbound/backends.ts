// The balancers behind one destination. A plan that replaces another keeps those it still names, with their connections.
// spec/proxy.md §7.8: shared per parent per backend.
import {
  assertNever,
  type Backend,
  constantWatch,
  type DiscoveryPort,
  type Dispatcher,
  type Endpoint,
  type EndpointSet,
  type Reason,
  reason,
  type Watch,
} from '@weft/core';
import { type LoadEstimate, PeakEwma, PenaltyPeakEwma } from '@weft/core/balance';
import type { HttpEndpoint } from '../connect/http-endpoint.ts';
import type { TcpEndpoint } from '../connect/tcp-endpoint.ts';
import { BalancedQueue, type BalancedQueueOptions, type PoolMember, type PoolSnapshot, type Waiter } from './balanced-queue.ts';

/** Where requests or connections of one backend go. */
export interface PoolBackend<M> {
  readonly available: boolean;
  submit(waiter: Waiter<M>): void;
  /** The penalty rules of its balancer, where it has some. */
  readonly penalty?: { readonly penaltyMs: number; readonly maxRetryAfterMs: number } | undefined;
  /** The name that is balanced over; undefined where requests are forwarded to one endpoint without balancing. */
  readonly authority: string | undefined;
  /** Its endpoints and what waits for them, now. */
  snapshot(): PoolSnapshot;
}

export type HttpBackend = PoolBackend<HttpEndpoint>;
export type TcpBackend = PoolBackend<TcpEndpoint>;

export interface BackendsOptions {
  readonly discovery: DiscoveryPort;
  /** `authority` is the name that is balanced over; undefined for forwards. */
  readonly httpEndpoint: (endpoint: Endpoint, authority: string | undefined, changed: () => void) => HttpEndpoint;
  readonly tcpEndpoint: (endpoint: Endpoint, authority: string | undefined, changed: () => void) => TcpEndpoint;
  readonly http: QueueSettings;
  readonly tcp: QueueSettings;
}

export type QueueSettings = Pick<BalancedQueueOptions<PoolMember>, 'capacity' | 'failfastMs' | 'clock' | 'random'>;

interface Entry {
  readonly queue: { retire(): void; destroy(why: Reason): void };
  readonly backend: unknown;
}

export class Backends {
  readonly #options: BackendsOptions;
  #current = new Map<string, Entry>();
  #next = new Map<string, Entry>();

  constructor(options: BackendsOptions) {
    this.#options = options;
  }

  /** Runs a compilation: what it asks for is kept or made, what it no longer asks for is retired. A throw keeps everything. */
  rebuild<P>(compile: (http: (backend: Backend) => HttpBackend, tcp: (backend: Backend) => TcpBackend) => P): P {
    this.#next = new Map();
    try {
      const { httpEndpoint, tcpEndpoint, http, tcp } = this.#options;
      const plan = compile(
        (backend) => this.#get('http', backend, http, httpEndpoint),
        (backend) => this.#get('tcp', backend, tcp, tcpEndpoint),
      );
      for (const [key, entry] of this.#current) if (!this.#next.has(key)) entry.queue.retire();
      this.#current = this.#next;
      return plan;
    } catch (error) {
      for (const [key, entry] of this.#next) if (!this.#current.has(key)) entry.queue.retire();
      throw error;
    }
  }

  retire(): void {
    for (const entry of this.#current.values()) entry.queue.retire();
    this.#current.clear();
  }

  destroy(why: Reason): void {
    for (const entry of this.#current.values()) entry.queue.destroy(why);
    this.#current.clear();
  }

  #get<M extends PoolMember>(
    kind: 'http' | 'tcp',
    { dispatcher }: Backend,
    settings: QueueSettings,
    make: (endpoint: Endpoint, authority: string | undefined, changed: () => void) => M,
  ): PoolBackend<M> {
    if (dispatcher.kind === 'fail') return failing(reason('BACKEND_INVALID', dispatcher.message));
    const key = `${kind} ${JSON.stringify(dispatcher)}`;
    const known = this.#next.get(key) ?? this.#current.get(key);
    if (known) {
      this.#next.set(key, known);
      return known.backend as PoolBackend<M>;
    }
    const authority = dispatcher.kind === 'balancer' ? dispatcher.path : undefined;
    const queue = new BalancedQueue<M>({
      ...settings,
      name: authority ?? 'forward',
      endpoints: this.#endpoints(dispatcher),
      load: loadOf(dispatcher, kind),
      connect: (endpoint, changed) => make(endpoint, authority, changed),
    });
    const backend: PoolBackend<M> = {
      get available() {
        return queue.available;
      },
      submit: (waiter) => queue.submit(waiter),
      penalty: kind === 'http' && dispatcher.kind === 'balancer' && dispatcher.load.kind === 'penalty-peak-ewma' ? dispatcher.load : undefined,
      authority,
      snapshot: () => queue.snapshot(),
    };
    this.#next.set(key, { queue, backend });
    return backend;
  }

  #endpoints(dispatcher: Exclude<Dispatcher, { kind: 'fail' }>): Watch<EndpointSet> {
    switch (dispatcher.kind) {
      case 'forward':
        return constantWatch<EndpointSet>([dispatcher.endpoint]);
      case 'balancer':
        return this.#options.discovery.endpoints(dispatcher.path);
      default:
        return assertNever(dispatcher);
    }
  }
}

function loadOf(dispatcher: Dispatcher, kind: 'http' | 'tcp'): (now: number) => LoadEstimate {
  if (dispatcher.kind !== 'balancer') return (now) => new PeakEwma({ now });
  const { load } = dispatcher;
  if (load.kind === 'penalty-peak-ewma' && kind === 'http') return (now) => new PenaltyPeakEwma({ ...load, now });
  return (now) => new PeakEwma({ defaultRttMs: load.defaultRttMs, decayMs: load.decayMs, now });
}

/** A backend that policy says cannot work. */
function failing<M>(why: Reason): PoolBackend<M> {
  return {
    available: true,
    submit: (waiter) => waiter.refuse(why),
    authority: undefined,
    snapshot: () => ({ name: 'invalid', gate: 'shut', why, waiting: 0, endpoints: [] }),
  };
}
