// The inbound pipeline of one connection: policy of the port, TLS, protocol, and on to HTTP or bytes. spec/proxy.md §2.4.
import type { Socket } from 'node:net';
import { formatSocketAddress, type Labels, ReasonError, reason, reasonOf, type SocketAddress } from '@weft/core';
import type { Connection } from '../accept/connections.ts';
import { detectHttp } from '../accept/detect-http.ts';
import { localAddressOf, originalDstOf, remoteAddressOf } from '../accept/original-dst.ts';
import { peek } from '../accept/peek.ts';
import type { Listener } from '../config.ts';
import { targetLabels } from '../observe/labels.ts';
import type { InboundPlan } from '../route/inbound-plan.ts';
import { acceptDirect } from './accept-direct.ts';
import type { InboundOptions } from './options.ts';
import { serveInboundHttp } from './serve-http.ts';
import { serveInboundTcp } from './serve-tcp.ts';
import { type InboundSession, inboundSession, LivePlan } from './session.ts';
import { terminateTls } from './terminate-tls.ts';

/** Resolves when the connection is closed. Never rejects: what went wrong is counted and logged. */
export async function acceptInbound(connection: Connection, listener: Listener, options: InboundOptions): Promise<void> {
  const { socket } = connection;
  let labels: Labels = {};
  let client: string | undefined;
  try {
    const target = originalDstOf(socket, listener, options.originalDst) ?? localAddressOf(socket);
    const remote = options.originalDst.client?.(socket) ?? remoteAddressOf(socket);
    if (!target || !remote) throw new ReasonError(reason('DETECT_CLOSED'));
    labels = targetLabels(target);
    client = formatSocketAddress(remote);
    if (options.allowedIps.length > 0 && !options.allowedIps.includes(target.ip)) {
      throw new ReasonError(reason('INBOUND_IP_NOT_ALLOWED', formatSocketAddress(target)));
    }
    if (target.port === options.directPort) await acceptDirect(connection, target, remote, options);
    else await acceptRedirected(connection, target, remote, options);
  } catch (error) {
    options.refusals.connection('inbound', reasonOf(error), labels, { client, target: labels.target_addr });
    socket.destroy();
  }
}

async function acceptRedirected(connection: Connection, target: SocketAddress, remote: SocketAddress, options: InboundOptions): Promise<void> {
  const plan = new LivePlan(options.policies.watch(target.port));
  try {
    if (plan.current.kind === 'opaque') {
      const session = inboundSession(target, remote, { kind: 'none', why: 'port_skipped' }, plan);
      options.transport.track(connection.socket, { direction: 'inbound', peer: 'src', ...session.labels });
      return await serveInboundTcp(options.tcp, session, connection, connection.socket);
    }
    const { stream, tls } = await terminateTls(connection.socket, options.tls);
    const session = inboundSession(target, remote, tls, plan);
    options.transport.track(stream, { direction: 'inbound', peer: 'src', ...session.labels });
    const version = tls.kind === 'passthrough' ? 'opaque' : await detectVersion(stream, plan.current, session, options);
    if (version === 'opaque') await serveInboundTcp(options.tcp, session, connection, stream);
    else await serveInboundHttp(options.http, session, connection, stream, version);
  } finally {
    plan.release();
  }
}

async function detectVersion(stream: Socket, plan: InboundPlan, session: InboundSession, options: InboundOptions): Promise<'http/1' | 'http/2' | 'opaque'> {
  if (plan.kind === 'tls' || plan.kind === 'opaque') return 'opaque';
  if (plan.kind === 'http2' || plan.kind === 'grpc') return 'http/2';
  // A meshed peer may have upgraded what the port calls HTTP/1.
  if (plan.kind === 'http1' && session.tls.kind !== 'established') return 'http/1';
  const timeoutMs = plan.detectTimeoutMs ?? options.tls.timeoutMs;
  const seen = await peek(stream, { timeoutMs, clock: options.tls.clock });
  if (seen.kind === 'closed') throw new ReasonError(reason('DETECT_CLOSED', seen.error?.message));
  if (seen.kind === 'timeout') return plan.kind === 'http1' ? 'http/1' : 'opaque';
  const verdict = detectHttp(seen.bytes);
  return verdict === 'not-http' ? 'opaque' : verdict;
}
