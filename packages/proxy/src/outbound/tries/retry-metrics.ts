// How often requests are tried again, and why no more. spec/proxy.md §9.2, §9.4.
import type { Counter, Labels, Metadata, MetricRegistry } from '@weft/core';
import { outboundRouteLabels, parentLabels } from '../../observe/labels.ts';

/** Of one route of a policy. */
export interface PolicyMeter {
  readonly requests: Counter;
  readonly successes: Counter;
  readonly limitExceeded: Counter;
  readonly overflow: Counter;
}

/** Of one route of a ServiceProfile. */
export interface BudgetMeter {
  /** Retried or not. */
  readonly retryable: Counter;
  /** Not retried, because the budget was empty. */
  readonly noBudget: Counter;
}

export interface RetryMetrics {
  policy(protocol: 'http' | 'grpc', parent: Metadata, route: Metadata): PolicyMeter;
  /** `dst`: the authority of the profile. `labels`: `rt_*`. */
  budget(dst: string, labels: Labels): BudgetMeter;
}

export function retryMetrics(registry: MetricRegistry): RetryMetrics {
  const families = (protocol: 'http' | 'grpc') => ({
    requests: registry.counter(`outbound_${protocol}_route_retry_requests_total`, 'Retry requests emitted.'),
    successes: registry.counter(`outbound_${protocol}_route_retry_successes_total`, 'Successful responses to retry requests.'),
    limitExceeded: registry.counter(`outbound_${protocol}_route_retry_limit_exceeded_total`, 'Retryable requests not sent due to retry limits.'),
    overflow: registry.counter(`outbound_${protocol}_route_retry_overflow_total`, 'Retryable requests not sent due to circuit breakers.'),
  });
  const byProtocol = { http: families('http'), grpc: families('grpc') };
  const retryable = registry.counter('route_retryable_total', 'Total count of retryable HTTP responses.');
  return {
    policy(protocol, parent, route) {
      const labels = { ...parentLabels(parent), ...outboundRouteLabels(route) };
      const { requests, successes, limitExceeded, overflow } = byProtocol[protocol];
      return {
        requests: requests.with(labels),
        successes: successes.with(labels),
        limitExceeded: limitExceeded.with(labels),
        overflow: overflow.with(labels),
      };
    },
    budget(dst, labels) {
      const common = { direction: 'outbound', dst, ...labels };
      return { retryable: retryable.with(common), noBudget: retryable.with({ ...common, skipped: 'no_budget' }) };
    },
  };
}
