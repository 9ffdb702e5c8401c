// The most specific rule of several routes: host first, then the rule's own criteria, then the order listed. spec/proxy.md §7.2.
import type { HostMatch } from '@weft/core';
import type { RequestHead } from '@weft/http';
import { hostOf, hostRank } from './host-match.ts';
import { compare, type RuleMatcher, type Specificity } from './rule-match.ts';

export interface RoutePlan<R> {
  readonly hosts: readonly HostMatch[];
  readonly rules: readonly { readonly matches: RuleMatcher; readonly rule: R }[];
}

/** Compiled once per policy; called once per request. Undefined: no route matches. */
export function selectRoute<R>(routes: readonly RoutePlan<R>[]): (request: RequestHead) => R | undefined {
  const compiled = routes.map((route) => ({ rank: hostRank(route.hosts), rules: route.rules }));
  const anyHost = routes.every((route) => route.hosts.length === 0);
  return (request) => {
    const host = anyHost ? '' : hostOf(request);
    let best: R | undefined;
    let bestRank = -1;
    let bestMatch: Specificity | undefined;
    for (const { rank, rules } of compiled) {
      const hostMatch = rank(host);
      if (hostMatch === undefined || hostMatch < bestRank) continue;
      for (const { matches, rule } of rules) {
        const match = matches(request);
        if (!match || (hostMatch === bestRank && bestMatch && compare(match, bestMatch) <= 0)) continue;
        best = rule;
        bestRank = hostMatch;
        bestMatch = match;
      }
    }
    return best;
  };
}
