// The outbound pipeline of one connection: original destination, discovery, protocol, and on to HTTP or bytes. spec/proxy.md §2.2.
import type { Socket } from 'node:net';
import {
  assertNever,
  formatSocketAddress,
  isLoopbackIp,
  type Labels,
  type Reason,
  ReasonError,
  reason,
  reasonOf,
  type SocketAddress,
  sameSocketAddress,
} from '@weft/core';
import { detectClientHello } from '@weft/tls';
import type { Connection } from '../accept/connections.ts';
import { detectProtocol } from '../accept/detect.ts';
import { explain } from '../accept/memory-socket.ts';
import { originalDstOf } from '../accept/original-dst.ts';
import { peek } from '../accept/peek.ts';
import type { Racing } from '../accept/racing.ts';
import type { Listener } from '../config.ts';
import type { DeclaredProtocol, DetectMetrics } from '../observe/detect-metrics.ts';
import { serverTlsLabels, targetLabels } from '../observe/labels.ts';
import type { TransportMetrics } from '../observe/transport-metrics.ts';
import type { OriginalDst } from '../ports.ts';
import type { TcpPlan } from '../route/tcp-plan.ts';
import type { Discover, Discovered, Lookup, Plan } from './discover.ts';
import { opaquePlanOf } from './dispatch.ts';
import { IngressHttpConnection } from './ingress.ts';
import type { TcpBackend } from './pool-backend.ts';
import { type OutboundHttpShared, SidecarHttpConnection, serveOutboundHttp } from './serve-http.ts';
import { connectTcp, relayTcp } from './serve-tcp.ts';

export interface OutboundOptions {
  readonly originalDst: OriginalDst;
  readonly discover: Discover;
  /** Requests may name their targets themselves. */
  readonly ingress: boolean;
  readonly detectTimeoutMs: number;
  readonly detect: DetectMetrics;
  /** Undefined: detection waits for the client alone. */
  readonly racing: Racing | undefined;
  readonly transport: TransportMetrics;
  readonly http: OutboundHttpShared;
  /** Addresses of the proxy's own listeners, which must not be connected to through it. */
  readonly ownAddresses: () => readonly SocketAddress[];
}

/** Resolves when the connection is closed. Never rejects: what went wrong is counted and logged. */
export async function acceptOutbound(connection: Connection, listener: Listener, options: OutboundOptions): Promise<void> {
  const { http } = options;
  let labels: Labels = {};
  let lookup: Lookup | undefined;
  try {
    const target = originalDstOf(connection.socket, listener, options.originalDst);
    if (!target) throw new ReasonError(reason('ORIGINAL_DST_UNKNOWN'));
    labels = targetLabels(target);
    options.transport.track(connection.socket, { direction: 'outbound', peer: 'src', ...labels, ...serverTlsLabels({ kind: 'none', why: 'loopback' }) });
    const loop = loopTo(target, options.ownAddresses());
    if (loop) throw new ReasonError(loop);
    if (options.ingress) return await serveIngress(connection, target, options);
    lookup = options.discover.lookup(target);
    const found = await lookup.ready(connection.signal);
    const accepted = { connection, listener, lookup, target };
    if (found.kind === 'plan') await serve(accepted, found, options);
    else if (found.reason.code === 'POLICY_INVALID') await serveInvalid(accepted, found.reason, options);
    else throw new ReasonError(found.reason);
  } catch (error) {
    if (!connection.signal.aborted || error instanceof ReasonError) http.refusals.connection('outbound', reasonOf(error), labels, { ...labels });
    explain(connection.socket, reasonOf(error));
    connection.socket.destroy();
  } finally {
    lookup?.release();
  }
}

/** Why no connection to this address is taken. Where the listener is on loopback, connecting is refused anyway, and HTTP is told so. */
export function loopTo(target: SocketAddress, ownAddresses: readonly SocketAddress[]): Reason | undefined {
  const loops = !isLoopbackIp(target.ip) && ownAddresses.some((own) => sameSocketAddress(own, target));
  return loops ? reason('CONNECTION_LOOP', formatSocketAddress(target)) : undefined;
}

interface Accepted {
  readonly connection: Connection;
  readonly listener: Listener;
  readonly lookup: Lookup;
  readonly target: SocketAddress;
}

async function serve(accepted: Accepted, { plan, parent }: Extract<Discovered, { kind: 'plan' }>, options: OutboundOptions): Promise<void> {
  const { connection, target } = accepted;
  const { clock } = options.http;
  const http = (version: 'http/1' | 'http/2'): Promise<void> => serveHttp(accepted, version, options);
  const bytes = (opaque: TcpPlan<TcpBackend>): Promise<void> => relayTcp(connection, connection.socket, connectTcp(opaque, connection.signal, clock));
  options.detect.declared(DECLARED[plan.kind], parent);
  switch (plan.kind) {
    case 'opaque':
      return bytes(plan.opaque);
    case 'http1':
      return http('http/1');
    case 'http2':
      return http('http/2');
    case 'tls':
      return bytes(await routeTls(connection, plan.select, options));
    case 'detect': {
      const protocol = await detect(connection, target, (signal) => connectTcp(plan.opaque, signal, clock), options);
      return typeof protocol === 'string' ? http(protocol) : relayTcp(connection, connection.socket, protocol.upstream);
    }
    default:
      return assertNever(plan);
  }
}

/** Requests are answered with the reason, and served once the policy is mended; other bytes go nowhere. spec/proxy.md §5.1. */
async function serveInvalid(accepted: Accepted, why: Reason, options: OutboundOptions): Promise<void> {
  const { connection, target } = accepted;
  const refuse = (): Promise<Socket> => Promise.reject(new ReasonError(why));
  const protocol = await detect(connection, target, refuse, { ...options, racing: undefined });
  return typeof protocol === 'string' ? serveHttp(accepted, protocol, options) : relayTcp(connection, connection.socket, protocol.upstream);
}

function serveHttp({ connection, listener, lookup, target }: Accepted, version: 'http/1' | 'http/2', { http }: OutboundOptions): Promise<void> {
  return serveOutboundHttp(new SidecarHttpConnection({ shared: http, connection, version }, listener, lookup, target));
}

const DECLARED = { opaque: 'opaq', http1: 'http/1', http2: 'http/2', tls: 'tls', detect: 'detect' } as const satisfies Record<Plan['kind'], DeclaredProtocol>;

/** The protocol is detected before anything is known of the target: requests may name others. */
async function serveIngress(connection: Connection, target: SocketAddress, options: OutboundOptions): Promise<void> {
  const { discover, http } = options;
  const dial = async (signal: AbortSignal): Promise<Socket> => {
    const lookup = discover.lookup(target);
    try {
      return await connectTcp(opaquePlanOf(await lookup.ready(signal)), signal, http.clock);
    } finally {
      lookup.release();
    }
  };
  const protocol = await detect(connection, target, dial, options);
  if (typeof protocol !== 'string') return relayTcp(connection, connection.socket, protocol.upstream);
  await serveOutboundHttp(new IngressHttpConnection({ shared: http, connection, version: protocol }, discover, target));
}

/** The version of HTTP, or where opaque bytes go. */
async function detect(
  connection: Connection,
  target: SocketAddress,
  dial: (signal: AbortSignal) => Promise<Socket>,
  options: OutboundOptions,
): Promise<'http/1' | 'http/2' | { readonly upstream: Promise<Socket> }> {
  const { clock } = options.http;
  const { racing, detect: metrics, detectTimeoutMs: timeoutMs } = options;
  const address = formatSocketAddress(target);
  if (racing?.serverFirst.has(address)) {
    metrics.known('outbound', reason('DETECTED_REMEMBERED'), { target: address });
    return { upstream: dial(connection.signal) };
  }
  const race = racing?.start(dial, connection.signal, false);
  const { protocol, why } = await detectProtocol(connection.socket, {
    direction: 'outbound',
    timeoutMs,
    clock,
    metrics,
    server: {},
    fields: { target: address },
    race,
  });
  if (why.code === 'DETECTED_SERVER_FIRST') racing?.serverFirst.add(address);
  if (protocol === 'opaque') return { upstream: race?.take() ?? dial(connection.signal) };
  race?.drop();
  return protocol;
}

/** TLS is routed by server name and never terminated. */
async function routeTls(connection: Connection, select: Extract<Plan, { kind: 'tls' }>['select'], options: OutboundOptions): Promise<TcpPlan<TcpBackend>> {
  const more = (bytes: Buffer): boolean => detectClientHello(bytes) === 'incomplete';
  const seen = await peek(connection.socket, { timeoutMs: options.detectTimeoutMs, clock: options.http.clock, more });
  if (seen.kind === 'timeout') throw new ReasonError(reason('DETECT_TIMEOUT', 'a TLS ClientHello was expected'));
  if (seen.kind !== 'bytes') throw new ReasonError(reason('DETECT_CLOSED', seen.kind === 'closed' ? seen.error?.message : undefined));
  const hello = detectClientHello(seen.bytes);
  if (typeof hello === 'string') throw new ReasonError(reason('REQUEST_INVALID', 'not a TLS ClientHello with a server name'));
  const plan = select(hello.sni);
  if (!plan) throw new ReasonError(reason('ROUTE_NOT_FOUND', `server name ${hello.sni}`));
  return { ...plan, connections: plan.connections?.named(hello.sni) };
}
