// A program's membership in the mesh: a certificate that renews itself, discovery and policy, each asked of the control plane.
import { connect, type Socket } from 'node:net';
import { type DiscoveryPort, defaultServerPolicy, type IdentityPort, type PolicyPort, parseAuthority, parseIdentityId } from '@weft/core';
import { destinationClient } from '@weft/destination/client';
import { identityClient } from '@weft/identity/client';
import { policyClient } from '@weft/policy/client';
import { type TlsClient, tlsClient } from '@weft/tls';
import { grpcChannel, type RpcChannel } from '@weft/wire';

export interface ControlService {
  /** `host:port`. */
  readonly address: string;
  /** The identity that it has to prove. Absent: plaintext, which is for trying out only. */
  readonly serverName?: string | undefined;
}

export interface JoinOptions {
  readonly identity: ControlService;
  readonly destination: ControlService;
  readonly policy: ControlService;
  /** `<service account>.<namespace>.serviceaccount.identity.linkerd.<trust domain>`. */
  readonly localName: string;
  /** The service account's token. */
  readonly tokenFile: string;
  /** Trust anchors, DER each. */
  readonly anchors: readonly Uint8Array[];
  /** Says to the control plane who asks, as the injector writes it: `{"ns":"…","pod":"…"}`. */
  readonly workload: string;
}

export interface Membership {
  readonly identity: IdentityPort;
  readonly discovery: DiscoveryPort;
  readonly policy: PolicyPort;
  close(): void;
}

export function join(options: JoinOptions): Membership {
  const channels: RpcChannel[] = [];
  const open = (service: ControlService, tls: TlsClient): RpcChannel => {
    const channel = grpcChannel({ target: service.address, ...(service.serverName !== undefined && { dial: () => dialTls(service, tls) }) });
    channels.push(channel);
    return channel;
  };

  let tls: TlsClient | undefined;
  const identity = identityClient({
    channel(port) {
      tls = tlsClient({ identity: port });
      return open(options.identity, tls);
    },
    localName: options.localName,
    tokenFile: options.tokenFile,
    anchors: options.anchors,
  });
  const secure = tls ?? tlsClient({ identity });
  const discovery = destinationClient({
    channel: open(options.destination, secure),
    contextToken: options.workload,
    profileSuffixes: ['svc.cluster.local.'],
  });
  const policy = policyClient({
    channel: open(options.policy, secure),
    workload: options.workload,
    // Until the control plane has said who may come in: whoever is of the mesh.
    defaultPolicy: () => defaultServerPolicy('all-authenticated', { clusterNetworks: [], opaque: false, detectTimeoutMs: 10_000 }),
  });

  return {
    identity,
    discovery,
    policy,
    close() {
      discovery.close();
      policy.close();
      identity.close();
      secure.close();
      for (const channel of channels) channel.close();
    },
  };
}

async function dialTls({ address, serverName = '' }: ControlService, tls: TlsClient): Promise<Socket> {
  const target = parseAuthority(address);
  const id = parseIdentityId(serverName);
  if (target?.port === undefined || !id) throw new TypeError(`${address} and ${serverName} are not an address and an identity`);
  const raw = connect({ host: target.host, port: target.port, allowHalfOpen: true });
  raw.on('error', () => undefined);
  return (await tls.connect(raw, { identity: { id, serverName } })).socket;
}
