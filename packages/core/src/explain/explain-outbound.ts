// Where a hypothetical request or connection to a destination would go, and why. spec/proxy.md §2.2, §7.
import { formatMetadata } from '../domain/metadata.ts';
import { reasonOf } from '../reasons/reason.ts';
import { checkOutbound } from '../route/check-outbound.ts';
import { grpcMatch, httpMatch } from '../route/compile-match.ts';
import { inRoute } from '../route/in-route.ts';
import { patternCompiler } from '../route/pattern.ts';
import type { OutboundRouting } from '../route/profile-routes.ts';
import type { RoutedRequest } from '../route/request-view.ts';
import type { Surroundings } from './distribution-verdict.ts';
import { refused } from './explain-filters.ts';
import { explainHttp, type HttpContext } from './explain-http.ts';
import { takeRequiredIdentity } from './explain-options.ts';
import { explainProfile } from './explain-profile.ts';
import { explainRoutes } from './explain-routes.ts';
import { explainOpaque, explainTls } from './explain-tcp.ts';
import type { OutboundDecision, OutboundExplanation, Verdict } from './explanation.ts';

export interface OutboundQuestion {
  readonly request: RoutedRequest;
  /** What the connection is found to be, where the policy leaves it open. */
  readonly protocol: 'http/1' | 'http/2' | 'tls' | 'opaque';
  /** Of a TLS connection. */
  readonly sni?: string | undefined;
}

type Protocol = OutboundExplanation['protocol'];
type HttpPolicy = Extract<OutboundRouting['policy']['protocol'], { kind: 'detect' | 'http1' | 'http2' | 'grpc' }>;

/** Never throws: what cannot be decided is refused in the verdict, as it is on the way of a request. */
export function explainOutbound(routing: OutboundRouting, question: OutboundQuestion, surroundings: Surroundings = {}): OutboundExplanation {
  const protocol = protocolOf(routing, question);
  const parent = formatMetadata(routing.policy.parent);
  return { direction: 'outbound', parent, drivenBy: drivenBy(routing, protocol), protocol, ...decide(routing, protocol, question, surroundings) };
}

/** What the connection is taken for: as the policy declares, else as it is found to be. */
function protocolOf({ policy: { protocol } }: OutboundRouting, { protocol: found }: OutboundQuestion): Protocol {
  if (protocol.kind === 'http1') return 'http/1';
  if (protocol.kind === 'http2') return 'http/2';
  // TLS is not taken apart: where nothing declares it, it is bytes.
  if (protocol.kind === 'detect') return found === 'tls' ? 'opaque' : found;
  return protocol.kind;
}

/** A profile drives HTTP only where the policy leaves the protocol open. */
function drivenBy({ policy, profile, opaqueByProfile }: OutboundRouting, protocol: Protocol): OutboundExplanation['drivenBy'] {
  const byProfile = protocol === 'opaque' ? opaqueByProfile : profile && policy.protocol.kind === 'detect';
  return byProfile ? 'profile' : 'policy';
}

function decide(
  routing: OutboundRouting,
  taken: Protocol,
  { request: asked, protocol: found, sni = '' }: OutboundQuestion,
  surroundings: Surroundings,
): OutboundDecision {
  const { policy, profile } = routing;
  const { protocol } = policy;
  try {
    checkOutbound(routing);
  } catch (error) {
    // Whatever the policy declares, what comes is looked at to answer it.
    return nothing(refused(reasonOf(error), found === 'http/1' || found === 'http/2' ? 'request' : 'connection'));
  }
  if (protocol.kind === 'tls') return explainTls(protocol.routes, sni, surroundings);
  if (protocol.kind === 'opaque') return explainOpaque(protocol.routes, surroundings);
  if (protocol.kind === 'detect' && taken === 'opaque') return explainOpaque(protocol.opaque.routes, surroundings);
  const driving = protocol.kind === 'detect' ? profile : undefined;
  const context: HttpContext = { parent: driving?.parent ?? policy.parent, surroundings, ...takeRequiredIdentity(asked) };
  try {
    const decision = driving ? explainProfile(driving, context) : explainHttp(select(protocol, taken, context.request), context);
    return { ...decision, requiredIdentity: context.requiredIdentity };
  } catch (error) {
    return nothing(refused(inRoute(reasonOf(error), { parent: context.parent, route: context.parent }), 'request'));
  }
}

/** Throws MATCH_LIMIT. */
function select(protocol: HttpPolicy, taken: Protocol, request: RoutedRequest) {
  const compile = patternCompiler();
  if (protocol.kind === 'grpc') return explainRoutes(protocol.routes, (match) => grpcMatch(match, compile), request);
  const { routes } = protocol.kind !== 'detect' ? protocol : taken === 'http/1' ? protocol.http1 : protocol.http2;
  return explainRoutes(routes, (match) => httpMatch(match, compile), request);
}

function nothing(verdict: Verdict): OutboundDecision {
  return { candidates: [], filters: [], backends: [], verdict };
}
