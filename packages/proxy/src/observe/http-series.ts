// The series of one set of labels, each found when it is first counted in.
import type { Counter, Family, Histogram, Labels, ResponseClass } from '@weft/core';

export interface HttpFamilies {
  readonly requests: Family<Counter>;
  readonly responses: Family<Counter>;
  readonly latency: Family<Histogram> | undefined;
}

export class HttpSeries {
  readonly labels: Labels;
  readonly requests: Counter;
  readonly #families: HttpFamilies;
  /** By class and status; undefined where none was sent. */
  #responses: Map<ResponseClass, Map<number | undefined, Counter>> | undefined;
  #latency: Map<number, Histogram> | undefined;

  constructor(families: HttpFamilies, labels: Labels) {
    this.labels = labels;
    this.#families = families;
    this.requests = families.requests.with(labels);
  }

  /** Undefined where none is kept. */
  latency(status: number): Histogram | undefined {
    const { latency } = this.#families;
    if (latency === undefined) return undefined;
    this.#latency ??= new Map();
    let series = this.#latency.get(status);
    if (series === undefined) {
      series = latency.with({ ...this.labels, status_code: status });
      this.#latency.set(status, series);
    }
    return series;
  }

  responses(status: number | undefined, responseClass: ResponseClass): Counter {
    this.#responses ??= new Map();
    let byStatus = this.#responses.get(responseClass);
    if (!byStatus) {
      byStatus = new Map();
      this.#responses.set(responseClass, byStatus);
    }
    let series = byStatus.get(status);
    if (!series) {
      const { failure, grpcStatus, error } = responseClass;
      const classification = failure ? 'failure' : 'success';
      series = this.#families.responses.with({ ...this.labels, status_code: status, classification, grpc_status: grpcStatus, error });
      byStatus.set(status, series);
    }
    return series;
  }
}
