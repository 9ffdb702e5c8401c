// Which TLS or opaque route takes a connection. spec/proxy.md §6.6, §7.1.
import type { OpaqueRoute, TlsRoute } from '../domain/client-policy.ts';
import type { Filter } from '../domain/match.ts';
import { formatMetadata, type Metadata } from '../domain/metadata.ts';
import { reason } from '../reasons/reason.ts';
import { ANYTHING } from '../route/compile-match.ts';
import { formatHost, HostIndex } from '../route/host-match.ts';
import type { RoutedRequest } from '../route/request-view.ts';
import { explainDistribution, verdictOfDistribution } from './explain-distribution.ts';
import { explainFilters, refused } from './explain-filters.ts';
import type { CandidateExplanation, OutboundDecision, Verdict } from './explanation.ts';

/** The first route takes everything. */
export function explainOpaque([route]: readonly OpaqueRoute[]): OutboundDecision {
  if (!route) return { candidates: [], filters: [], backends: [], verdict: refused(reason('LOAD_SHED', 'the policy has no route')) };
  const candidates: CandidateExplanation[] = [{ route: formatMetadata(route.metadata), rule: 0, match: 0, wants: [], outcome: 'wins' }];
  return { candidates, ...explainRule(route) };
}

export function explainTls(routes: readonly TlsRoute[], sni: string): OutboundDecision {
  const name = sni.toLowerCase();
  const winner = indexOf(routes).find(name, (route) => route);
  const candidates = routes.map((route): CandidateExplanation => {
    const wants = route.snis.map((one) => `server name ${formatHost(one)}`);
    const common = { route: formatMetadata(route.metadata), rule: 0, match: 0, wants };
    if (route === winner) return { ...common, outcome: 'wins' };
    if (indexOf([route]).find(name, (one) => one)) return { ...common, outcome: 'loses' };
    return { ...common, outcome: 'rejected', mismatch: { predicate: 'host', wanted: wants.join(' or '), found: sni } };
  });
  if (!winner) return { candidates, filters: [], backends: [], verdict: refused(reason('ROUTE_NOT_FOUND', `server name ${sni}`)) };
  return { candidates, ...explainRule(winner) };
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

function explainRule({ metadata, rules: [rule] }: OpaqueRoute): Omit<OutboundDecision, 'candidates'> {
  const effects = (filters: readonly Filter[]) => explainFilters(filters, CONNECTION, ANYTHING);
  if (!rule) return { filters: [], backends: [], verdict: refused(reason('LOAD_SHED', `route ${formatMetadata(metadata)} has no rule`)) };
  const verdictOf = (filters: readonly Filter[]) => verdictOfFilters(metadata, filters);
  return {
    filters: effects(rule.filters),
    ...explainDistribution(rule.distribution, effects),
    verdict: verdictOf(rule.filters) ?? verdictOfDistribution(metadata, rule.distribution, verdictOf),
  };
}

function verdictOfFilters(route: Metadata, filters: readonly Filter[]): Verdict | undefined {
  const unsupported = filters.find(({ kind }) => kind !== 'forbidden');
  if (unsupported) return refused(reason('POLICY_INVALID', `filter ${unsupported.kind} is not supported on connections`));
  return filters.length > 0 ? refused(reason('CONNECTION_FORBIDDEN', formatMetadata(route))) : undefined;
}
