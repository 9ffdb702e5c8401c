// The inbound pipeline of one connection: policy of the port, TLS, protocol, and on to HTTP or bytes. spec/proxy.md §2.4.
import { formatSocketAddress, type Labels, ReasonError, reason, reasonOf, type SocketAddress } from '@weft/core';
import type { Connection } from '../accept/connections.ts';
import { localAddressOf, originalDstOf, remoteAddressOf } from '../accept/original-dst.ts';
import type { Listener } from '../config.ts';
import { targetLabels } from '../observe/labels.ts';
import { acceptDirect } from './accept-direct.ts';
import { InboundDetection } from './detection.ts';
import type { InboundOptions } from './options.ts';
import { serveInboundHttp } from './serve-http.ts';
import { serveInboundTcp } from './serve-tcp.ts';
import { inboundSession, LivePlan, sourceLabels } from './session.ts';

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
      options.transport.track(connection.socket, sourceLabels(session));
      return await serveInboundTcp(options.tcp, session, connection, connection.socket);
    }
    const detection = new InboundDetection(connection, target, remote, plan, options);
    const { stream, session } = await detection.terminate();
    options.transport.track(stream, sourceLabels(session));
    const protocol = await detection.protocol(stream, session);
    if (protocol === 'opaque') await serveInboundTcp(options.tcp, session, connection, stream, () => detection.dial());
    else await serveInboundHttp(options.http, session, connection, stream, protocol);
  } finally {
    plan.release();
  }
}
