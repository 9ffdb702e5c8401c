// The load balancer alone: power of two choices over Peak-EWMA, generic over what an endpoint is.
// Give it endpoints and a readiness predicate; `dispatch` once per request, or `pick` where it is not sure yet, and end each dispatch once.
// Example: const balancer = peakEwma({ endpoints: ['a', 'b'] }); const use = balancer.dispatch(0); use?.dispatch.complete(5);
export { type Dispatch, type LoadEstimate, type Loads, RowEstimate } from './load.ts';
export {
  type Balancer,
  type BalancerOptions,
  type Dispatched,
  type Member,
  type P2cOptions,
  type PeakEwmaOptions,
  type Picker,
  p2c,
  peakEwma,
  penaltyPeakEwma,
} from './p2c.ts';
export { PeakEwma, type PeakEwmaRules } from './peak-ewma.ts';
export { DEFAULT_PENALTY, type PenaltyRules, penaltyOf } from './penalty.ts';
export { PenaltyPeakEwma } from './penalty-peak-ewma.ts';
