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
import { type Loads, PeakEwma, PenaltyPeakEwma } from '@weft/core/balance';
import type { HttpEndpoint } from '../connect/http-endpoint.ts';
import type { TcpEndpoint } from '../connect/tcp-endpoint.ts';
import type { PoolObserver } from '../observe/balancer-metrics.ts';
import { backendLabels, parentLabels } from '../observe/labels.ts';
import type { BackendUse } from '../route/outbound-plan.ts';
import { BalancedQueue, type BalancedQueueOptions } from './balanced-queue.ts';
import { failing, type HttpBackend, type PoolBackend, type TcpBackend } from './pool-backend.ts';
import type { PoolMember } from './pool-member.ts';

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

/** A queue, whatever its members are: the key says. */
interface Kept {
  retire(): void;
  destroy(why: Reason): void;
}

export class Backends {
  readonly #options: BackendsOptions;
  #current = new Map<string, Kept>();
  #next = new Map<string, Kept>();

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
      for (const [key, queue] of this.#current) if (!this.#next.has(key)) queue.retire();
      this.#current = this.#next;
      return plan;
    } catch (error) {
      for (const [key, queue] of this.#next) if (!this.#current.has(key)) queue.retire();
      throw error;
    }
  }

  retire(): void {
    for (const queue of this.#current.values()) queue.retire();
    this.#current.clear();
  }

  destroy(why: Reason): void {
    for (const queue of this.#current.values()) queue.destroy(why);
    this.#current.clear();
  }

  #get<M extends PoolMember>({ dispatcher, metadata }: Backend, use: BackendUse, settings: QueueSettings, connect: Connect<M>): PoolBackend<M> {
    if (dispatcher.kind === 'fail') return failing(reason('BACKEND_INVALID', dispatcher.message));
    const key = JSON.stringify([use, metadata, dispatcher]);
    const known = this.#next.get(key) ?? this.#current.get(key);
    if (known) {
      this.#next.set(key, known);
      return known as BalancedQueue<M>;
    }
    const { protocol, parent } = use;
    const authority = dispatcher.kind === 'balancer' ? dispatcher.path : undefined;
    const labels: Labels = { ...parentLabels(parent), ...backendLabels(metadata) };
    const pool: PoolContext = { protocol, authority, accrual: authority === undefined ? undefined : use.accrual, labels };
    const http = protocol === 'http/1' || protocol === 'http/2';
    const penalty = http && dispatcher.kind === 'balancer' && dispatcher.load.kind === 'penalty-peak-ewma' ? dispatcher.load : undefined;
    const queue = new BalancedQueue<M>({
      ...settings,
      authority,
      penalty,
      endpoints: this.#endpoints(dispatcher),
      loads: loadsOf(dispatcher, http),
      connect: (endpoint, changed) => connect(endpoint, pool, changed),
      observer: authority === undefined ? undefined : this.#options.observe(protocol, this.#balancerLabels(pool), settings.failfastMs),
    });
    this.#next.set(key, queue);
    return queue;
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
