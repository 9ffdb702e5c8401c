// Which TLS or opaque route takes a connection. spec/proxy.md §6.6, §7.1.
import type { OpaqueRoute, TlsRoute } from '../domain/client-policy.ts';
import type { Filter } from '../domain/match.ts';
import { formatMetadata } from '../domain/metadata.ts';
import { type Reason, reason } from '../reasons/reason.ts';
import { forbids } from '../route/check-outbound.ts';
import { ANYTHING } from '../route/compile-match.ts';
import { formatHost, HostIndex } from '../route/host-match.ts';
import type { RoutedRequest } from '../route/request-view.ts';
import { type Surroundings, verdictOfDistribution } from './distribution-verdict.ts';
import { explainDistribution } from './explain-distribution.ts';
import { explainFilters, refused } from './explain-filters.ts';
import type { CandidateExplanation, OutboundDecision, Verdict } from './explanation.ts';

/** The first route takes everything. */
export function explainOpaque([route]: readonly OpaqueRoute[], surroundings: Surroundings): OutboundDecision {
  if (!route) return { candidates: [], filters: [], backends: [], verdict: ofReason(NO_BACKEND) };
  const candidates: CandidateExplanation[] = [{ route: formatMetadata(route.metadata), rule: 0, match: 0, wants: [], outcome: 'wins' }];
  return { candidates, ...explainRule(route, surroundings) };
}

export function explainTls(routes: readonly TlsRoute[], sni: string, surroundings: Surroundings): OutboundDecision {
  const name = sni.toLowerCase();
  const winner = indexOf(routes).find(name, (route) => route);
  const candidates = routes.map((route): CandidateExplanation => {
    const wants = route.snis.map((one) => `server name ${formatHost(one)}`);
    const common = { route: formatMetadata(route.metadata), rule: 0, match: 0, wants };
    if (route === winner) return { ...common, outcome: 'wins' };
    if (indexOf([route]).find(name, (one) => one)) return { ...common, outcome: 'loses' };
    return { ...common, outcome: 'rejected', mismatch: { predicate: 'host', wanted: wants.join(' or '), found: sni } };
  });
  if (!winner) return { candidates, filters: [], backends: [], verdict: ofReason(reason('ROUTE_NOT_FOUND', `server name ${sni}`)) };
  return { candidates, ...explainRule(winner, surroundings) };
}

function indexOf(routes: readonly TlsRoute[]): HostIndex<TlsRoute> {
  const index = new HostIndex<TlsRoute>();
  for (const route of routes) {
    if (route.rules.length === 0) continue;
    for (const sni of route.snis.length === 0 ? [undefined] : route.snis) index.at(sni, () => route);
  }
  return index;
}

const CONNECTION: RoutedRequest = { method: '', path: '', authority: undefined, headers: [] };

function explainRule({ metadata, rules: [rule] }: OpaqueRoute, surroundings: Surroundings): Omit<OutboundDecision, 'candidates'> {
  const effects = (filters: readonly Filter[]) => explainFilters(filters, CONNECTION, ANYTHING);
  if (!rule) return { filters: [], backends: [], verdict: ofReason(NO_BACKEND) };
  const ofFilters = (filters: readonly Filter[]): Verdict | undefined => {
    const why = forbids(filters, metadata);
    return why && ofReason(why);
  };
  return {
    filters: effects(rule.filters),
    ...explainDistribution(rule.distribution, effects),
    verdict:
      ofFilters(rule.filters) ??
      verdictOfDistribution(rule.distribution, { surroundings, ofFilters, ofReason, mismatch: () => undefined }) ??
      ofReason(NO_BACKEND),
  };
}

const NO_BACKEND = reason('LOAD_SHED', 'the route has no backend');

function ofReason(why: Reason): Verdict {
  return refused(why, 'connection');
}
