// Puts the outbound side together: discovery, balancers, connections to endpoints. spec/proxy.md §2.2.
import {
  Breaker,
  type Clock,
  type Endpoint,
  formatSocketAddress,
  type Logger,
  type MetricRegistry,
  type Random,
  type Reason,
  type SocketAddress,
} from '@weft/core';
import type { HttpEngine } from '@weft/http';
import type { TlsClient } from '@weft/tls';
import type { Connection } from '../accept/connections.ts';
import type { Racing } from '../accept/racing.ts';
import type { Listener, OutboundConfig } from '../config.ts';
import { endpointDialer } from '../connect/endpoint-dialer.ts';
import { connectionLabels, HttpEndpoint, type HttpEndpointSettings } from '../connect/http-endpoint.ts';
import { TcpEndpoint } from '../connect/tcp-endpoint.ts';
import type { OutboundBalancerMetrics } from '../observe/balancer-metrics.ts';
import type { DetectMetrics } from '../observe/detect-metrics.ts';
import type { Ejections } from '../observe/ejections.ts';
import type { HttpMetrics } from '../observe/http-metrics.ts';
import { endpointLabels, type NoClientTls } from '../observe/labels.ts';
import type { Refusals } from '../observe/refusals.ts';
import type { RouteMetrics } from '../observe/route-metrics.ts';
import { type TransportMetrics, zoneOf } from '../observe/transport-metrics.ts';
import type { Dialer, OriginalDst, ProxyPorts } from '../ports.ts';
import type { InFlightLimit } from '../relay/in-flight-limit.ts';
import type { Taps } from '../tap/taps.ts';
import { acceptOutbound, loopTo, type OutboundOptions } from './accept-outbound.ts';
import { Backends } from './backends.ts';
import { createDiscover, type Discover } from './discover.ts';
import { Tries } from './tries/tries.ts';

export interface OutboundDeps {
  readonly config: OutboundConfig;
  readonly discovery: ProxyPorts['discovery'];
  readonly policy: ProxyPorts['policy'];
  readonly originalDst: OriginalDst;
  readonly dial: Dialer;
  readonly tls: TlsClient;
  readonly engine: HttpEngine;
  readonly http: HttpMetrics;
  readonly transport: TransportMetrics;
  readonly refusals: Refusals;
  readonly detect: DetectMetrics;
  readonly routes: RouteMetrics;
  readonly balancers: OutboundBalancerMetrics;
  readonly ejections: Ejections;
  readonly racing: Racing | undefined;
  readonly limit: InFlightLimit;
  readonly taps: Taps;
  readonly retryBudgets: ProxyPorts['retryBudgets'];
  readonly ownAddresses: () => readonly SocketAddress[];
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: MetricRegistry;
  readonly logger: Logger;
}

export interface Outbound {
  accept(connection: Connection, listener: Listener): Promise<void>;
  /** Ends connections to endpoints; what waits fails for this reason. */
  destroy(why: Reason): void;
  /** What the gateway shares with it. */
  readonly discover: Discover;
  readonly limit: InFlightLimit;
  readonly tries: Tries;
  /** Why connections to this address are not taken. */
  loopTo(target: SocketAddress): Reason | undefined;
  /** Why this endpoint is never connected to. */
  refuses(endpoint: Endpoint): Reason | undefined;
}

export function createOutbound(deps: OutboundDeps): Outbound {
  const { config, clock, random, engine, transport } = deps;
  const dialer = endpointDialer({
    dial: deps.dial,
    tls: deps.tls,
    connectTimeoutMs: config.connectTimeoutMs,
    tcp: config.sockets.connect,
    localIps: config.localIps,
    refuseLoopback: config.refuseLoopback,
  });
  const common = { dialer, backoff: config.connectBackoff, clock, random };
  const settings: HttpEndpointSettings = {
    ...common,
    engine,
    metrics: deps.http,
    poolIdleMs: config.poolIdleMs,
    maxIdle: config.maxIdlePerEndpoint,
    http2: config.http2,
  };

  const observers = {
    'http/1': deps.balancers.http,
    'http/2': deps.balancers.http,
    opaque: deps.balancers.tcp,
    tls: deps.balancers.tls,
  };

  const backends = (noTls: NoClientTls, logical: string): Backends =>
    new Backends({
      logical,
      discovery: deps.discovery,
      http: { capacity: config.queueCapacity, failfastMs: config.failfastMs, clock, random },
      tcp: { capacity: config.tcpQueueCapacity, failfastMs: config.tcpFailfastMs, clock, random },
      observe: (protocol, labels, failfastMs) => observers[protocol](labels, failfastMs),
      httpEndpoint(endpoint, { protocol, authority, accrual, labels: pool }, changed) {
        const labels = endpointLabels(endpoint, dialer.isLocal(endpoint), authority, noTls);
        const ofConnections = connectionLabels(labels);
        const name = formatSocketAddress(endpoint.address);
        const observer = accrual && deps.ejections.watch(name, pool);
        return new HttpEndpoint(settings, {
          endpoint,
          protocol: protocol === 'http/2' ? 'http/2' : 'http/1',
          balanced: authority !== undefined,
          labels,
          onConnected: (socket) => transport.track(socket, ofConnections, zoneOf(endpoint)),
          onFailed: (why) => deps.refusals.connecting('outbound', why, labels),
          breaker:
            accrual && ((moved) => new Breaker({ name, policy: accrual, clock, random, changed: moved, onState: (state, why) => observer?.state(state, why) })),
          changed,
          closed: () => observer?.close(),
        });
      },
      tcpEndpoint(endpoint, { authority }, changed) {
        const labels = endpointLabels(endpoint, dialer.isLocal(endpoint), authority, noTls);
        const ofConnections = connectionLabels(labels);
        return new TcpEndpoint({
          ...common,
          endpoint,
          balanced: authority !== undefined,
          onConnected: (socket) => transport.track(socket, ofConnections, zoneOf(endpoint)),
          onFailed: (why) => deps.refusals.connecting('outbound', why, labels),
          changed,
        });
      },
    });

  const discover = createDiscover({
    discovery: deps.discovery,
    policy: deps.policy,
    profileNetworks: config.profileNetworks,
    profileSuffixes: config.profileSuffixes,
    noTls: config.ingress ? 'ingress_without_override' : 'not_provided_by_service_discovery',
    idleMs: config.discoveryIdleMs,
    maxDestinations: config.maxDestinations,
    clock,
    random,
    routes: deps.routes,
    backends,
  });

  const { limit } = deps;
  const tries = new Tries({ clock, random, metrics: deps.metrics, budgets: deps.retryBudgets });
  const options: OutboundOptions = {
    originalDst: deps.originalDst,
    discover,
    ingress: config.ingress,
    detectTimeoutMs: config.detectTimeoutMs,
    detect: deps.detect,
    racing: deps.racing,
    transport,
    ownAddresses: deps.ownAddresses,
    http: {
      engine,
      tries,
      taps: deps.taps,
      serverHttp2: config.serverHttp2,
      limit,
      informationalHeaders: config.informationalHeaders,
      refusals: deps.refusals,
      clock,
      logger: deps.logger,
    },
  };
  return {
    accept: (connection, listener) => acceptOutbound(connection, listener, options),
    destroy: (why) => discover.destroy(why),
    discover,
    limit,
    tries,
    loopTo: (target) => loopTo(target, deps.ownAddresses()),
    refuses: (endpoint) => dialer.refuses(endpoint),
  };
}
