// The clients of the control plane: identity, discovery and policy, each over a channel of its own. spec/proxy.md §1.4, §5.3.
import { type Clock, defaultServerPolicy, type IdentityPort, type Logger, type MetricRegistry, portSetHas, type Random, type Watch } from '@weft/core';
import { type DestinationClient, destinationClient } from '@weft/destination/client';
import type { Resolver } from '@weft/destination/dns';
import { type IdentityClient, identityClient, spiffeClient } from '@weft/identity/client';
import { type PolicyClient, policyClient } from '@weft/policy/client';
import { type TlsClient, tlsClient } from '@weft/tls';
import type { RpcChannel } from '@weft/wire';
import type { Dialer } from '../../ports.ts';
import type { Config, StreamLimits } from '../config/config.ts';
import type { ControlAddress } from '../config/rules.ts';
import { tcpOptions } from '../settings.ts';
import { controlChannel } from './control-channel.ts';
import type { ControlService } from './control-metrics.ts';

export interface ControlClientsOptions {
  readonly config: Config;
  readonly dial: Dialer;
  readonly resolver: Resolver;
  /** Each change makes names be resolved at once. Default never. */
  readonly refresh?: Watch<unknown> | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
}

export interface ControlClients {
  readonly identity: IdentityClient;
  readonly discovery: DestinationClient;
  readonly policy: PolicyClient;
  close(): void;
}

export function controlClients(options: ControlClientsOptions): ControlClients {
  const { config, clock, random, logger } = options;
  const channels: RpcChannel[] = [];
  const connect = (service: ControlService, address: ControlAddress, tls: TlsClient): RpcChannel => {
    // A loopback address means the own pod: near, and as patient as the application's side is.
    const side = address.target.loopback ? config.inbound : config.outbound;
    const { connectKeepAliveMs, connectUserTimeoutMs } = side.sockets;
    const tcp = tcpOptions(connectKeepAliveMs, connectUserTimeoutMs);
    const { connectTimeoutMs, connectBackoff: backoff } = side;
    const channel = controlChannel({ ...options, service, address, tls, connectTimeoutMs, tcp, backoff });
    channels.push(channel);
    return channel;
  };

  const { identity, tls } = identityOf(options, connect);

  const { destination, policy, inbound } = config;
  const discovery = destinationClient({
    channel: connect('destination', destination.address, tls),
    contextToken: destination.context,
    profileNetworks: destination.profileNetworks,
    profileSuffixes: destination.profileSuffixes,
    ...streams(config, destination.address),
    clock,
    random,
    logger: logger.child({ part: 'discovery' }),
  });
  const policies = policyClient({
    channel: connect('policy', policy.address, tls),
    workload: policy.workload,
    defaultPolicy: (port) =>
      defaultServerPolicy(inbound.defaultPolicy, {
        clusterNetworks: policy.clusterNetworks,
        opaque: portSetHas(inbound.opaquePorts, port),
        detectTimeoutMs: inbound.detectTimeoutMs,
      }),
    ports: inbound.ports,
    detectTimeoutMs: inbound.detectTimeoutMs,
    ...streams(config, policy.address),
    clock,
    random,
    logger: logger.child({ part: 'policy' }),
  });

  return {
    identity,
    discovery,
    policy: policies,
    close() {
      discovery.close();
      policies.close();
      identity.close();
      tls.close();
      for (const channel of channels) channel.close();
    },
  };
}

/** The client that the configuration asks for, and what shows its certificates to the control plane. */
function identityOf(
  { config, clock, random, logger, metrics }: ControlClientsOptions,
  connect: (service: ControlService, address: ControlAddress, tls: TlsClient) => RpcChannel,
): { readonly identity: IdentityClient; readonly tls: TlsClient } {
  const { name, serverName, anchors, source } = config.identity;
  const common = { serverName, anchors, clock, logger: logger.child({ part: 'identity' }), metrics };
  if (source.kind === 'spire') {
    const identity = spiffeClient({ ...common, agent: source.socket, id: name, backoff: source.backoff, random });
    return { identity, tls: tlsClient({ identity, clock, logger }) };
  }
  const { address, dir, tokenFile, minRefreshMs, maxRefreshMs } = source;
  let tls: TlsClient | undefined;
  const identity = identityClient({
    ...common,
    channel(port: IdentityPort) {
      tls = tlsClient({ identity: port, clock, logger });
      return connect('identity', address, tls);
    },
    localName: name,
    dir,
    tokenFile,
    minRefreshMs,
    maxRefreshMs,
  });
  return { identity, tls: tls ?? tlsClient({ identity, clock, logger }) };
}

/** Limits do not apply to a controller in the own pod. */
function streams(config: Config, { target }: ControlAddress) {
  const limits: StreamLimits = target.loopback ? {} : config.streamLimits;
  return { streamLimits: limits, backoff: (target.loopback ? config.inbound : config.outbound).connectBackoff };
}
