// Metrics of the clients of the control plane. spec/proxy.md §9.2 (control_*), §9.4 (control_*_balancer, control_dns_resolutions_total).
import { type Clock, DEFAULT_CLASSIFIERS, LATENCY_BUCKETS_MS, type Labels, type MetricRegistry, TIMED_OUT, UNCLASSIFIED } from '@weft/core';
import type { BalanceObserver, CallObserver } from '@weft/wire';
import { HttpMeter } from '../../observe/http-metrics.ts';
import { clientTlsLabels } from '../../observe/labels.ts';
import type { ControlAddress } from '../config/rules.ts';
import type { OnLookup } from '../dns/resolver.ts';

export type ControlService = 'destination' | 'policy' | 'identity';

export interface ControlMetrics {
  readonly onLookup: OnLookup;
  readonly balance: BalanceObserver;
  /** A call begins. */
  readonly call: () => CallObserver;
}

export interface ControlMetricsOptions {
  readonly registry: MetricRegistry;
  readonly service: ControlService;
  readonly address: ControlAddress;
  readonly failfastMs: number;
  readonly clock: Clock;
}

const QUEUE_SECONDS = [0.0005, 0.005, 0.05, 0.5, 1, 3];

export function controlMetrics({ registry, service, address, failfastMs, clock }: ControlMetricsOptions): ControlMetrics {
  const addr = address.target.authority;
  const tls = clientTlsLabels(address.serverName === undefined ? undefined : { kind: 'dns', name: address.serverName }, 'loopback');
  // Every call goes through the queue, if only for a moment.
  const enqueued = registry.counter(`control_${service}_balancer_queue_requests_total`, 'The number of requests that have been enqueued').with({ addr });
  const begin = calls(registry, { addr, ...tls }, clock);
  return {
    onLookup: lookups(registry, service),
    balance: balancer(registry, service, { addr }, failfastMs, clock),
    call() {
      enqueued.inc();
      return begin();
    },
  };
}

function lookups(registry: MetricRegistry, client: ControlService): OnLookup {
  const family = registry.counter('control_dns_resolutions_total', 'Counts the number of DNS records that have been resolved.');
  const series = (record_type: 'SRV' | 'A/AAAA') => ({
    ok: family.with({ client, record_type, result: 'ok' }),
    not_found: family.with({ client, record_type, result: 'not_found' }),
  });
  const byRecord = { 'A/AAAA': series('A/AAAA'), SRV: series('SRV') };
  return (record, result) => byRecord[record][result].inc();
}

function balancer(registry: MetricRegistry, service: ControlService, labels: Labels, failfastMs: number, clock: Clock): BalanceObserver {
  const endpoints = registry.gauge(`control_${service}_balancer_endpoints`, 'The number of endpoints currently in the balancer');
  const [pending, ready] = [endpoints.with({ ...labels, endpoint_state: 'pending' }), endpoints.with({ ...labels, endpoint_state: 'ready' })];
  const pool = registry.gauge(`control_${service}_balancer_p2c_endpoints`, 'Gauge of the number of endpoints in the pool').with(labels);
  const updates = registry.counter(`control_${service}_balancer_p2c_updates_total`, 'Number of updates to the pool').with({ ...labels, op: 'Reset' });
  const queued = registry.gauge(`control_${service}_balancer_queue_length`, 'The number of requests currently in the queue').with(labels);
  const latency = registry
    .histogram(`control_${service}_balancer_queue_latency_seconds`, 'The time that requests spent in the queue', QUEUE_SECONDS)
    .with(labels);
  const gates = {
    open: {
      count: registry.counter(`control_${service}_balancer_queue_gate_open_total`, 'How often the gate was opened').with(labels),
      time: registry.gauge(`control_${service}_balancer_queue_gate_open_time_seconds`, 'When the gate was last opened').with(labels),
    },
    shut: {
      count: registry.counter(`control_${service}_balancer_queue_gate_shut_total`, 'How often the gate was shut').with(labels),
      time: registry.gauge(`control_${service}_balancer_queue_gate_shut_time_seconds`, 'When the gate was last shut').with(labels),
    },
  };
  const timeout = registry.gauge(`control_${service}_balancer_queue_gate_timeout_seconds`, 'How long requests wait before the gate is shut').with(labels);
  timeout.set(failfastMs / 1_000);
  return {
    state(now) {
      pending.set(now.pending);
      ready.set(now.ready);
      pool.set(now.pending + now.ready);
      queued.set(now.queued);
    },
    updated: () => updates.inc(),
    dequeued: (afterMs) => latency.observe(afterMs / 1_000),
    gate(is) {
      gates[is].count.inc();
      gates[is].time.set(clock.wall() / 1_000);
    },
  };
}

function calls(registry: MetricRegistry, labels: Labels, clock: Clock): () => CallObserver {
  const meter = new HttpMeter(
    labels,
    registry.counter('control_request_total', 'Total count of HTTP requests.', { evictable: true }),
    registry.counter('control_response_total', 'Total count of HTTP responses.', { evictable: true }),
    registry.histogram(
      'control_response_latency_ms',
      "Elapsed times between a request's headers being received and its response stream completing",
      LATENCY_BUCKETS_MS,
      { evictable: true },
    ),
  );
  return () => {
    const begun = clock.now();
    meter.request();
    return {
      firstByte: (httpStatus) => meter.latency(httpStatus, clock.now() - begun),
      ended({ httpStatus, grpcStatus, error }) {
        // Who leaves before there is an answer has no response to count; who leaves later has had one.
        if (error === 'cancelled' && httpStatus === undefined) return;
        if (error !== undefined && error !== 'cancelled') {
          return meter.response(httpStatus, error === 'timeout' ? TIMED_OUT : UNCLASSIFIED);
        }
        const text = grpcStatus === undefined ? undefined : String(grpcStatus);
        meter.response(httpStatus ?? 0, DEFAULT_CLASSIFIERS.grpc.end(httpStatus ?? 0, text, itself));
      },
    };
  };
}

/** What is looked up is all there is. */
const itself = (text: string): string => text;
