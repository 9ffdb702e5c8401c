// request_total, response_total and response_latency_ms, bound once per endpoint or per connection and route.
// What is usual is tallied and reaches its series when somebody asks for them (http-tallies.ts).
// spec/proxy.md §9.2; classification §6.5.
import { LATENCY_BUCKETS_MS, type Labels, type MetricRegistry, type ResponseClass } from '@weft/core';
import { type HttpFamilies, HttpSeries } from './http-series.ts';
import { HttpTallies, type Tallied, type Tally } from './http-tallies.ts';

export interface HttpMetrics {
  /** Where what is usual is tallied. */
  readonly tallies: HttpTallies;
  readonly families: HttpFamilies;
  bind(labels: Labels): HttpMeter;
}

/** `route_`: of the routes of ServiceProfiles, where retries are one request; `route_actual_`: where each is one, without latency; `control_`: to the control plane. */
export function httpMetrics(registry: MetricRegistry, prefix: '' | 'route_' | 'route_actual_' | 'control_' = ''): HttpMetrics {
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
  const tallies = new HttpTallies();
  registry.beforeRender(() => tallies.collect());
  const families: HttpFamilies = { requests, responses, latency };
  const metrics: HttpMetrics = { tallies, families, bind: (labels) => new HttpMeter(metrics, labels) };
  return metrics;
}

/** Told of one request and its response. */
export interface Meter {
  request(): void;
  latency(status: number, ms: number): void;
  response(status: number | undefined, responseClass: ResponseClass): void;
}

/** No row yet. */
const NONE = -1;

export class HttpMeter implements Meter, Tallied {
  readonly #tallies: HttpTallies;
  /** Its row among the tallies, from its first request until they are collected. */
  #taken = NONE;
  /** The status and class of the responses that are tallied: those of the first since the row was taken. */
  #usualStatus: number | undefined;
  #usualClass: ResponseClass | undefined;
  readonly #series: HttpSeries;

  constructor({ tallies, families }: HttpMetrics, labels: Labels) {
    this.#tallies = tallies;
    this.#series = new HttpSeries(families, labels);
  }

  get labels(): Labels {
    return this.#series.labels;
  }

  request(): void {
    this.#tallies.request(this.#row());
  }

  latency(status: number, ms: number): void {
    const row = this.#row();
    this.#usualStatus ??= status;
    if (this.#usualStatus === status) this.#tallies.latency(row, ms);
    else this.#series.latency(status)?.observe(ms);
  }

  response(status: number | undefined, responseClass: ResponseClass): void {
    const row = this.#row();
    if (this.#usualClass === undefined && status !== undefined) {
      this.#usualStatus ??= status;
      this.#usualClass = responseClass;
    }
    if (this.#usualClass === responseClass && this.#usualStatus === status) this.#tallies.response(row);
    else this.#series.responses(status, responseClass).inc();
  }

  collect({ requests, responses, latencySum, latencyCounts }: Tally): void {
    const series = this.#series;
    const [status, responseClass] = [this.#usualStatus, this.#usualClass];
    this.#taken = NONE;
    this.#usualStatus = undefined;
    this.#usualClass = undefined;
    if (requests > 0) series.requests.inc(requests);
    if (responses > 0 && responseClass !== undefined) series.responses(status, responseClass).inc(responses);
    if (status !== undefined) series.latency(status)?.merge(latencyCounts, latencySum);
  }

  #row(): number {
    if (this.#taken === NONE) this.#taken = this.#tallies.take(this);
    return this.#taken;
  }
}
