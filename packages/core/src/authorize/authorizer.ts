// Who may come in: the authorizations of a server or route, compiled. spec/proxy.md §8.2.
import type { IpAddress } from '../address/ip.ts';
import { networkMatcher } from '../address/network.ts';
import { formatMetadata, type Metadata } from '../domain/metadata.ts';
import type { Authentication, Authorization } from '../domain/server-policy.ts';
import { formatIdentityId, type IdentityId, parseIdentityId } from '../names/identity-name.ts';
import { type Reason, reason } from '../reasons/reason.ts';

/** What is known of the far end of one connection. Make one object per connection: verdicts are remembered by it. */
export interface InboundClient {
  readonly ip: IpAddress;
  /** `mesh`: mesh TLS was terminated here; without identity when the client presented none. TLS that is passed through counts as `none`. */
  readonly tls: { readonly kind: 'none' } | { readonly kind: 'mesh'; readonly identity?: IdentityId | undefined };
}

export type AuthorizationVerdict =
  | { readonly kind: 'allowed'; readonly authorization: Authorization }
  | { readonly kind: 'denied' /** Always UNAUTHORIZED. */; readonly reason: Reason };

/** Asked per request and per policy change; never throws. */
export interface Authorizer {
  authorize(client: InboundClient): AuthorizationVerdict;
}

export interface AuthorizerOptions {
  /** In order of preference: the first that admits the client decides. For a route: its own and the server's. */
  readonly authorizations: readonly Authorization[];
  /** Named in refusals. */
  readonly server: Metadata;
  /** Named in refusals, where a route decided. */
  readonly route?: Metadata | undefined;
}

/** Compiles once per policy. */
export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const rules = options.authorizations.map((authorization) => ({
    verdict: { kind: 'allowed', authorization } as const,
    networks: authorization.networks.map(({ net, except }) => ({ within: networkMatcher([net]), excepted: networkMatcher(except) })),
    authenticated: compileAuthentication(authorization.authentication),
  }));
  const place = `server ${formatMetadata(options.server)}${options.route ? `, route ${formatMetadata(options.route)}` : ''}`;
  const known = new WeakMap<InboundClient, AuthorizationVerdict>();

  const decide = (client: InboundClient): AuthorizationVerdict => {
    const { ip } = client;
    for (const rule of rules) {
      if (rule.authenticated(client) && rule.networks.some((network) => network.within(ip) && !network.excepted(ip))) return rule.verdict;
    }
    return { kind: 'denied', reason: reason('UNAUTHORIZED', `${formatInboundClient(client)}, ${place}`) };
  };

  return {
    authorize(client) {
      let verdict = known.get(client);
      if (!verdict) known.set(client, (verdict = decide(client)));
      return verdict;
    },
  };
}

/** `client 10.1.2.3 (web.ns.serviceaccount…)`, as refusals show it. */
export function formatInboundClient(client: InboundClient): string {
  const { tls } = client;
  const who = tls.kind === 'none' ? 'no mesh TLS' : tls.identity ? formatIdentityId(tls.identity) : 'mesh TLS without identity';
  return `client ${client.ip} (${who})`;
}

function compileAuthentication(authentication: Authentication): (client: InboundClient) => boolean {
  if (authentication.kind === 'unauthenticated') return () => true;
  if (authentication.kind === 'tls') return (client) => client.tls.kind === 'mesh';
  const identities = new Set<string>();
  for (const text of authentication.identities) {
    const id = parseIdentityId(text);
    if (id) identities.add(formatIdentityId(id));
  }
  // A suffix a.b admits names under it, not a.b itself; without labels it admits every DNS name.
  const suffixes = authentication.suffixes.map((labels) => (labels.length === 0 ? '' : `.${labels.join('.').toLowerCase()}`));
  return ({ tls }) => {
    if (tls.kind === 'none' || !tls.identity) return false;
    if (tls.identity.kind === 'uri') return identities.has(tls.identity.uri);
    const { name } = tls.identity;
    return identities.has(name) || suffixes.some((suffix) => name.endsWith(suffix));
  };
}
