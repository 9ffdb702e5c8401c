// Whether a hypothetical request or connection would be let in, and what decides. spec/proxy.md §8.2 – §8.5.
import { compileAuthorization, formatInboundClient, formatRejection, type InboundClient } from '../authorize/authorization-rule.ts';
import { createAuthorizer } from '../authorize/authorizer.ts';
import type { Filter } from '../domain/match.ts';
import { defaultMetadata, formatMetadata, type Metadata } from '../domain/metadata.ts';
import type { Authorization, InboundRoute, RateLimit, ServerPolicy, ServerProtocol } from '../domain/server-policy.ts';
import type { Buckets } from '../rate-limit/buckets.ts';
import { createRateLimiter } from '../rate-limit/rate-limiter.ts';
import { reason, reasonOf } from '../reasons/reason.ts';
import { ANYTHING, grpcMatch, httpMatch } from '../route/compile-match.ts';
import { inRoute } from '../route/in-route.ts';
import { patternCompiler } from '../route/pattern.ts';
import type { RoutedRequest } from '../route/request-view.ts';
import { explainFilters, refused, verdictOfFilters } from './explain-filters.ts';
import { type ExplainedSelection, explainRoutes } from './explain-routes.ts';
import type { AuthorizationExplanation, InboundExplanation } from './explanation.ts';

export interface InboundQuestion {
  readonly client: InboundClient;
  /** Undefined: the connection alone, as bytes. */
  readonly request: RoutedRequest | undefined;
}

type Decision = Omit<InboundExplanation, 'direction' | 'server' | 'protocol' | 'client'>;
type Rule = { readonly filters: readonly Filter[] };
type HttpServerProtocol = Extract<ServerProtocol, { routes: unknown }>;

/** Never throws: what cannot be decided is refused in the verdict, as it is on the way of a request. */
export function explainInbound(policy: ServerPolicy, question: InboundQuestion): InboundExplanation {
  const { metadata, protocol } = policy;
  const common = { direction: 'inbound', server: formatMetadata(metadata), protocol: protocol.kind, client: formatInboundClient(question.client) } as const;
  return { ...common, ...decide(policy, question) };
}

function decide({ metadata: server, protocol }: ServerPolicy, { client, request }: InboundQuestion): Decision {
  if (!('routes' in protocol) || (protocol.kind === 'detect' && !request)) {
    const { authorizations } = protocol;
    return { ...NOTHING, ...explainAuthorizations(authorizations, client), verdict: authorized(authorizations, client, server) ?? { kind: 'forwarded' } };
  }
  if (!request) return { ...NOTHING, authorizations: [], verdict: refused(reason('UNAUTHORIZED', `${formatMetadata(server)} takes HTTP only`), 'connection') };
  try {
    return decideHttp(server, protocol, client, request);
  } catch (error) {
    return { ...NOTHING, authorizations: [], verdict: refused(inRoute(reasonOf(error), { parent: server, route: server }), 'request') };
  }
}

const NOTHING = { candidates: [], filters: [], rateLimits: [] } as const;

function decideHttp(server: Metadata, protocol: HttpServerProtocol, client: InboundClient, request: RoutedRequest): Decision {
  const unread = unreadRoute(protocol);
  if (unread) {
    const { metadata: route, authorizations, why } = unread;
    const verdict = authorized(authorizations, client, server, route) ?? refused(inRoute(why, { parent: server, route }), 'request');
    return { ...NOTHING, ...explainAuthorizations(authorizations, client), verdict };
  }
  const { candidates, precedence, winner } = select(protocol, request);
  if (!winner)
    return {
      ...NOTHING,
      candidates,
      authorizations: [],
      verdict: refused(reason('ROUTE_NOT_FOUND', `${request.method} ${request.path}, server ${formatMetadata(server)}`), 'request'),
    };
  const { route, rule, match } = winner;
  const { authorizations } = protocol.routes.find(({ metadata }) => metadata === route) ?? protocol;
  return {
    candidates,
    precedence,
    ...explainAuthorizations(authorizations, client),
    filters: explainFilters(rule.filters, request, match),
    rateLimits: protocol.kind === 'grpc' || !protocol.rateLimit ? [] : rateLimitsOf(protocol.rateLimit, client),
    verdict: authorized(authorizations, client, server, route) ??
      verdictOfFilters({ parent: server, route }, rule.filters, request, match, 'inbound') ?? { kind: 'forwarded' },
  };
}

/** The first route with a match that is not understood: its authorizations decide, and nothing is served. spec/proxy.md §8. */
function unreadRoute(protocol: HttpServerProtocol) {
  const compile = patternCompiler();
  return protocol.kind === 'grpc'
    ? firstUnread(protocol.routes, (match) => grpcMatch(match, compile))
    : firstUnread(protocol.routes, (match) => httpMatch(match, compile));
}

function firstUnread<M>(routes: readonly InboundRoute<M>[], read: (match: M) => unknown) {
  for (const { metadata, authorizations, rules } of routes) {
    try {
      for (const { matches } of rules) matches.forEach(read);
    } catch (error) {
      return { metadata, authorizations, why: reasonOf(error) };
    }
  }
  return undefined;
}

function select(protocol: HttpServerProtocol, request: RoutedRequest): ExplainedSelection<Rule> {
  const compile = patternCompiler();
  if (protocol.routes.length === 0) {
    // A server without routes has one that takes everything.
    const route = defaultMetadata('default');
    const candidates = [{ route: formatMetadata(route), rule: 0, match: 0, wants: [], outcome: 'wins' }] as const;
    return { candidates, winner: { route, rule: { filters: [] }, match: ANYTHING } };
  }
  return protocol.kind === 'grpc'
    ? explainRoutes(protocol.routes, (match) => grpcMatch(match, compile), request)
    : explainRoutes(protocol.routes, (match) => httpMatch(match, compile), request);
}

/** Connections are decided on without a route. */
function authorized(authorizations: readonly Authorization[], client: InboundClient, server: Metadata, route?: Metadata) {
  const verdict = createAuthorizer({ authorizations, server, route }).authorize(client);
  return verdict.kind === 'denied' ? refused(verdict.reason, route ? 'request' : 'connection') : undefined;
}

function explainAuthorizations(authorizations: readonly Authorization[], client: InboundClient): Pick<Decision, 'authorizations'> {
  let admitted = false;
  return {
    authorizations: authorizations.map((authorization): AuthorizationExplanation => {
      const name = formatMetadata(authorization.metadata);
      if (admitted) return { authorization: name, outcome: 'not asked' };
      const rejectedBy = compileAuthorization(authorization)(client);
      admitted = rejectedBy === undefined;
      return rejectedBy === undefined
        ? { authorization: name, outcome: 'admits' }
        : { authorization: name, outcome: 'rejects', rejectedBy, wants: formatRejection(authorization, rejectedBy) };
    }),
  };
}

/** In the order in which they are asked. */
function rateLimitsOf(limit: RateLimit, client: InboundClient): InboundExplanation['rateLimits'] {
  const limits = createRateLimiter({ limit, scope: '', buckets: UNTOUCHED })?.explain(client) ?? [];
  return limits.map(({ scope, rps }) => ({ scope, requestsPerSecond: rps }));
}

/** What is left of them is not known here. */
const UNTOUCHED: Buckets = { take: () => true, available: (_key, { rps }) => rps };
