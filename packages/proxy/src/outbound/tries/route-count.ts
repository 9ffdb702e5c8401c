// One request of a ServiceProfile's route, however often it was tried, in the metrics of the route. spec/proxy.md §9.2 (route_*).
import { type Clock, type Millis, type ResponseClass, UNCLASSIFIED } from '@weft/core';
import type { HttpMeter } from '../../observe/http-metrics.ts';

export class RouteCount {
  readonly #meter: HttpMeter;
  readonly #startedAt: Millis;
  readonly #clock: Clock;
  #class: ResponseClass | undefined;
  #sampledAt: Millis | undefined;

  /** The request begins now. */
  constructor(meter: HttpMeter, clock: Clock) {
    this.#meter = meter;
    this.#clock = clock;
    this.#startedAt = clock.now();
    meter.request();
  }

  /** The first body frame of a try came; the last one's counts. */
  sampled(now: Millis): void {
    this.#sampledAt = now;
  }

  /** What a try came to; the last one's counts. */
  classified(as: ResponseClass | undefined): void {
    this.#class = as;
  }

  /** The client got this, or nothing with a status. */
  ended(status: number | undefined): void {
    if (status !== undefined) this.#meter.latency(status, (this.#sampledAt ?? this.#clock.now()) - this.#startedAt);
    this.#meter.response(status, this.#class ?? UNCLASSIFIED);
  }
}
