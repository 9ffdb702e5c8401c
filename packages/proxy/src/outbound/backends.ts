// The balancers behind one destination. A plan that replaces another keeps those it still names, with their connections.
// spec/proxy.md §7.8: shared per parent per backend, one for each protocol.
import {
  assertNever,
  type Backend,
  constantWatch,
  type DiscoveryPort,
  type Dispatcher,
  type Endpoint,
  type EndpointSet,
  type FailureAccrual,
  type Labels,
  type Reason,
  reason,
  type Watch,
} from '@weft/core';
import { type Loads, PeakEwma, PenaltyPeakEwma, type PenaltyRules } from '@weft/core/balance';
import type { HttpEndpoint } from '../connect/http-endpoint.ts';
import type { TcpEndpoint } from '../connect/tcp-endpoint.ts';
import type { PoolObserver } from '../observe/balancer-metrics.ts';
import { backendLabels, parentLabels } from '../observe/labels.ts';
import type { BackendUse } from '../route/outbound-plan.ts';
import { BalancedQueue, type BalancedQueueOptions, type PoolSnapshot, type Waiter } from './balanced-queue.ts';
import type { PoolMember } from './pool-member.ts';

/** Where requests or connections of one backend go. */
export interface PoolBackend<M> {
  readonly available: boolean;
  submit(waiter: Waiter<M>): void;
  /** The penalty rules of its balancer, where it has some. */
  readonly penalty?: PenaltyRules | undefined;
  /** The name that is balanced over; undefined where requests are forwarded to one endpoint without balancing. */
  readonly authority: string | undefined;
  /** Its endpoints and what waits for them, now. */
  snapshot(): PoolSnapshot;
}

export type HttpBackend = PoolBackend<HttpEndpoint>;
export type TcpBackend = PoolBackend<TcpEndpoint>;

/** What an endpoint is told of the pool that it is part of. */
export interface PoolContext {
  readonly protocol: BackendUse['protocol'];
  /** The name that is balanced over; undefined for forwards. */
  readonly authority: string | undefined;
  /** When the endpoint is ejected; never where that is undefined. */
  readonly accrual: FailureAccrual | undefined;
  /** parent_* and backend_*. */
  readonly labels: Labels;
}

type Connect<M> = (endpoint: Endpoint, pool: PoolContext, changed: () => void) => M;

export interface BackendsOptions {
  /** What is balanced over, as metrics of connections show it. */
  readonly logical: string;
  readonly discovery: DiscoveryPort;
  readonly httpEndpoint: Connect<HttpEndpoint>;
  readonly tcpEndpoint: Connect<TcpEndpoint>;
  readonly http: QueueSettings;
  readonly tcp: QueueSettings;
  readonly observe: (protocol: BackendUse['protocol'], labels: Labels, failfastMs: number) => PoolObserver;
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
  rebuild<P>(compile: (http: (backend: Backend, use: BackendUse) => HttpBackend, tcp: (backend: Backend, use: BackendUse) => TcpBackend) => P): P {
    this.#next = new Map();
    try {
      const { httpEndpoint, tcpEndpoint, http, tcp } = this.#options;
      const plan = compile(
        (backend, use) => this.#get(backend, use, http, httpEndpoint),
        (backend, use) => this.#get(backend, use, tcp, tcpEndpoint),
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

  #get<M extends PoolMember>({ dispatcher, metadata }: Backend, use: BackendUse, settings: QueueSettings, connect: Connect<M>): PoolBackend<M> {
    if (dispatcher.kind === 'fail') return failing(reason('BACKEND_INVALID', dispatcher.message));
    const key = JSON.stringify([use, metadata, dispatcher]);
    const known = this.#next.get(key) ?? this.#current.get(key);
    if (known) {
      this.#next.set(key, known);
      return known.backend as PoolBackend<M>;
    }
    const { protocol, parent } = use;
    const authority = dispatcher.kind === 'balancer' ? dispatcher.path : undefined;
    const labels: Labels = { ...parentLabels(parent), ...backendLabels(metadata) };
    const pool: PoolContext = { protocol, authority, accrual: authority === undefined ? undefined : use.accrual, labels };
    const http = protocol === 'http/1' || protocol === 'http/2';
    const queue = new BalancedQueue<M>({
      ...settings,
      name: authority ?? 'forward',
      endpoints: this.#endpoints(dispatcher),
      loads: loadsOf(dispatcher, http),
      connect: (endpoint, changed) => connect(endpoint, pool, changed),
      observer: authority === undefined ? undefined : this.#options.observe(protocol, this.#balancerLabels(pool), settings.failfastMs),
    });
    const backend: PoolBackend<M> = {
      get available() {
        return queue.available;
      },
      submit: (waiter) => queue.submit(waiter),
      penalty: http && dispatcher.kind === 'balancer' && dispatcher.load.kind === 'penalty-peak-ewma' ? dispatcher.load : undefined,
      authority,
      snapshot: () => queue.snapshot(),
    };
    this.#next.set(key, { queue, backend });
    return backend;
  }

  #balancerLabels({ protocol, authority, labels }: PoolContext): Labels {
    if (protocol === 'opaque') return { ...labels, logical: this.#options.logical, concrete: authority };
    return protocol === 'tls' ? { ...labels, concrete: authority } : labels;
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

/** Penalties are for HTTP only. */
function loadsOf(dispatcher: Dispatcher, http: boolean): Loads {
  if (dispatcher.kind !== 'balancer') return new PeakEwma();
  const { load } = dispatcher;
  return load.kind === 'penalty-peak-ewma' && http ? new PenaltyPeakEwma(load) : new PeakEwma(load);
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
