// Outbound requests by the route of a ServiceProfile: route_* counts what the application asked, route_actual_* what was sent. spec/proxy.md §9.2.
import type { Labels, ResponseClass } from '@weft/core';
import type { HttpMetrics, Meter } from './http-metrics.ts';

export interface ProfileMeters {
  readonly route: Meter;
  readonly actual: Meter;
  /** Where the two are one. */
  readonly both: Meter;
}

/** `rt`: the labels of the route. Bound when the plan is compiled. */
export type BindProfileMeters = (dst: string, rt: Labels) => ProfileMeters;

export function profileMeters(routes: HttpMetrics, actuals: HttpMetrics): BindProfileMeters {
  return (dst, rt) => {
    const labels: Labels = { direction: 'outbound', dst, ...rt };
    const [route, actual] = [routes.bind(labels), actuals.bind(labels)];
    return { route, actual, both: new BothMeters(route, actual) };
  };
}

class BothMeters implements Meter {
  readonly #route: Meter;
  readonly #actual: Meter;

  constructor(route: Meter, actual: Meter) {
    this.#route = route;
    this.#actual = actual;
  }

  request(): void {
    this.#route.request();
    this.#actual.request();
  }

  latency(status: number, ms: number): void {
    this.#route.latency(status, ms);
  }

  response(status: number | undefined, responseClass: ResponseClass): void {
    this.#route.response(status, responseClass);
    this.#actual.response(status, responseClass);
  }
}
