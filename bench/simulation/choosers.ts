// The balancers that are compared. Those of the product are the product's.
import { type Clock, type Random, randomInt } from '@weft/core';
import { DEFAULT_PENALTY, type Dispatch, type Member, PeakEwma, PenaltyPeakEwma, p2c, penaltyOf, RowEstimate } from '@weft/core/balance';
import type { Backend } from './simulate.ts';

export interface Chooser {
  /** Undefined: none is ready. */
  pick(): Member<Backend> | undefined;
  /** A backend may be ready again. */
  refresh(backend: Backend): void;
  /** The head of a response came. */
  answered(dispatch: Dispatch, status: number): void;
}

export interface ChooserOptions {
  readonly backends: readonly Backend[];
  readonly clock: Clock;
  readonly random: Random;
}

export const CHOOSERS = {
  'round robin': ({ backends, clock }) => {
    const members = withLoad(backends, clock);
    let next = 0;
    return plain(clock, () => {
      for (let n = 0; n < members.length; n++) {
        const member = members[next++ % members.length];
        if (member?.endpoint.ready) return member;
      }
      return undefined;
    });
  },
  'least loaded': ({ backends, clock, random }) => {
    const members = withLoad(backends, clock);
    return plain(clock, () => {
      const least = Math.min(...members.map(({ endpoint, load }) => (endpoint.ready ? load.inFlight : Number.POSITIVE_INFINITY)));
      const best = members.filter(({ endpoint, load }) => endpoint.ready && load.inFlight === least);
      return best[randomInt(random, best.length)];
    });
  },
  'P2C, EWMA': ({ backends, clock, random }) => {
    const balancer = p2c({ endpoints: backends, clock, random, ready: ({ ready }) => ready, loads: new PeakEwma() });
    return { ...plain(clock, () => balancer.pick(clock.now())), refresh: (backend) => balancer.refresh(backend) };
  },
  'P2C, EWMA, penalty': ({ backends, clock, random }) => {
    const balancer = p2c({ endpoints: backends, clock, random, ready: ({ ready }) => ready, loads: new PenaltyPeakEwma() });
    return {
      pick: () => balancer.pick(clock.now()),
      refresh: (backend) => balancer.refresh(backend),
      answered(dispatch, status) {
        const penaltyMs = penaltyOf(status, undefined, () => undefined, DEFAULT_PENALTY, clock.wall());
        if (penaltyMs === undefined) dispatch.complete(clock.now());
        else dispatch.penalize(clock.now(), penaltyMs);
      },
    };
  },
} as const satisfies Record<string, (options: ChooserOptions) => Chooser>;

function withLoad(backends: readonly Backend[], clock: Clock): readonly Member<Backend>[] {
  const loads = new PeakEwma();
  return backends.map((endpoint) => ({ endpoint, load: new RowEstimate(loads, clock.now()) }));
}

const plain = (clock: Clock, pick: Chooser['pick']): Chooser => ({
  pick,
  refresh: () => undefined,
  answered: (dispatch) => dispatch.complete(clock.now()),
});
