// Which rule of a policy takes a request, and what the rule does with it. spec/proxy.md §7.
import type { GrpcRetryConditions, HttpRetryConditions, HttpRule } from '../domain/client-policy.ts';
import type { Filter } from '../domain/match.ts';
import { formatMetadata, type Metadata } from '../domain/metadata.ts';
import { type Reason, reason } from '../reasons/reason.ts';
import { inRoute } from '../route/in-route.ts';
import type { RoutedRequest } from '../route/request-view.ts';
import { type Surroundings, verdictOfDistribution } from './distribution-verdict.ts';
import { explainDistribution } from './explain-distribution.ts';
import { explainFilters, refused, verdictOfFilters } from './explain-filters.ts';
import { explainOptions, identityMismatch } from './explain-options.ts';
import type { ExplainedSelection } from './explain-routes.ts';
import type { OutboundDecision, Verdict } from './explanation.ts';

/** A request on its way, and what is known beside the policy. */
export interface HttpContext {
  /** Whose routes they are. */
  readonly parent: Metadata;
  readonly request: RoutedRequest;
  readonly requiredIdentity: string | undefined;
  readonly surroundings: Surroundings;
}

export function explainHttp(
  { candidates, precedence, winner }: ExplainedSelection<HttpRule<unknown, HttpRetryConditions | GrpcRetryConditions>>,
  context: HttpContext,
): OutboundDecision {
  const { parent, request } = context;
  if (!winner) {
    const why = reason('ROUTE_NOT_FOUND', `${request.method} ${request.authority ?? ''}${request.path}; ${formatMetadata(parent)}`);
    return { candidates, filters: [], backends: [], verdict: refused(why, 'request') };
  }
  const { route, rule, match } = winner;
  const ofFilters = (filters: readonly Filter[]) => verdictOfFilters({ parent, route }, filters, request, match, 'outbound');
  const effects = (filters: readonly Filter[]) => explainFilters(filters, request, match);
  return {
    candidates,
    precedence,
    filters: effects(rule.filters),
    ...explainDistribution(rule.distribution, effects),
    verdict: ofFilters(rule.filters) ?? verdictOfBackends(rule, route, context, ofFilters),
    ...explainOptions(rule, request),
  };
}

/** Of a request that no filter of its rule answers. */
export function verdictOfBackends(
  { distribution }: Pick<HttpRule<unknown, unknown>, 'distribution'>,
  route: Metadata,
  { parent, requiredIdentity, surroundings }: HttpContext,
  ofFilters: (filters: readonly Filter[]) => Verdict | undefined,
): Verdict {
  const ofReason = (why: Reason) => refused(inRoute(why, { parent, route }), 'request');
  const mismatch = identityMismatch.bind(undefined, requiredIdentity);
  return verdictOfDistribution(distribution, { surroundings, ofFilters, ofReason, mismatch }) ?? ofReason(reason('LOAD_SHED', 'there is no backend'));
}
