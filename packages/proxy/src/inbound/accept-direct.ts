// Connections really addressed to the proxy's own port: mesh TLS and a transport header say where they go. spec/proxy.md §2.5.
import type { Socket } from 'node:net';
import { formatSocketAddress, ReasonError, reason, type SocketAddress } from '@weft/core';
import { decodeTransportHeader, TRANSPORT_ALPN, type TransportHeader } from '@weft/tls';
import type { Connection } from '../accept/connections.ts';
import { peek } from '../accept/peek.ts';
import type { InboundOptions } from './options.ts';
import { serveInboundHttp } from './serve-http.ts';
import { serveInboundTcp } from './serve-tcp.ts';
import { inboundSession, LivePlan, sourceLabels } from './session.ts';
import { terminateTls } from './terminate-tls.ts';

const VERSIONS = { http1: 'http/1', http2: 'http/2' } as const;

/** Rejects with a ReasonError where the connection is not what it has to be. */
export async function acceptDirect(connection: Connection, local: SocketAddress, remote: SocketAddress, options: InboundOptions): Promise<void> {
  const { stream, tls, alpn } = await terminateTls(connection.socket, { ...options.tls, server: options.directTlsServer });
  if (tls.kind !== 'established' || alpn !== TRANSPORT_ALPN) {
    throw new ReasonError(reason('TRANSPORT_HEADER_REQUIRED', `from ${formatSocketAddress(remote)}`));
  }
  if (!tls.clientId) throw new ReasonError(reason('TLS_PEER_NO_CERTIFICATE', `from ${formatSocketAddress(remote)}`));
  const header = await readHeader(stream, options);
  options.detect.header(header, tls.clientId);
  const { name, port, sessionProtocol } = header;
  const version = sessionProtocol && VERSIONS[sessionProtocol];
  // What a gateway passes on is admitted by the policy of the inbound port itself.
  const target = name === undefined ? { ip: local.ip, port } : local;
  if (name !== undefined && !options.gateway) throw new ReasonError(reason('GATEWAY_DOMAIN_INVALID', `${name}:${port}: this proxy is no gateway`));
  const plan = new LivePlan(options.policies.watch(target.port));
  try {
    const session = inboundSession(target, remote, tls, plan);
    options.transport.track(stream, sourceLabels(session));
    if (name !== undefined) await options.gateway?.serve({ name, port, version, session, connection, stream, http: options.http, tcp: options.tcp });
    else if (version === undefined) await serveInboundTcp(options.tcp, session, connection, stream);
    else await serveInboundHttp(options.http, session, connection, stream, version);
  } finally {
    plan.release();
  }
}

/** Reads the header and leaves what follows it in the stream. */
async function readHeader(stream: Socket, options: InboundOptions): Promise<TransportHeader> {
  const { timeoutMs, clock } = options.tls;
  const seen = await peek(stream, { timeoutMs, clock, more: (bytes) => decodeTransportHeader(bytes).kind === 'incomplete' });
  if (seen.kind !== 'bytes')
    throw new ReasonError(reason('TRANSPORT_HEADER_INVALID', seen.kind === 'timeout' ? 'it did not arrive in time' : 'the connection ended'));
  const found = decodeTransportHeader(seen.bytes);
  if (found.kind !== 'header') throw new ReasonError(reason('TRANSPORT_HEADER_INVALID', found.kind === 'invalid' ? found.detail : 'it is incomplete'));
  // The peek put back everything it read, so the header is there to be taken.
  const all = stream.read() as Buffer;
  if (all.length > found.consumed) stream.unshift(all.subarray(found.consumed));
  return found.header;
}
