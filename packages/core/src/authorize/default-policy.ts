// The policies that are in force where the control plane named none. spec/proxy.md §8.6.
import { type IpNetwork, parseNetwork } from '../address/network.ts';
import { defaultMetadata } from '../domain/metadata.ts';
import type { Authentication, Authorization, ServerPolicy } from '../domain/server-policy.ts';

export const DEFAULT_POLICY_NAMES = ['all-unauthenticated', 'all-authenticated', 'cluster-unauthenticated', 'cluster-authenticated', 'audit', 'deny'] as const;

export type DefaultPolicyName = (typeof DEFAULT_POLICY_NAMES)[number];

export function isDefaultPolicyName(text: string): text is DefaultPolicyName {
  return (DEFAULT_POLICY_NAMES as readonly string[]).includes(text);
}

export interface DefaultPolicyOptions {
  /** What `cluster-*` admits. */
  readonly clusterNetworks: readonly IpNetwork[];
  /** The port is never looked into. */
  readonly opaque: boolean;
  readonly detectTimeoutMs: number;
}

/** IPv4 and IPv6, everything. */
export const ALL_NETWORKS: readonly IpNetwork[] = [networkOf('0.0.0.0/0'), networkOf('::/0')];

/** The policy of that name as if the control plane had sent it, except that no localhost authorization is added: `deny` admits nobody. */
export function defaultServerPolicy(name: DefaultPolicyName, options: DefaultPolicyOptions): ServerPolicy {
  const metadata = defaultMetadata(name);
  if (name === 'deny') return { metadata, protocol: { kind: 'opaque', authorizations: [] } };
  const networks = name === 'cluster-authenticated' || name === 'cluster-unauthenticated' ? options.clusterNetworks : ALL_NETWORKS;
  const meshed = name === 'all-authenticated' || name === 'cluster-authenticated';
  const authentication: Authentication = meshed ? { kind: 'clients', identities: [], suffixes: [[]] } : { kind: 'unauthenticated' };
  const authorizations: readonly Authorization[] = [{ metadata, networks: networks.map((net) => ({ net, except: [] })), authentication }];
  return {
    metadata,
    protocol: options.opaque ? { kind: 'opaque', authorizations } : { kind: 'detect', timeoutMs: options.detectTimeoutMs, routes: [], authorizations },
  };
}

/** Appended to every server that the control plane sent (spec/proxy.md §8.1): the pod itself may always come in. */
export const LOCALHOST_AUTHORIZATION: Authorization = {
  metadata: defaultMetadata('localhost'),
  networks: [
    { net: networkOf('127.0.0.1/32'), except: [] },
    { net: networkOf('::1/128'), except: [] },
  ],
  authentication: { kind: 'unauthenticated' },
};

function networkOf(text: string): IpNetwork {
  const network = parseNetwork(text);
  if (!network) throw new RangeError(`not a network: ${text}`);
  return network;
}
