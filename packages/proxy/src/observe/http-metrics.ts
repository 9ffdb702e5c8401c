// request_total, response_total and response_latency_ms, bound once per endpoint or per connection and route.
// spec/proxy.md §9.2; classification §6.5.
import { type Counter, type Family, type Histogram, LATENCY_BUCKETS_MS, type Labels, type MetricRegistry, type ResponseClass } from '@weft/core';

export interface HttpMetrics {
  bind(labels: Labels): HttpMeter;
}

/** `route_`: of the routes of ServiceProfiles, where retries are one request; `route_actual_`: where each is one, without latency. */
export function httpMetrics(registry: MetricRegistry, prefix: '' | 'route_' | 'route_actual_' = ''): HttpMetrics {
  const requests = registry.counter(`${prefix}request_total`, 'Total count of HTTP requests.', { evictable: true });
  const responses = registry.counter(`${prefix}response_total`, 'Total count of HTTP responses.', { evictable: true });
  const latency =
    prefix === 'route_actual_'
      ? undefined
      : registry.histogram(
          `${prefix}response_latency_ms`,
          "Elapsed times between a request's headers being received and its response stream completing",
          LATENCY_BUCKETS_MS,
          { evictable: true },
        );
  return { bind: (labels) => new HttpMeter(labels, requests, responses, latency) };
}

/** Told of one request and its response. */
export interface Meter {
  request(): void;
  latency(status: number, ms: number): void;
  response(status: number | undefined, responseClass: ResponseClass): void;
}

interface Last {
  readonly status: number | undefined;
  readonly responseClass: ResponseClass;
  readonly series: Counter;
}

export class HttpMeter implements Meter {
  readonly labels: Labels;
  readonly #requests: Counter;
  readonly #responses: Family<Counter>;
  readonly #latency: Family<Histogram> | undefined;
  /** By class and status; undefined where none was sent. */
  readonly #responseByClass = new Map<ResponseClass, Map<number | undefined, Counter>>();
  readonly #latencyByStatus = new Map<number, Histogram>();
  /** What the last response was counted in: most are like it, and among many endpoints each map on the way is memory that nobody has at hand. */
  #last: Last | undefined;
  #lastLatency: Histogram | undefined;
  #lastLatencyStatus = 0;

  constructor(labels: Labels, requests: Family<Counter>, responses: Family<Counter>, latency: Family<Histogram> | undefined) {
    this.labels = labels;
    this.#requests = requests.with(labels);
    this.#responses = responses;
    this.#latency = latency;
  }

  request(): void {
    this.#requests.inc();
  }

  latency(status: number, ms: number): void {
    if (!this.#latency) return;
    let series = this.#lastLatency;
    if (!series || this.#lastLatencyStatus !== status) {
      series = this.#latencyOf(this.#latency, status);
      this.#lastLatency = series;
      this.#lastLatencyStatus = status;
    }
    series.observe(ms);
  }

  response(status: number | undefined, responseClass: ResponseClass): void {
    const last = this.#last;
    if (last?.responseClass === responseClass && last.status === status) return last.series.inc();
    const series = this.#responsesOf(status, responseClass);
    this.#last = { status, responseClass, series };
    series.inc();
  }

  #latencyOf(latency: Family<Histogram>, status: number): Histogram {
    let series = this.#latencyByStatus.get(status);
    if (!series) {
      series = latency.with({ ...this.labels, status_code: status });
      this.#latencyByStatus.set(status, series);
    }
    return series;
  }

  #responsesOf(status: number | undefined, responseClass: ResponseClass): Counter {
    let byStatus = this.#responseByClass.get(responseClass);
    if (!byStatus) {
      byStatus = new Map();
      this.#responseByClass.set(responseClass, byStatus);
    }
    let series = byStatus.get(status);
    if (!series) {
      const { failure, grpcStatus, error } = responseClass;
      const classification = failure ? 'failure' : 'success';
      series = this.#responses.with({ ...this.labels, status_code: status, classification, grpc_status: grpcStatus, error });
      byStatus.set(status, series);
    }
    return series;
  }
}
