// How many requests may wait for their response heads at once. spec/proxy.md §4.5.
import type { Gauge } from '@weft/core';

export interface InFlightLimit {
  readonly max: number;
  /** False: the request is to be shed. */
  enter(): boolean;
  /** Called once for each `enter` that was true. */
  release(): void;
}

export function inFlightLimit(max: number): InFlightLimit {
  let inFlight = 0;
  return {
    max,
    enter() {
      if (inFlight >= max) return false;
      inFlight += 1;
      return true;
    },
    release() {
      inFlight -= 1;
    },
  };
}

/** The same limit, shown by a gauge. */
export function shown(limit: InFlightLimit, gauge: Gauge): InFlightLimit {
  return {
    max: limit.max,
    enter() {
      const admitted = limit.enter();
      if (admitted) gauge.inc();
      return admitted;
    },
    release() {
      limit.release();
      gauge.dec();
    },
  };
}
