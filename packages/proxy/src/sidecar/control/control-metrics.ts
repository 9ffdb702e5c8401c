// Metrics of the clients of the control plane. spec/proxy.md §9.2 (control_*), §9.4 (control_*_balancer, control_dns_resolutions_total).
import { type Clock, DEFAULT_CLASSIFIERS, type Labels, type MetricRegistry, TIMED_OUT, UNCLASSIFIED } from '@weft/core';
import type { OnLookup } from '@weft/destination/dns';
import type { BalanceObserver, CallObserver } from '@weft/wire';
import { balancerMetrics } from '../../observe/balancer-metrics.ts';
import { httpMetrics } from '../../observe/http-metrics.ts';
import { clientTlsLabels } from '../../observe/labels.ts';
import type { ControlAddress } from '../config/rules.ts';

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

export function controlMetrics({ registry, service, address, failfastMs, clock }: ControlMetricsOptions): ControlMetrics {
  const addr = address.target.authority;
  const tls = clientTlsLabels(address.serverName === undefined ? undefined : { kind: 'dns', name: address.serverName }, 'loopback');
  const balance = balancerMetrics({ registry, balancer: `control_${service}_balancer`, clock })({ addr }, failfastMs);
  const begin = calls(registry, { addr, ...tls }, clock);
  return {
    onLookup: lookups(registry, service),
    balance,
    call() {
      // Every call goes through the queue, if only for a moment.
      balance.enqueued();
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

function calls(registry: MetricRegistry, labels: Labels, clock: Clock): () => CallObserver {
  const meter = httpMetrics(registry, 'control_').bind(labels);
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
