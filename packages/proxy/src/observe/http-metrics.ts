// request_total, response_total and response_latency_ms, bound once per endpoint or per connection and route.
// spec/proxy.md §9.2; classification §6.5.
import { type Counter, type Family, type Histogram, LATENCY_BUCKETS_MS, type Labels, type MetricRegistry } from '@weft/core';

export interface HttpMetrics {
  bind(labels: Labels): HttpMeter;
}

/** `route_`: of the routes of ServiceProfiles. */
export function httpMetrics(registry: MetricRegistry, prefix: '' | 'route_' = ''): HttpMetrics {
  const requests = registry.counter(`${prefix}request_total`, 'Total count of HTTP requests.', { evictable: true });
  const responses = registry.counter(`${prefix}response_total`, 'Total count of HTTP responses.', { evictable: true });
  const latency = registry.histogram(
    `${prefix}response_latency_ms`,
    "Elapsed times between a request's headers being received and its response stream completing",
    LATENCY_BUCKETS_MS,
    { evictable: true },
  );
  return { bind: (labels) => new HttpMeter(labels, requests, responses, latency) };
}

/** How a response ended, as metrics show it. */
export interface Classified {
  readonly status: number | undefined;
  /** gRPC status; undefined where the request is not gRPC or none was sent. */
  readonly grpcStatus: string | undefined;
  readonly success: boolean;
  /** Set when the exchange failed without a complete response. */
  readonly error: string | undefined;
}

export class HttpMeter {
  readonly #labels: Labels;
  readonly #requests: Counter;
  readonly #responses: Family<Counter>;
  readonly #latency: Family<Histogram>;
  readonly #responseByClass = new Map<string, Counter>();
  readonly #latencyByStatus = new Map<number, Histogram>();

  constructor(labels: Labels, requests: Family<Counter>, responses: Family<Counter>, latency: Family<Histogram>) {
    this.#labels = labels;
    this.#requests = requests.with(labels);
    this.#responses = responses;
    this.#latency = latency;
  }

  request(): void {
    this.#requests.inc();
  }

  latency(status: number, ms: number): void {
    let series = this.#latencyByStatus.get(status);
    if (!series) {
      series = this.#latency.with({ ...this.#labels, status_code: status });
      this.#latencyByStatus.set(status, series);
    }
    series.observe(ms);
  }

  response({ status, grpcStatus, success, error }: Classified): void {
    const key = `${status ?? ''} ${grpcStatus ?? ''} ${success} ${error ?? ''}`;
    let series = this.#responseByClass.get(key);
    if (!series) {
      const classification = success ? 'success' : 'failure';
      series = this.#responses.with({ ...this.#labels, status_code: status, classification, grpc_status: grpcStatus, error });
      this.#responseByClass.set(key, series);
    }
    series.inc();
  }
}

const GRPC_FAILURES = new Set(['2', '4', '7', '13', '14', '15']);

/** A gRPC response without status at its end counts as a success (reported without a number). */
export function classify(isGrpc: boolean, status: number, grpcStatus: string | undefined): Classified {
  if (!isGrpc) return { status, grpcStatus: undefined, success: status < 500, error: undefined };
  return { status, grpcStatus, success: grpcStatus === undefined || !GRPC_FAILURES.has(grpcStatus), error: undefined };
}
