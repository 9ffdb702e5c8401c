// Puts the inbound side together: policies, TLS termination, connections to the application. spec/proxy.md §2.4, §8.
import {
  type Buckets,
  type Clock,
  type DiscoveryPort,
  formatSocketAddress,
  type IdentityPort,
  type Logger,
  memoryBuckets,
  type PolicyPort,
  type Random,
} from '@weft/core';
import type { HttpEngine } from '@weft/http';
import { TRANSPORT_ALPN, tlsServer } from '@weft/tls';
import type { Connection } from '../accept/connections.ts';
import type { Racing } from '../accept/racing.ts';
import type { AdminHandler } from '../admin/routes.ts';
import { ADMIN_DETECT_TIMEOUT_MS, acceptAdmin } from '../admin/serve-admin.ts';
import type { InboundConfig, Listener } from '../config.ts';
import { createGateway } from '../gateway/gateway.ts';
import type { AccessLog } from '../observe/access-log.ts';
import { auditLog } from '../observe/audit.ts';
import type { AuthzMetrics } from '../observe/authz-metrics.ts';
import type { DetectMetrics } from '../observe/detect-metrics.ts';
import type { HttpMetrics } from '../observe/http-metrics.ts';
import type { Refusals } from '../observe/refusals.ts';
import type { TransportMetrics } from '../observe/transport-metrics.ts';
import type { Outbound } from '../outbound/outbound.ts';
import type { Dialer, OriginalDst } from '../ports.ts';
import type { InFlightLimit } from '../relay/in-flight-limit.ts';
import type { Taps } from '../tap/taps.ts';
import { acceptInbound } from './accept-inbound.ts';
import { Admissions } from './admissions.ts';
import { applications } from './applications.ts';
import type { AuthorityLabel } from './authority-label.ts';
import type { InboundOptions } from './options.ts';
import { inboundPolicies } from './policies.ts';
import { inboundProfiles } from './profiles.ts';
import type { InboundHttpShared } from './serve-http.ts';

export interface InboundDeps {
  readonly config: InboundConfig;
  readonly identity: IdentityPort;
  readonly policy: PolicyPort;
  readonly discovery: DiscoveryPort;
  readonly originalDst: OriginalDst;
  readonly dial: Dialer;
  readonly engine: HttpEngine;
  readonly httpMetrics: HttpMetrics;
  readonly routeMetrics: HttpMetrics;
  readonly authz: AuthzMetrics;
  readonly detect: DetectMetrics;
  readonly racing: Racing | undefined;
  /** What a gateway sends its requests with. */
  readonly outbound: Pick<Outbound, 'discover' | 'limit' | 'tries'>;
  readonly transport: TransportMetrics;
  readonly refusals: Refusals;
  readonly limit: InFlightLimit;
  readonly taps: Taps;
  readonly rateLimits: Buckets | undefined;
  readonly accessLog: AccessLog | undefined;
  /** Undefined: requests are not told apart by it. */
  readonly authority: AuthorityLabel | undefined;
  readonly admin: { readonly policyPort: number; readonly handler: AdminHandler } | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface Inbound {
  accept(connection: Connection, listener: Listener): Promise<void>;
  acceptAdmin(connection: Connection): Promise<void>;
  /** Stops watching, ends connections to the application. */
  destroy(error?: Error): void;
}

export function createInbound(deps: InboundDeps): Inbound {
  const { config, identity, clock, logger, engine, transport, refusals, admin } = deps;
  const policies = inboundPolicies({
    policy: deps.policy,
    ports: admin ? [...new Set([...config.ports, admin.policyPort])] : config.ports,
    idleMs: config.policyIdleMs,
    clock,
    buckets: deps.rateLimits ?? memoryBuckets({ clock }),
    random: deps.random,
  });
  const tlsOptions = { credentials: identity.credentials, handshakeTimeoutMs: config.detectTimeoutMs, clock, logger };
  const server = tlsServer(tlsOptions);
  const directTlsServer = tlsServer({ ...tlsOptions, alpn: TRANSPORT_ALPN });
  const audit = auditLog(logger);
  const apps = applications({
    dial: deps.dial,
    engine,
    connectTimeoutMs: config.connectTimeoutMs,
    connectBackoff: config.connectBackoff,
    tcp: config.sockets.connect,
    poolIdleMs: config.poolIdleMs,
    maxIdle: config.maxIdlePerEndpoint,
    http2: config.http2,
    queueCapacity: config.queueCapacity,
    failfastMs: config.failfastMs,
    idleMs: config.policyIdleMs,
    directPort: config.directPort,
    transport,
    onFailed: (target, why) => refusals.connecting('inbound', why, { target_addr: formatSocketAddress(target) }),
    clock,
    random: deps.random,
  });
  const profiles = inboundProfiles({
    discovery: deps.discovery,
    suffixes: config.profileSuffixes,
    timeoutMs: config.profileTimeoutMs,
    idleMs: config.policyIdleMs,
    metrics: deps.routeMetrics,
    clock,
  });
  const http: InboundHttpShared = {
    engine,
    serverHttp2: config.serverHttp2,
    applications: apps,
    profiles,
    limit: deps.limit,
    taps: deps.taps,
    metrics: deps.httpMetrics,
    admissions: new Admissions(),
    accessLog: deps.accessLog,
    authority: deps.authority,
    authz: deps.authz,
    audit,
    refusals,
    clock,
  };
  const tls = { serverName: identity.serverName, server, timeoutMs: config.detectTimeoutMs, clock };
  const options: InboundOptions = {
    originalDst: deps.originalDst,
    directPort: config.directPort,
    allowedIps: config.allowedIps,
    policies,
    tls,
    directTlsServer,
    detect: deps.detect,
    racing: deps.racing,
    gateway:
      config.gatewaySuffixes.length === 0
        ? undefined
        : createGateway({
            suffixes: config.gatewaySuffixes,
            identity: identity.name,
            discover: deps.outbound.discover,
            limit: deps.outbound.limit,
            tries: deps.outbound.tries,
            clock,
            logger,
          }),
    transport,
    refusals,
    http,
    tcp: { applications: apps, authz: deps.authz, audit, refusals },
  };

  return {
    accept: (connection, listener) => acceptInbound(connection, listener, options),
    async acceptAdmin(connection) {
      if (!admin) return connection.destroy();
      await acceptAdmin(connection, { ...admin, policies, tls: { ...tls, timeoutMs: ADMIN_DETECT_TIMEOUT_MS }, http, transport });
    },
    destroy(error) {
      policies.close();
      profiles.close();
      server.close();
      directTlsServer.close();
      if (error) apps.destroy(error);
      else apps.close();
    },
  };
}
