// A server policy compiled: the routes of a port with who may use them. spec/proxy.md §8.
import {
  type Authorizer,
  type Buckets,
  createAuthorizer,
  createRateLimiter,
  defaultMetadata,
  type GrpcMatch,
  type HttpMatch,
  type InboundRoute,
  type Labels,
  type Metadata,
  type RateLimiter,
  type Reason,
  reasonOf,
  type ServerPolicy,
} from '@weft/core';
import type { RequestHead } from '@weft/http';
import { rateLimitLabels, routeLabels, serverLabels } from '../observe/labels.ts';
import { compileFilters, type HeadEdits } from './filters.ts';
import { anyOf, grpcMatcher, httpMatcher, type RuleMatcher } from './rule-match.ts';
import { selectRoute } from './select-route.ts';

export interface InboundRulePlan {
  readonly route: Metadata;
  readonly labels: Labels;
  readonly authorizer: Authorizer;
  readonly edits: HeadEdits;
  /** Set where requests of this rule fail after authorization: the policy asks for what cannot be done. */
  readonly invalid: Reason | undefined;
}

export interface InboundRateLimit {
  readonly limiter: RateLimiter;
  readonly labels: Labels;
}

export interface InboundPlan {
  readonly server: Metadata;
  readonly port: number;
  readonly kind: ServerPolicy['protocol']['kind'];
  /** HTTP detection; the proxy's own limit where the policy has none. */
  readonly detectTimeoutMs: number | undefined;
  readonly labels: Labels;
  /** For opaque connections. HTTP-only protocols admit none. */
  readonly tcp: Authorizer;
  /** What requests are counted against once they are authorized and filtered. */
  readonly rateLimit: InboundRateLimit | undefined;
  /** Undefined: no route matches. */
  select(request: RequestHead): InboundRulePlan | undefined;
}

/** `buckets`: of all rate limits, so that they outlive the policy. */
export function compileInbound(policy: ServerPolicy, port: number, buckets: Buckets): InboundPlan {
  const { metadata: server, protocol } = policy;
  const tcpAdmits = protocol.kind === 'detect' || protocol.kind === 'opaque' || protocol.kind === 'tls';
  return {
    server,
    port,
    kind: protocol.kind,
    detectTimeoutMs: protocol.kind === 'detect' ? protocol.timeoutMs : undefined,
    labels: serverLabels(server, port),
    tcp: createAuthorizer({ authorizations: tcpAdmits ? protocol.authorizations : [], server }),
    rateLimit: compileRateLimit(policy, port, buckets),
    select: compileRoutes(policy),
  };
}

function compileRateLimit({ protocol }: ServerPolicy, port: number, buckets: Buckets): InboundRateLimit | undefined {
  const limit = 'rateLimit' in protocol ? protocol.rateLimit : undefined;
  const limiter = limit && createRateLimiter({ limit, scope: String(port), buckets });
  return limiter && { limiter, labels: rateLimitLabels(limit.metadata) };
}

function compileRoutes(policy: ServerPolicy): InboundPlan['select'] {
  const { metadata: server, protocol } = policy;
  if (!('routes' in protocol)) return () => undefined;
  if (protocol.routes.length === 0) {
    const route = defaultMetadata('default');
    const labels = routeLabels(route);
    const authorizer = createAuthorizer({ authorizations: protocol.authorizations, server, route });
    const rule: InboundRulePlan = { route, labels, authorizer, edits: compileFilters([]), invalid: undefined };
    return () => rule;
  }
  const plans =
    protocol.kind === 'grpc'
      ? protocol.routes.map((route) => compileRoute(route, server, (match: GrpcMatch) => grpcMatcher(match)))
      : protocol.routes.map((route) => compileRoute(route, server, (match: HttpMatch) => httpMatcher(match)));
  // A match that is not understood could have led a request to stricter rules: none is served then.
  const invalid = plans.flatMap((plan) => plan.rules).find(({ matches, rule }) => matches === NEVER && rule.invalid);
  return invalid ? () => invalid.rule : selectRoute(plans);
}

const NEVER: RuleMatcher = () => undefined;

/** What cannot be compiled fails the requests that come to it, so that nothing is admitted by omission. */
function compileRoute<M>(route: InboundRoute<M>, server: Metadata, compile: (match: M) => RuleMatcher) {
  const labels = routeLabels(route.metadata);
  const authorizer = createAuthorizer({ authorizations: route.authorizations, server, route: route.metadata });
  const rules = route.rules.map((rule) => {
    let invalid: Reason | undefined;
    let matches = NEVER;
    let edits: HeadEdits = { request: undefined, response: undefined };
    try {
      matches = anyOf(rule.matches, compile);
      edits = compileFilters(rule.filters);
    } catch (error) {
      invalid = reasonOf(error);
    }
    return { matches, rule: { route: route.metadata, labels, authorizer, edits, invalid } satisfies InboundRulePlan };
  });
  return { hosts: route.hosts, rules };
}
