// Where a hypothetical request or connection to a destination would go, and why. spec/proxy.md §2.2, §7.
import { assertNever } from '../assert-never.ts';
import type { HttpRule } from '../domain/client-policy.ts';
import type { Filter } from '../domain/match.ts';
import { formatMetadata } from '../domain/metadata.ts';
import { reason, reasonOf } from '../reasons/reason.ts';
import { grpcMatch, httpMatch } from '../route/compile-match.ts';
import { patternCompiler } from '../route/pattern.ts';
import type { OutboundRouting } from '../route/profile-routes.ts';
import type { RoutedRequest } from '../route/request-view.ts';
import { explainDistribution, verdictOfDistribution } from './explain-distribution.ts';
import { explainFilters, refused, verdictOfFilters } from './explain-filters.ts';
import { explainProfile } from './explain-profile.ts';
import { type ExplainedSelection, explainRoutes } from './explain-routes.ts';
import { explainOpaque, explainTls } from './explain-tcp.ts';
import type { OutboundDecision, OutboundExplanation } from './explanation.ts';

export interface OutboundQuestion {
  readonly request: RoutedRequest;
  /** What the connection is found to be, where the policy leaves it open. */
  readonly protocol: 'http/1' | 'http/2' | 'tls' | 'opaque';
  /** Of a TLS connection. */
  readonly sni?: string | undefined;
}

/** Never throws: what cannot be decided is refused in the verdict, as it is on the way of a request. */
export function explainOutbound(routing: OutboundRouting, question: OutboundQuestion): OutboundExplanation {
  const protocol = protocolOf(routing, question);
  const parent = formatMetadata(routing.policy.parent);
  const drivenBy = routing.profile && protocol !== 'opaque' ? 'profile' : 'policy';
  return { direction: 'outbound', parent, drivenBy, protocol, ...decide(routing, protocol, question) };
}

/** What the connection is taken for: as the policy declares, else as it is found to be. */
function protocolOf({ policy: { protocol } }: OutboundRouting, { protocol: found }: OutboundQuestion): OutboundExplanation['protocol'] {
  if (protocol.kind === 'http1') return 'http/1';
  if (protocol.kind === 'http2') return 'http/2';
  // TLS is not taken apart: where nothing declares it, it is bytes.
  if (protocol.kind === 'detect') return found === 'tls' ? 'opaque' : found;
  return protocol.kind;
}

function decide({ policy, profile }: OutboundRouting, kind: OutboundExplanation['protocol'], { request, sni = '' }: OutboundQuestion): OutboundDecision {
  const { protocol } = policy;
  const compile = patternCompiler();
  try {
    switch (protocol.kind) {
      case 'tls':
        return explainTls(protocol.routes, sni);
      case 'opaque':
        return explainOpaque(protocol.routes);
      case 'grpc':
        return explainHttp(
          explainRoutes(protocol.routes, (match) => grpcMatch(match, compile), request),
          request,
        );
      case 'detect': {
        if (kind === 'opaque') return explainOpaque(protocol.opaque.routes);
        if (profile) return explainProfile(profile, request);
        const { routes } = kind === 'http/1' ? protocol.http1 : protocol.http2;
        return explainHttp(
          explainRoutes(routes, (match) => httpMatch(match, compile), request),
          request,
        );
      }
      case 'http1':
      case 'http2':
        return explainHttp(
          explainRoutes(protocol.routes, (match) => httpMatch(match, compile), request),
          request,
        );
      default:
        return assertNever(protocol);
    }
  } catch (error) {
    return { candidates: [], filters: [], backends: [], verdict: refused(reasonOf(error)) };
  }
}

function explainHttp<C>({ candidates, precedence, winner }: ExplainedSelection<HttpRule<unknown, C>>, request: RoutedRequest): OutboundDecision {
  if (!winner) {
    const why = reason('ROUTE_NOT_FOUND', `${request.method} ${request.authority ?? ''}${request.path}`);
    return { candidates, filters: [], backends: [], verdict: refused(why) };
  }
  const { route, rule, match } = winner;
  const verdictOf = (filters: readonly Filter[]) => verdictOfFilters(formatMetadata(route), filters, request, match, 'outbound');
  const effects = (filters: readonly Filter[]) => explainFilters(filters, request, match);
  return {
    candidates,
    precedence,
    filters: effects(rule.filters),
    ...explainDistribution(rule.distribution, effects),
    verdict: verdictOf(rule.filters) ?? verdictOfDistribution(route, rule.distribution, verdictOf),
    timeouts: rule.timeouts,
    retry: rule.retry && `up to ${rule.retry.maxRetries} more times`,
  };
}
