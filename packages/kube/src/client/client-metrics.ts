// What a client tells of its requests, under the names that Linkerd's Go processes give theirs. spec/control-plane.md §5.
import type { MetricRegistry } from '@weft/core';
import type { RequestRate } from './request-rate.ts';

/** One request: begun, then either answered with a head or failed. */
export interface ClientMetrics {
  begun(): void;
  answered(method: string, code: number, ms: number): void;
  failed(): void;
}

const decade = (step: number): number[] => [1, 2, 3, 4, 5].map((n) => Math.round(n * step * 100) / 100);
/** Linkerd's, in seconds. */
const LATENCY_BUCKETS_SECONDS: readonly number[] = [0.01, 0.1, 1, 10].flatMap(decade);

export function clientMetrics(registry: MetricRegistry, name: string, rate: RequestRate | undefined): ClientMetrics {
  const client = { client: name };
  const requests = registry.counter('http_client_requests_total', 'Requests to the API server that were answered, by status and method');
  const latency = registry.histogram('http_client_request_latency_seconds', 'Time until the head of the answer, in seconds', LATENCY_BUCKETS_SECONDS);
  const errors = registry.counter('http_client_errors_total', 'Requests to the API server that got no answer').with(client);
  const inFlight = registry.gauge('http_client_in_flight_requests', 'Requests to the API server that wait for the head of their answer').with(client);
  registry
    .gauge('http_client_qps', 'Requests per second that the client keeps to in the long run; 0 for no limit')
    .with(client)
    .set(rate?.qps ?? 0);
  registry
    .gauge('http_client_burst', 'Requests that the client may send at once; 0 for no limit')
    .with(client)
    .set(rate?.burst ?? 0);
  return {
    begun: () => inFlight.inc(),
    answered(method, code, ms) {
      inFlight.dec();
      const labels = { ...client, code, method: method.toLowerCase() };
      requests.with(labels).inc();
      latency.with(labels).observe(ms / 1000);
    },
    failed() {
      inFlight.dec();
      errors.inc();
    },
  };
}
