// The sidecar's configuration as settings of the proxy itself.
import { constantWatch, type SocketAddress, type Watch } from '@weft/core';
import type { Listener, ProxySettings, SocketOptions } from '../config.ts';
import type { TcpOptions } from '../ports.ts';
import type { Config, SocketSettings } from './config/config.ts';
import type { AddressBookReader } from './watch-address-book.ts';

export function proxySettings(config: Config, book: AddressBookReader | undefined): ProxySettings {
  const { outbound, inbound, admin } = config;
  const listeners = configuredListeners(config, book);
  return {
    outbound: {
      listeners: listeners.outbound,
      detectTimeoutMs: outbound.detectTimeoutMs,
      connectTimeoutMs: outbound.connectTimeoutMs,
      connectBackoff: outbound.connectBackoff,
      discoveryIdleMs: outbound.discoveryIdleMs,
      poolIdleMs: outbound.poolIdleMs,
      maxIdlePerEndpoint: outbound.maxIdlePerEndpoint,
      maxInFlight: outbound.maxInFlight,
      queueCapacity: outbound.queueCapacity,
      failfastMs: outbound.failfastMs,
      tcpQueueCapacity: outbound.tcpQueueCapacity,
      tcpFailfastMs: outbound.tcpFailfastMs,
      http2: config.http2,
      serverHttp2: outbound.serverHttp2,
      localIps: inbound.ips,
      profileNetworks: config.destination.profileNetworks,
      profileSuffixes: config.destination.profileSuffixes,
      ingress: outbound.ingress,
      informationalHeaders: outbound.informationalHeaders,
      hostnameLabels: outbound.hostnameLabels,
      sockets: socketOptions(outbound.sockets),
    },
    inbound: {
      listeners: listeners.inbound,
      directPort: inbound.listen[0]?.port ?? 4143,
      detectTimeoutMs: inbound.detectTimeoutMs,
      connectTimeoutMs: inbound.connectTimeoutMs,
      connectBackoff: inbound.connectBackoff,
      queueCapacity: inbound.queueCapacity,
      failfastMs: inbound.failfastMs,
      policyIdleMs: inbound.discoveryIdleMs,
      poolIdleMs: inbound.poolIdleMs,
      maxIdlePerEndpoint: inbound.maxIdlePerEndpoint,
      maxInFlight: inbound.maxInFlight,
      http2: config.http2,
      serverHttp2: inbound.serverHttp2,
      allowedIps: inbound.ips,
      gatewaySuffixes: inbound.gatewaySuffixes,
      profileSuffixes: config.destination.profileSuffixes,
      profileTimeoutMs: inbound.profileTimeoutMs,
      authorityLabels: inbound.authorityLabels,
      sockets: socketOptions(inbound.sockets),
    },
    admin: { listen: book?.listen(admin.listen) ?? admin.listen, policyPort: admin.listen.port, metricsRetainIdleMs: admin.metricsRetainIdleMs },
    detect: { mode: config.detect },
    shutdownGraceMs: config.shutdownGraceMs,
  };
}

/** Those of the address book, else the addresses of the configuration. */
export function configuredListeners(
  { outbound, inbound }: Config,
  book: AddressBookReader | undefined,
): Record<'inbound' | 'outbound', Watch<readonly Listener[]>> {
  return { outbound: book?.outbound ?? listenersAt(outbound.listen), inbound: book?.inbound ?? listenersAt(inbound.listen) };
}

function listenersAt(addresses: readonly SocketAddress[]): Watch<readonly Listener[]> {
  return constantWatch(addresses.map((listen) => ({ listen })));
}

function socketOptions({ acceptKeepAliveMs, acceptUserTimeoutMs, connectKeepAliveMs, connectUserTimeoutMs, backlog }: SocketSettings): SocketOptions {
  return { accept: tcpOptions(acceptKeepAliveMs, acceptUserTimeoutMs), connect: tcpOptions(connectKeepAliveMs, connectUserTimeoutMs), backlog };
}

/** Undefined without any, so that nothing is called per connection. */
export function tcpOptions(keepAliveMs: number | undefined, userTimeoutMs: number | undefined): TcpOptions | undefined {
  return keepAliveMs === undefined && userTimeoutMs === undefined ? undefined : { keepAliveMs, userTimeoutMs };
}
