// How many requests may wait for their response heads at once. spec/proxy.md §4.5.

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
