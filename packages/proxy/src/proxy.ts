// createProxy: the whole data plane behind its ports. docs/architecture.md, "A request's way through the proxy".
import type { Socket } from 'node:net';
import {
  constantWatch,
  createRegistry,
  type Reason,
  ReasonError,
  reason,
  type SocketAddress,
  silentLogger,
  sleep,
  systemClock,
  systemRandom,
} from '@weft/core';
import type { OutboundQuestion } from '@weft/core/explain';
import { weftEngine } from '@weft/http';
import { tlsClient } from '@weft/tls';
import { Connections } from './accept/connections.ts';
import { createHold, type Hold } from './accept/hold.ts';
import { bindListeners, type Listeners } from './accept/listeners.ts';
import { explain, type MemorySocket, memoryPair } from './accept/memory-socket.ts';
import { prepared } from './accept/prepared.ts';
import { racing } from './accept/racing.ts';
import { balancersOf, lookUp } from './admin/balancers.ts';
import { explainRoute } from './admin/explain.ts';
import type { Target } from './admin/explain-query.ts';
import { adminRoutes } from './admin/routes.ts';
import { type Listener, type ProxySettings, proxyConfig } from './config.ts';
import { setKeepAlive, tcpDialer } from './connect/tcp-dialer.ts';
import { AuthorityLabel } from './inbound/authority-label.ts';
import { createInbound } from './inbound/inbound.ts';
import { AccessLog } from './observe/access-log.ts';
import { authzMetrics } from './observe/authz-metrics.ts';
import { outboundBalancerMetrics } from './observe/balancer-metrics.ts';
import { BoundedNames } from './observe/bounded-names.ts';
import { detectMetrics } from './observe/detect-metrics.ts';
import { ejections } from './observe/ejections.ts';
import { httpMetrics } from './observe/http-metrics.ts';
import { refusals } from './observe/refusals.ts';
import { routeMetrics } from './observe/route-metrics.ts';
import { transportMetrics } from './observe/transport-metrics.ts';
import { createOutbound } from './outbound/outbound.ts';
import type { PoolSnapshot } from './outbound/pool-backend.ts';
import { type ProxyPorts, staticOriginalDst } from './ports.ts';
import { inFlightLimit, shown } from './relay/in-flight-limit.ts';
import { Taps } from './tap/taps.ts';

export interface ProxyAddresses {
  readonly outbound: readonly SocketAddress[];
  readonly inbound: readonly SocketAddress[];
  readonly admin: SocketAddress | undefined;
}

export interface Proxy {
  /** Resolves when the first listeners are bound; rejects when one cannot be. */
  readonly listening: Promise<void>;
  /** Resolves when the listeners are bound and the first certificate is held: traffic flows from here on. */
  readonly ready: Promise<void>;
  /** Bound addresses now, in the order of the configured listeners. */
  readonly addresses: ProxyAddresses;
  /**
   * Connects an application in this process through the outbound side, without a listener: in memory, as if a connection to this
   * address had been redirected. Where it is refused it breaks with the ReasonError that says why.
   */
  connect(originalDst: SocketAddress): MemorySocket;
  /** How the balancers stand that this request would meet, in the order of the policy; none where it would be refused, or discovery does not end. */
  balancers(target: Target, question: OutboundQuestion, signal: AbortSignal): Promise<readonly PoolSnapshot[]>;
  /** Stops accepting, lets exchanges and connections finish within `shutdownGraceMs`, then closes what is left. Idempotent; never rejects. */
  close(): Promise<void>;
  /** Closes everything at once. */
  destroy(error?: Error): void;
}

const METRICS_RETAIN_IDLE_MS = 600_000;

/** How often a missing first certificate is complained about. */
const IDENTITY_WARNING_MS = 15_000;

/** Binds at once; connections are read once the first certificate is held. */
export function createProxy(ports: ProxyPorts, settings: ProxySettings = {}): Proxy {
  const config = proxyConfig(settings);
  const { clock = systemClock(), random = systemRandom, logger = silentLogger, engine = weftEngine() } = ports;
  const {
    identity,
    discovery,
    policy,
    originalDst = staticOriginalDst,
    setTcpOptions = setKeepAlive,
    dial = tcpDialer({ clock, setTcpOptions }),
    metrics = createRegistry({ clock }),
  } = ports;
  const counted = { refusals: refusals(metrics, logger, clock), transport: transportMetrics(metrics) };
  const inFlight = metrics.gauge('weft_requests_in_flight', 'Requests that wait for their response heads');
  const http = httpMetrics(metrics);
  const detect = detectMetrics(metrics, logger);
  const tls = tlsClient({ identity, clock, logger });
  const retainIdleMs = config.admin.metricsRetainIdleMs ?? METRICS_RETAIN_IDLE_MS;
  const names = (): BoundedNames => new BoundedNames({ retainIdleMs, clock });
  const taps = new Taps({ port: ports.tap, metrics, clock });
  const connections = new Connections();
  const adminConnections = new Connections();
  const adminListen = config.admin.listen;
  let certified = false;

  const outbound = createOutbound({
    config: config.outbound,
    discovery,
    policy,
    originalDst,
    dial,
    tls,
    engine,
    http,
    detect,
    routes: routeMetrics(metrics, config.outbound.hostnameLabels ? names() : undefined),
    balancers: outboundBalancerMetrics(metrics, clock),
    ejections: ejections(metrics, logger),
    racing: racing('outbound', config.detect, detect, clock),
    ...counted,
    limit: shown(ports.inFlight?.outbound ?? inFlightLimit(config.outbound.maxInFlight), inFlight.with({ direction: 'outbound' })),
    taps,
    retryBudgets: ports.retryBudgets,
    ownAddresses: () => ports.otherOutbound?.() ?? outboundSide.listeners.addresses,
    clock,
    random,
    metrics,
    logger,
  });
  const inbound = createInbound({
    config: config.inbound,
    identity,
    policy,
    discovery,
    originalDst,
    dial,
    engine,
    httpMetrics: http,
    routeMetrics: httpMetrics(metrics, 'route_'),
    authz: authzMetrics(metrics),
    detect,
    outbound,
    racing: racing('inbound', config.detect, detect, clock),
    ...counted,
    limit: shown(ports.inFlight?.inbound ?? inFlightLimit(config.inbound.maxInFlight), inFlight.with({ direction: 'inbound' })),
    taps,
    rateLimits: ports.rateLimits,
    accessLog: ports.accessLog && new AccessLog(ports.accessLog, clock),
    authority: config.inbound.authorityLabels ? new AuthorityLabel(names()) : undefined,
    admin: adminListen && {
      policyPort: config.admin.policyPort ?? adminListen.port,
      handler: adminRoutes({
        registry: metrics,
        otherMetrics: ports.otherMetrics,
        retainIdleMs,
        isReady: () => certified,
        routes: [explainRoute({ outbound, policy, clock, otherBalancers: ports.otherBalancers }), ...(ports.adminRoutes ?? [])],
      }),
    },
    clock,
    random,
    logger,
  });

  const side = (name: 'inbound' | 'outbound'): Side => {
    const { listeners: watched, sockets } = config[name];
    const refuse = (why: Reason): void => counted.refusals.connection(name, why, {});
    const accept = prepared(originalDst, name === 'inbound' ? inbound.accept : outbound.accept, refuse);
    const hold = createHold({
      maxHeld: config.maxHeldConnections,
      timeoutMs: config.holdTimeoutMs,
      clock,
      onRefused(socket, why) {
        explain(socket, why);
        refuse(why);
      },
    });
    const admit = (socket: Socket, listener: Listener): void =>
      hold.pass(socket, () => void connections.run(socket, (connection) => accept(connection, listener)));
    const listeners = bindListeners({
      name,
      listeners: watched,
      sockets,
      setTcpOptions,
      open: ports.listen,
      logger,
      onConnection(socket, listener) {
        socket.on('error', () => undefined);
        admit(socket, listener);
      },
    });
    return { listeners, hold, admit };
  };
  const outboundSide = side('outbound');
  const inboundSide = side('inbound');
  const adminListeners =
    adminListen &&
    bindListeners({
      name: 'admin',
      listeners: constantWatch<readonly Listener[]>([{ listen: adminListen }]),
      sockets: { accept: config.inbound.sockets.accept },
      setTcpOptions,
      logger,
      onConnection: (socket) => void adminConnections.run(socket, inbound.acceptAdmin),
    });
  const allListeners = [outboundSide.listeners, inboundSide.listeners, ...(adminListeners ? [adminListeners] : [])];
  const listening = Promise.all(allListeners.map((one) => one.listening)).then(() => undefined);

  const waiting = new AbortController();
  let unsubscribe: () => void = () => undefined;
  const firstCertificate = new Promise<void>((resolve, reject) => {
    waiting.signal.addEventListener('abort', () => reject(new ReasonError(reason('DRAINING'))));
    unsubscribe = identity.credentials.subscribe((state) => {
      // Who has no identity has no certificate to wait for.
      if ((state.kind !== 'value' && state.kind !== 'absent') || certified) return;
      certified = true;
      outboundSide.hold.open();
      inboundSide.hold.open();
      resolve();
    });
  });
  const ready = Promise.all([listening, firstCertificate]).then(() => undefined);
  // Whoever is interested awaits them; nobody has to.
  for (const promise of [listening, ready]) promise.catch(() => undefined);
  const complain = (): void => {
    if (certified || waiting.signal.aborted) return;
    logger.log('warn', 'waiting for identity to be initialized');
    clock.after(IDENTITY_WARNING_MS, complain);
  };
  clock.after(IDENTITY_WARNING_MS, complain);

  const stopAccepting = (): void => {
    waiting.abort();
    for (const { listeners, hold } of [outboundSide, inboundSide]) {
      listeners.close();
      hold.close();
    }
  };
  const destroy = (error?: Error): void => {
    stopAccepting();
    adminListeners?.close();
    connections.destroy(error);
    adminConnections.destroy(error);
    outbound.destroy(reason('DRAINING'));
    inbound.destroy(error);
    tls.close();
    taps.close();
    unsubscribe();
  };
  const drain = async (): Promise<void> => {
    stopAccepting();
    const grace = new AbortController();
    const finished = connections.drain().then(() => grace.abort());
    await Promise.race([finished, sleep(clock, config.shutdownGraceMs, grace.signal).catch(() => undefined)]);
    adminListeners?.close();
    await Promise.race([adminConnections.drain(), sleep(clock, ADMIN_GRACE_MS)]);
    destroy();
  };
  let closing: Promise<void> | undefined;

  return {
    listening,
    ready,
    get addresses() {
      return { outbound: outboundSide.listeners.addresses, inbound: inboundSide.listeners.addresses, admin: adminListeners?.addresses[0] };
    },
    connect(originalDst) {
      const { proxy, application } = memoryPair({ allowHalfOpen: false, target: originalDst });
      // Whoever asked gets to listen first, even where it awaits the connection.
      setImmediate(() => {
        if (!waiting.signal.aborted) return outboundSide.admit(proxy, { listen: originalDst, originalDst });
        explain(proxy, reason('DRAINING'));
        proxy.destroy();
      });
      return application;
    },
    async balancers(target, question, signal) {
      const lookup = lookUp(outbound.discover, target);
      try {
        const found = await lookup.ready(signal);
        return found.kind === 'plan' ? balancersOf(found.plan, question) : [];
      } finally {
        lookup.release();
      }
    },
    close: () => (closing ??= drain()),
    destroy,
  };
}

interface Side {
  readonly listeners: Listeners;
  readonly hold: Hold;
  /** Takes a connection, whoever accepted it. */
  admit(socket: Socket, listener: Listener): void;
}

/** For a scrape that is under way when everything else has ended. */
const ADMIN_GRACE_MS = 1_000;
