// Why a request takes the rule it takes: every candidate asked in full, by the predicates that route requests. spec/proxy.md §7.2, §7.3.
import type { GrpcMatch, HostMatch, HttpMatch } from '../domain/match.ts';
import { formatMetadata, type Metadata } from '../domain/metadata.ts';
import { type CompiledMatch, pathTaken } from '../route/compile-match.ts';
import { formatHost, hostMatches, hostPattern } from '../route/host-match.ts';
import { formatPath, formatString, type Mismatch } from '../route/predicates.ts';
import { hostOf, RequestView, type RoutedRequest } from '../route/request-view.ts';
import { type Candidate, type RouteTable, routeTable } from '../route/route-table.ts';
import type { CandidateExplanation, Precedence, RouteExplanation } from './explanation.ts';

/** A route with its rules, of either side. */
export interface ExplainedRoute<M, R> {
  readonly metadata: Metadata;
  readonly hosts: readonly HostMatch[];
  readonly rules: readonly (R & { readonly matches: readonly M[] })[];
}

/** A candidate's place in the policy. */
interface Place<R> {
  readonly route: Metadata;
  readonly rule: R;
  readonly ruleIndex: number;
  readonly matchIndex: number;
  readonly wants: readonly string[];
}

export interface ExplainedSelection<R> extends RouteExplanation {
  readonly winner?: { readonly route: Metadata; readonly rule: R; readonly match: CompiledMatch } | undefined;
}

/** Throws POLICY_INVALID where a match cannot be compiled, MATCH_LIMIT as routing does. */
export function explainRoutes<M extends HttpMatch | GrpcMatch, R>(
  routes: readonly ExplainedRoute<M, R>[],
  compile: (match: M) => CompiledMatch,
  request: RoutedRequest,
): ExplainedSelection<R> {
  const table: RouteTable<Place<R>> = routeTable(
    routes.map(({ metadata: route, hosts, rules }) => ({
      hosts,
      rules: rules.flatMap((rule, ruleIndex) => {
        const place = (matchIndex: number, wants: readonly string[]): Place<R> => ({ route, rule, ruleIndex, matchIndex, wants });
        if (rule.matches.length === 0) return [{ matches: [], rule: place(0, []) }];
        return rule.matches.map((match, index) => ({ matches: [compile(match)], rule: place(index, formatMatch(match)) }));
      }),
    })),
  );
  const winner = table.select(request);
  const judged = table.candidates.map((candidate) => judge(candidate, request)).sort(byPrecedence);
  const candidates = judged.map(({ candidate, mismatch, wants }): CandidateExplanation => {
    const { route, ruleIndex, matchIndex } = candidate.rule;
    const outcome = mismatch ? 'rejected' : candidate === winner ? 'wins' : 'loses';
    return { route: formatMetadata(route), rule: ruleIndex, match: matchIndex, wants, outcome, ...(mismatch && { mismatch }) };
  });
  return {
    candidates,
    precedence: precedenceOf(judged),
    winner: winner && { route: winner.rule.route, rule: winner.rule.rule, match: winner.match },
  };
}

interface Judged<R> {
  readonly candidate: Candidate<Place<R>>;
  readonly wants: readonly string[];
  readonly mismatch: Mismatch | undefined;
  /** Of the host that fits, else of the most specific one. */
  readonly hostRank: number;
  readonly host: string;
  readonly taken: number;
}

function judge<R>(candidate: Candidate<Place<R>>, request: RoutedRequest): Judged<R> {
  const { hosts, match } = candidate;
  // A view of its own: what earlier candidates cost is not counted here.
  const view = new RequestView(request);
  const name = hostOf(request.authority);
  const ranked = hosts.map((host) => ({ host, pattern: hostPattern(host) })).sort((a, b) => b.pattern.rank - a.pattern.rank);
  const fitting = name === '' ? undefined : ranked.find(({ pattern }) => hostMatches(pattern, name));
  const failed = match.predicates.find((predicate) => !predicate.holds(view));
  const wrongHost = hosts.length > 0 && !fitting;
  const best = fitting ?? ranked[0];
  return {
    candidate,
    wants: [...(hosts.length === 0 ? [] : [`host ${hosts.map(formatHost).join(' or ')}`]), ...candidate.rule.wants],
    mismatch: wrongHost ? { predicate: 'host', wanted: hosts.map(formatHost).join(' or '), found: request.authority } : failed?.mismatch(view),
    hostRank: best?.pattern.rank ?? 0,
    host: best ? formatHost(best.host) : 'any',
    taken: pathTaken(match, view),
  };
}

function byPrecedence<R>(a: Judged<R>, b: Judged<R>): number {
  return b.hostRank - a.hostRank || b.taken - a.taken || a.candidate.rank - b.candidate.rank;
}

/** Between the first two that hold. */
function precedenceOf<R>(judged: readonly Judged<R>[]): Precedence | undefined {
  const [winner, other] = judged.filter(({ mismatch }) => !mismatch);
  if (!winner || !other) return undefined;
  const over = judged.indexOf(other);
  if (winner.hostRank !== other.hostRank) return { over, criterion: 'host', winner: winner.host, other: other.host };
  if (winner.taken !== other.taken) return { over, criterion: 'path', winner: winner.taken, other: other.taken };
  for (const [i, [criterion, weight]] of winner.candidate.match.weights.entries()) {
    const less = other.candidate.match.weights[i]?.[1] ?? 0;
    if (weight !== less) return { over, criterion, winner: weight, other: less };
  }
  return { over, criterion: 'order', winner: winner.candidate.rank, other: other.candidate.rank };
}

function formatMatch(match: HttpMatch | GrpcMatch): string[] {
  const headers = match.headers.map(({ name, value }) => `header ${name.toLowerCase()}: ${formatString(value)}`);
  if (!('query' in match)) return [`gRPC /${match.rpc?.service || '*'}/${match.rpc?.method || '*'}`, ...headers];
  return [
    ...(match.method === undefined ? [] : [`method ${match.method}`]),
    ...(match.path ? [`path ${formatPath(match.path)}`] : []),
    ...headers,
    ...match.query.map(({ name, value }) => `query ${name}=${formatString(value)}`),
  ];
}
