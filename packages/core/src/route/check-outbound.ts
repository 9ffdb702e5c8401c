// What a client policy may ask for. One rule that cannot be followed makes all of the policy invalid, whichever rule a request would take:
// nothing is sent past a rule that is not understood. spec/proxy.md §7.
import { assertNever } from '../assert-never.ts';
import type { Distribution, HttpProtocol, HttpRule, TcpRule } from '../domain/client-policy.ts';
import type { Filter, GrpcMatch } from '../domain/match.ts';
import { formatMetadata, type Metadata } from '../domain/metadata.ts';
import type { Random } from '../ports/random.ts';
import { type Reason, ReasonError, reason } from '../reasons/reason.ts';
import { grpcMatch, httpMatch } from './compile-match.ts';
import { withinRoute } from './in-route.ts';
import { sortFilters } from './interception.ts';
import { patternCompiler } from './pattern.ts';
import type { OutboundRouting } from './profile-routes.ts';

/** Throws POLICY_INVALID where none of the backends would ever be chosen. One that is alone is, whatever its weight: spec/proxy.md §6.4. */
export function checkWeights(distribution: Distribution): void {
  if (distribution.kind !== 'random-available' || distribution.backends.length < 2) return;
  if (distribution.backends.every(({ weight }) => weight === 0)) throw new ReasonError(reason('POLICY_INVALID', 'every backend has weight 0'));
}

/** Why filters let no connection pass. Throws POLICY_INVALID on one that cannot be applied to connections. */
export function forbids(filters: readonly Filter[], route: Metadata): Reason | undefined {
  for (const filter of filters) {
    if (filter.kind === 'invalid') throw new ReasonError(reason('POLICY_INVALID', filter.message));
    if (filter.kind !== 'forbidden') throw new ReasonError(reason('POLICY_INVALID', `filter ${filter.kind} is not supported on connections`));
  }
  return filters.length > 0 ? reason('CONNECTION_FORBIDDEN', formatMetadata(route)) : undefined;
}

/** Throws the POLICY_INVALID with which compiling the policy ends, if it does. */
export function checkOutbound({ policy: { protocol }, profile }: OutboundRouting): void {
  const compile = patternCompiler();
  const http = ({ routes }: HttpProtocol): void => checkHttp(routes, (match) => httpMatch(match, compile));
  switch (protocol.kind) {
    case 'detect':
      if (profile) checkWeights(profile.distribution);
      else for (const one of [protocol.http1, protocol.http2]) http(one);
      return checkTcp(protocol.opaque.routes.slice(0, 1));
    case 'http1':
    case 'http2':
      return http(protocol);
    case 'grpc':
      return checkHttp(protocol.routes, (match: GrpcMatch) => grpcMatch(match, compile));
    case 'opaque':
      return checkTcp(protocol.routes.slice(0, 1));
    case 'tls':
      return checkTcp(protocol.routes);
    default:
      return assertNever(protocol);
  }
}

type Routes<R> = readonly { readonly metadata: Metadata; readonly rules: readonly R[] }[];

const NO_RANDOM: Random = { next: () => 0 };

function checkHttp<M>(routes: Routes<HttpRule<M, unknown>>, match: (match: M) => unknown): void {
  const filters = (all: readonly Filter[]): unknown => sortFilters('', all, NO_RANDOM);
  for (const { metadata, rules } of routes) {
    withinRoute(metadata, () => {
      for (const rule of rules) {
        rule.matches.forEach(match);
        checkRule(rule, filters);
      }
    });
  }
}

/** Only the first rule of a route is in force. */
function checkTcp(routes: Routes<TcpRule>): void {
  for (const {
    metadata,
    rules: [rule],
  } of routes) {
    if (rule) withinRoute(metadata, () => checkRule(rule, (filters) => forbids(filters, metadata)));
  }
}

function checkRule({ filters, distribution }: TcpRule, check: (filters: readonly Filter[]) => unknown): void {
  check(filters);
  checkWeights(distribution);
  if (distribution.kind !== 'empty') for (const backend of distribution.backends) check(backend.filters);
}
