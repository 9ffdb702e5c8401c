// Where endpoints come from: a destination service over gRPC, or DNS. Whoever uses them sees one port.
import type { DiscoveryPort, IpNetwork, SocketAddress } from '@weft/core';
import { destinationClient } from '@weft/destination/client';
import { dnsDiscovery, resolver } from '@weft/destination/dns';
import { grpcChannel } from '@weft/wire';

export type Source =
  /** `host:port` of the service, in plaintext: a port-forward, or a control plane on this machine. */
  | { readonly kind: 'destination'; readonly address: string }
  /** Default: `/etc/hosts`, and the servers of `/etc/resolv.conf`. */
  | { readonly kind: 'dns'; readonly servers?: readonly SocketAddress[] | undefined };

export interface Discovered {
  readonly discovery: DiscoveryPort;
  close(): void;
}

/** Addresses of Services, of which profiles are asked as well. */
const EVERYWHERE: readonly IpNetwork[] = [
  { ip: '0.0.0.0', prefix: 0 },
  { ip: '::', prefix: 0 },
];

export function discover(source: Source): Discovered {
  if (source.kind === 'dns') {
    const discovery = dnsDiscovery(source.servers ? { resolver: resolver({ servers: source.servers, maxTtlMs: 300_000 }) } : {});
    return { discovery, close: () => discovery.close() };
  }
  const channel = grpcChannel({ target: source.address });
  const discovery = destinationClient({ channel, profileNetworks: EVERYWHERE, profileSuffixes: ['.'] });
  return {
    discovery,
    close() {
      discovery.close();
      channel.close();
    },
  };
}
