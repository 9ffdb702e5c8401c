// The most specific rule of several routes for a request: host first, then the rule's own criteria, then the order listed
// (spec/proxy.md §7.2, §7.3). Exact paths, prefixes and services are looked up, so that a hundred routes cost hardly more than one.
import type { HostMatch } from '../domain/match.ts';
import { ANYTHING, type CompiledMatch } from './compile-match.ts';
import { HostIndex } from './host-match.ts';
import { MatchIndex } from './match-index.ts';
import { hostOf, RequestView, type RoutedRequest } from './request-view.ts';

/** A route to compile. A rule without matches takes every request. */
export interface RouteSpec<R> {
  readonly hosts: readonly HostMatch[];
  readonly rules: readonly { readonly matches: readonly CompiledMatch[]; readonly rule: R }[];
}

/** One match of one rule. */
export interface Candidate<R> {
  readonly rule: R;
  readonly hosts: readonly HostMatch[];
  readonly match: CompiledMatch;
  /** Among candidates with the same host and path the lower one wins. No two are equal. */
  readonly rank: number;
}

export interface RouteTable<R> {
  /** Called once per request. Undefined: no route matches. Throws MATCH_LIMIT. */
  select(request: RoutedRequest): Candidate<R> | undefined;
  /** In the order of their ranks. */
  readonly candidates: readonly Candidate<R>[];
}

export function routeTable<R>(routes: readonly RouteSpec<R>[]): RouteTable<R> {
  const candidates = ranked(routes);
  const hosts = new HostIndex<MatchIndex<R>>();
  for (const candidate of candidates) {
    for (const host of candidate.hosts.length === 0 ? [undefined] : candidate.hosts) hosts.at(host, () => new MatchIndex<R>()).add(candidate);
  }
  // Requests of one client mostly name the same authority.
  let authority: string | undefined;
  let host = '';
  return {
    candidates,
    select(request) {
      if (request.authority !== authority && !hosts.anyOnly) {
        authority = request.authority;
        host = hostOf(authority);
      }
      const view = new RequestView(request);
      return hosts.find(host, (index) => index.best(view));
    },
  };
}

function ranked<R>(routes: readonly RouteSpec<R>[]): readonly Candidate<R>[] {
  const listed = routes.flatMap(({ hosts, rules }) =>
    rules.flatMap(({ matches, rule }) => (matches.length === 0 ? [ANYTHING] : matches).map((match) => ({ hosts, match, rule }))),
  );
  // The sort is stable: equal ones stay in the order listed.
  return listed.sort((a, b) => compareWeights(b.match, a.match)).map((one, rank) => ({ ...one, rank }));
}

/** Without the path, which depends on the request. */
function compareWeights(a: CompiledMatch, b: CompiledMatch): number {
  for (let i = 0; i < Math.max(a.weights.length, b.weights.length); i++) {
    const difference = (a.weights[i]?.[1] ?? 0) - (b.weights[i]?.[1] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
