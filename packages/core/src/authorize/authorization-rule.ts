// One authorization, compiled: whether it admits a client, and if not, which part of it does not. spec/proxy.md §8.2.

import type { IpAddress } from '../address/ip.ts';
import { formatNetwork, networkMatcher } from '../address/network.ts';
import { assertNever } from '../assert-never.ts';
import { formatMetadata } from '../domain/metadata.ts';
import type { Authentication, Authorization } from '../domain/server-policy.ts';
import { formatIdentityId, type IdentityId, parseIdentityId } from '../names/identity-name.ts';

/** What is known of the far end of one connection. Make one object per connection: verdicts are remembered by it. */
export interface InboundClient {
  readonly ip: IpAddress;
  /** `mesh`: mesh TLS was terminated here; without identity when the client presented none. TLS that is passed through counts as `none`. */
  readonly tls: { readonly kind: 'none' } | { readonly kind: 'mesh'; readonly identity?: IdentityId | undefined };
}

/** The first part that does not hold, in the order in which they are asked. */
export type RejectedBy =
  /** The address is in none of the networks. */
  | 'network'
  /** It is in one of them, and excepted from it. */
  | 'network-except'
  /** The connection is not mesh TLS. */
  | 'tls'
  /** It is, and the client showed no identity. */
  | 'no-identity'
  /** The identity is another one. */
  | 'identity';

/** Undefined: the authorization admits the client. */
export type AuthorizationRule = (client: InboundClient) => RejectedBy | undefined;

export function compileAuthorization({ networks, authentication }: Authorization): AuthorizationRule {
  const ranges = networks.map(({ net, except }) => ({ within: networkMatcher([net]), excepted: except.length === 0 ? undefined : networkMatcher(except) }));
  const authenticated = compileAuthentication(authentication);
  return (client) => {
    let outside: RejectedBy = 'network';
    for (const { within, excepted } of ranges) {
      if (!within(client.ip)) continue;
      if (!excepted?.(client.ip)) return authenticated(client);
      outside = 'network-except';
    }
    return outside;
  };
}

function compileAuthentication(authentication: Authentication): AuthorizationRule {
  switch (authentication.kind) {
    case 'unauthenticated':
      return () => undefined;
    case 'tls':
      return ({ tls }) => (tls.kind === 'mesh' ? undefined : 'tls');
    case 'clients':
      return compileClients(authentication.identities, authentication.suffixes);
    default:
      return assertNever(authentication);
  }
}

function compileClients(names: readonly string[], suffixes: readonly (readonly string[])[]): AuthorizationRule {
  const identities = new Set<string>();
  for (const text of names) {
    const id = parseIdentityId(text);
    if (id) identities.add(formatIdentityId(id));
  }
  // A suffix a.b admits names under it, not a.b itself; without labels it admits every DNS name.
  const endings = suffixes.map((labels) => (labels.length === 0 ? '' : `.${labels.join('.').toLowerCase()}`));
  return ({ tls }) => {
    if (tls.kind === 'none') return 'tls';
    if (!tls.identity) return 'no-identity';
    if (tls.identity.kind === 'uri') return identities.has(tls.identity.uri) ? undefined : 'identity';
    const { name } = tls.identity;
    return identities.has(name) || endings.some((ending) => name.endsWith(ending)) ? undefined : 'identity';
  };
}

/** `client 10.1.2.3 (web.ns.serviceaccount…)`, as refusals show it. */
export function formatInboundClient({ ip, tls }: InboundClient): string {
  const who = tls.kind === 'none' ? 'no mesh TLS' : tls.identity ? formatIdentityId(tls.identity) : 'mesh TLS without identity';
  return `client ${ip} (${who})`;
}

/** What the authorization wants instead, in a few words: `default/all-authenticated wants a mesh identity under *`. */
export function formatRejection(authorization: Authorization, by: RejectedBy): string {
  return `${formatMetadata(authorization.metadata)} wants ${wanted(authorization, by)}`;
}

function wanted({ networks, authentication }: Authorization, by: RejectedBy): string {
  switch (by) {
    case 'network':
      return `an address in ${few(networks.map(({ net }) => formatNetwork(net)))}`;
    case 'network-except':
      return `an address outside of ${few(networks.flatMap(({ except }) => except.map(formatNetwork)))}`;
    case 'tls':
      return 'mesh TLS';
    case 'no-identity':
    case 'identity': {
      if (authentication.kind !== 'clients') return 'an identity';
      const names = [...authentication.identities, ...authentication.suffixes.map((labels) => ['*', ...labels].join('.'))];
      return `the identity ${few(names)}`;
    }
    default:
      return assertNever(by);
  }
}

/** Lists of policies may be long; a reason is one line. */
function few(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  return names.length <= MAX_NAMES ? names.join(' or ') : `${names.slice(0, MAX_NAMES).join(' or ')} or ${names.length - MAX_NAMES} others`;
}

const MAX_NAMES = 3;
