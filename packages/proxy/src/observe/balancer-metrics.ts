// What a balancer and its queue tell, as Linkerd's metrics `<balancer>_*`. spec/proxy.md §9.4.
import type { Clock, FamilyOptions, Labels, MetricRegistry, Millis } from '@weft/core';

/** Called synchronously, some of it per request; must not throw. */
export interface PoolObserver {
  /** How many endpoints take requests and how many do not, and how many requests wait. */
  state(now: { readonly ready: number; readonly pending: number; readonly queued: number }): void;
  /** The set has changed. */
  updated(op?: UpdateKind, times?: number): void;
  /** A request came. */
  enqueued(): void;
  /** A request was given an endpoint after waiting so long. */
  dequeued(afterMs: Millis): void;
  /** `shut`: requests fail at once because no endpoint was ready for too long. */
  gate(is: 'open' | 'shut'): void;
  /** The balancer is gone. */
  close(): void;
}

export type UpdateKind = 'Reset' | 'Add' | 'Remove';

export interface BalancerMetricsOptions extends FamilyOptions {
  readonly registry: MetricRegistry;
  /** The beginning of the names. */
  readonly balancer: string;
  readonly clock: Clock;
}

const QUEUE_SECONDS = [0.0005, 0.005, 0.05, 0.5, 1, 3];

/** Makes the observers of balancers. Two with the same labels, such as an old one that drains and its successor, add up. */
export function balancerMetrics(options: BalancerMetricsOptions): (labels: Labels, failfastMs: Millis) => PoolObserver {
  const { registry, balancer, clock, evictable = false } = options;
  const families = {
    endpoints: registry.gauge(`${balancer}_endpoints`, 'The number of endpoints currently in the balancer, by whether they are ready', { evictable }),
    pool: registry.gauge(`${balancer}_p2c_endpoints`, 'The number of endpoints in the pool', { evictable }),
    updates: registry.counter(`${balancer}_p2c_updates_total`, 'Number of updates to the pool', { evictable }),
    length: registry.gauge(`${balancer}_queue_length`, 'The number of requests currently in the queue', { evictable }),
    requests: registry.counter(`${balancer}_queue_requests_total`, 'The number of requests that have been enqueued', { evictable }),
    latency: registry.histogram(`${balancer}_queue_latency_seconds`, 'The time that requests spent in the queue', QUEUE_SECONDS, { evictable }),
    opened: registry.counter(`${balancer}_queue_gate_open_total`, 'How often the gate was opened', { evictable }),
    shut: registry.counter(`${balancer}_queue_gate_shut_total`, 'How often the gate was shut', { evictable }),
  };
  const times = {
    open: registry.gauge(`${balancer}_queue_gate_open_time_seconds`, 'When the gate was last opened', { join: 'max' }),
    shut: registry.gauge(`${balancer}_queue_gate_shut_time_seconds`, 'When the gate was last shut', { join: 'max' }),
    timeout: registry.gauge(`${balancer}_queue_gate_timeout_seconds`, 'How long requests wait before the gate is shut', { join: 'max' }),
  };
  /** How many balancers share the times of these labels. */
  const users = new Map<string, number>();

  return (labels, failfastMs) => {
    const key = JSON.stringify(labels);
    users.set(key, (users.get(key) ?? 0) + 1);
    const pending = families.endpoints.with({ ...labels, endpoint_state: 'pending' });
    const ready = families.endpoints.with({ ...labels, endpoint_state: 'ready' });
    const pool = families.pool.with(labels);
    const length = families.length.with(labels);
    const requests = families.requests.with(labels);
    const latency = families.latency.with(labels);
    const gates = {
      open: { count: families.opened.with(labels), time: times.open.with(labels) },
      shut: { count: families.shut.with(labels), time: times.shut.with(labels) },
    };
    times.timeout.with(labels).set(failfastMs / 1_000);
    let last = { ready: 0, pending: 0, queued: 0 };
    let closed = false;
    const observer: PoolObserver = {
      state(now) {
        if (now.ready !== last.ready) ready.inc(now.ready - last.ready);
        if (now.pending !== last.pending) pending.inc(now.pending - last.pending);
        if (now.queued !== last.queued) length.inc(now.queued - last.queued);
        const more = now.ready + now.pending - last.ready - last.pending;
        if (more !== 0) pool.inc(more);
        last = now;
      },
      updated(op = 'Reset', count = 1) {
        if (count > 0) families.updates.with({ ...labels, op }).inc(count);
      },
      enqueued: () => requests.inc(),
      dequeued: (afterMs) => latency.observe(afterMs / 1_000),
      gate(is) {
        gates[is].count.inc();
        gates[is].time.set(clock.wall() / 1_000);
      },
      close() {
        if (closed) return;
        closed = true;
        const left = (users.get(key) ?? 1) - 1;
        if (left > 0) return void users.set(key, left);
        users.delete(key);
        for (const family of Object.values(times)) family.remove(labels);
      },
    };
    observer.gate('open');
    return observer;
  };
}

/** Of all that the outbound side balances. */
export interface OutboundBalancerMetrics {
  readonly http: (labels: Labels, failfastMs: Millis) => PoolObserver;
  readonly tcp: (labels: Labels, failfastMs: Millis) => PoolObserver;
  readonly tls: (labels: Labels, failfastMs: Millis) => PoolObserver;
}

export function outboundBalancerMetrics(registry: MetricRegistry, clock: Clock): OutboundBalancerMetrics {
  const of = (protocol: string): ((labels: Labels, failfastMs: Millis) => PoolObserver) =>
    balancerMetrics({ registry, balancer: `outbound_${protocol}_balancer`, clock, evictable: true });
  return { http: of('http'), tcp: of('tcp'), tls: of('tls') };
}
