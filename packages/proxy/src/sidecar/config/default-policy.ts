// The inbound policies that INBOUND_DEFAULT_POLICY names, in force until the control plane answers. spec/proxy.md §8.6.
import { type Authentication, type Authorization, assertNever, defaultMetadata, type IpNetwork, type ServerPolicy } from '@weft/core';

export type DefaultPolicyName = 'deny' | 'all-authenticated' | 'all-unauthenticated' | 'cluster-authenticated' | 'cluster-unauthenticated' | 'audit';

export interface DefaultPolicyOptions {
  readonly name: DefaultPolicyName;
  readonly clusterNetworks: readonly IpNetwork[];
  readonly detectTimeoutMs: number;
}

const ALL: readonly IpNetwork[] = [
  { ip: '0.0.0.0', prefix: 0 },
  { ip: '::', prefix: 0 },
];

/** A suffix without labels admits every DNS identity. */
const ANY_IDENTITY: Authentication = { kind: 'clients', identities: [], suffixes: [[]] };
const ANYONE: Authentication = { kind: 'unauthenticated' };

export function defaultPolicy({ name, clusterNetworks, detectTimeoutMs }: DefaultPolicyOptions): ServerPolicy {
  const metadata = defaultMetadata(name);
  const admit = (nets: readonly IpNetwork[], authentication: Authentication): ServerPolicy => {
    const authorization: Authorization = { metadata, networks: nets.map((net) => ({ net, except: [] })), authentication };
    return { metadata, protocol: { kind: 'detect', timeoutMs: detectTimeoutMs, routes: [], authorizations: [authorization] } };
  };
  switch (name) {
    case 'deny':
      return { metadata, protocol: { kind: 'opaque', authorizations: [] } };
    case 'all-authenticated':
      return admit(ALL, ANY_IDENTITY);
    case 'all-unauthenticated':
    case 'audit':
      return admit(ALL, ANYONE);
    case 'cluster-authenticated':
      return admit(clusterNetworks, ANY_IDENTITY);
    case 'cluster-unauthenticated':
      return admit(clusterNetworks, ANYONE);
    default:
      return assertNever(name);
  }
}

/** The same policy for a port where detection is disabled: opaque, with the same authorizations. */
export function asOpaque(policy: ServerPolicy): ServerPolicy {
  return { metadata: policy.metadata, protocol: { kind: 'opaque', authorizations: authorizationsOf(policy) } };
}

function authorizationsOf({ protocol }: ServerPolicy): readonly Authorization[] {
  return protocol.authorizations;
}
