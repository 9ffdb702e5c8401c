// What becomes of a request whose rule is chosen: by the backends that may be, and how they stand. spec/proxy.md §6.3, §6.4.
import type { Backend, Distribution, RouteBackend } from '../domain/client-policy.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { Filter } from '../domain/match.ts';
import { type Reason, reason } from '../reasons/reason.ts';
import type { Verdict } from './explanation.ts';

/** How a backend stands at the moment. */
export interface BackendState {
  /** Whether rules with several backends take it for usable. */
  readonly available: boolean;
  /** Why what comes now is refused at once. */
  readonly refusal: Reason | undefined;
}

/** What a running proxy knows beside the policy. */
export interface Surroundings {
  /** Of the winner's backends, in the order of the policy. Default: all are available. */
  readonly backends?: readonly BackendState[] | undefined;
  /** Why an endpoint is not connected to. Default: every one is. */
  readonly refuses?: ((endpoint: Endpoint) => Reason | undefined) | undefined;
}

export interface DistributionVerdicts {
  readonly surroundings: Surroundings;
  /** Of the filters of one backend. Undefined: they let pass. */
  readonly ofFilters: (filters: readonly Filter[]) => Verdict | undefined;
  readonly ofReason: (why: Reason) => Verdict;
  /** Why the request is refused by an endpoint that is known before. */
  readonly mismatch: (endpoint: Endpoint) => Reason | undefined;
}

/** Of the backends which may be chosen: where one of them forwards, `forwarded`. Undefined: there is no backend. */
export function verdictOfDistribution(distribution: Distribution, verdicts: DistributionVerdicts): Verdict | undefined {
  if (distribution.kind === 'empty') return undefined;
  const { backends: states = [], refuses } = verdicts.surroundings;
  const refusalOf = ({ dispatcher }: Backend, state: BackendState | undefined): Reason | undefined => {
    if (dispatcher.kind === 'fail') return reason('BACKEND_INVALID', dispatcher.message);
    if (state?.refusal || dispatcher.kind === 'balancer') return state?.refusal;
    return refuses?.(dispatcher.endpoint) ?? verdicts.mismatch(dispatcher.endpoint);
  };
  const found = eligible(distribution, (index) => states[index]?.available ?? true).map(([{ backend, filters }, index]) => {
    const why = refusalOf(backend, states[index]);
    return verdicts.ofFilters(filters) ?? (why ? verdicts.ofReason(why) : FORWARDED);
  });
  return found.find(({ kind }) => kind === 'forwarded') ?? found[0];
}

const FORWARDED: Verdict = { kind: 'forwarded' };

/** The backends one of which is chosen, with their positions. */
function eligible(
  distribution: Exclude<Distribution, { kind: 'empty' }>,
  available: (index: number) => boolean,
): readonly (readonly [backend: RouteBackend, index: number])[] {
  const all = distribution.backends.map((backend, index) => [backend, index] as const);
  if (distribution.kind === 'first-available' || all.length < 2) {
    const first = all.find(([, index]) => available(index)) ?? all[0];
    return first ? [first] : [];
  }
  const weighted = all.filter(([, index]) => (distribution.backends[index]?.weight ?? 0) > 0);
  const usable = weighted.filter(([, index]) => available(index));
  return usable.length > 0 ? usable : weighted.slice(0, 1);
}
