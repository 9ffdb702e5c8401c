// The outbound pipeline of one connection: original destination, discovery, protocol, and on to HTTP or bytes. spec/proxy.md §2.2.
import { assertNever, formatSocketAddress, type Labels, ReasonError, reason, reasonOf, type SocketAddress, sameSocketAddress } from '@weft/core';
import { detectClientHello } from '@weft/tls';
import type { Connection } from '../accept/connections.ts';
import { detectHttp } from '../accept/detect-http.ts';
import { explain } from '../accept/memory-socket.ts';
import { originalDstOf } from '../accept/original-dst.ts';
import { peek } from '../accept/peek.ts';
import type { Listener } from '../config.ts';
import { serverTlsLabels, targetLabels } from '../observe/labels.ts';
import type { TransportMetrics } from '../observe/transport-metrics.ts';
import type { OriginalDst } from '../ports.ts';
import type { TcpPlan } from '../route/outbound-plan.ts';
import type { TcpBackend } from './backends.ts';
import type { Discover, Lookup, Plan } from './discover.ts';
import { type OutboundHttpShared, serveOutboundHttp } from './serve-http.ts';
import { serveOutboundTcp } from './serve-tcp.ts';

export interface OutboundOptions {
  readonly originalDst: OriginalDst;
  readonly discover: Discover;
  readonly detectTimeoutMs: number;
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
    if (options.ownAddresses().some((own) => sameSocketAddress(own, target))) throw new ReasonError(reason('CONNECTION_LOOP', formatSocketAddress(target)));
    lookup = options.discover.lookup(target);
    const found = await lookup.ready(connection.signal);
    if (found.kind === 'refused') throw new ReasonError(found.reason);
    await serve({ connection, listener, lookup, target }, found.plan, options);
  } catch (error) {
    if (!connection.signal.aborted || error instanceof ReasonError) http.refusals.connection('outbound', reasonOf(error), labels, { ...labels });
    explain(connection.socket, reasonOf(error));
    connection.socket.destroy();
  } finally {
    lookup?.release();
  }
}

interface Accepted {
  readonly connection: Connection;
  readonly listener: Listener;
  readonly lookup: Lookup;
  readonly target: SocketAddress;
}

async function serve(accepted: Accepted, plan: Plan, options: OutboundOptions): Promise<void> {
  const { connection } = accepted;
  const http = (version: 'http/1' | 'http/2'): Promise<void> => serveOutboundHttp({ ...accepted, shared: options.http, version });
  switch (plan.kind) {
    case 'opaque':
      return serveTcp(connection, plan.opaque, options);
    case 'http1':
      return http('http/1');
    case 'http2':
      return http('http/2');
    case 'tls':
      return serveTcp(connection, await routeTls(connection, plan.select, options), options);
    case 'detect': {
      const seen = await peek(connection.socket, { timeoutMs: options.detectTimeoutMs, clock: options.http.clock });
      if (seen.kind === 'closed') throw new ReasonError(reason('DETECT_CLOSED', seen.error?.message));
      const verdict = seen.kind === 'bytes' ? detectHttp(seen.bytes) : 'not-http';
      return verdict === 'not-http' ? serveTcp(connection, plan.opaque, options) : http(verdict);
    }
    default:
      return assertNever(plan);
  }
}

async function serveTcp(connection: Connection, plan: TcpPlan<TcpBackend>, options: OutboundOptions): Promise<void> {
  const choice = plan.distribute();
  if (!choice) throw new ReasonError(reason('LOAD_SHED', 'the route has no backend'));
  await serveOutboundTcp(connection, choice.backend, options.http.clock);
}

/** TLS is routed by server name and never terminated. */
async function routeTls(connection: Connection, select: Extract<Plan, { kind: 'tls' }>['select'], options: OutboundOptions): Promise<TcpPlan<TcpBackend>> {
  const more = (bytes: Buffer): boolean => detectClientHello(bytes) === 'incomplete';
  const seen = await peek(connection.socket, { timeoutMs: options.detectTimeoutMs, clock: options.http.clock, more });
  if (seen.kind === 'timeout') throw new ReasonError(reason('DETECT_TIMEOUT', 'a TLS ClientHello was expected'));
  if (seen.kind === 'closed') throw new ReasonError(reason('DETECT_CLOSED', seen.error?.message));
  const hello = detectClientHello(seen.bytes);
  if (typeof hello === 'string') throw new ReasonError(reason('REQUEST_INVALID', 'not a TLS ClientHello with a server name'));
  const plan = select(hello.sni);
  if (!plan) throw new ReasonError(reason('ROUTE_NOT_FOUND', `server name ${hello.sni}`));
  return plan;
}
