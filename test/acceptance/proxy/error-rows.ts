// Asks a proxy in HTTP/1, HTTP/2 and gRPC for an answer of its own, and says what came: head, and whether the connection was ended.
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type Credentials, constantWatch, parseIdentityId, type SocketAddress } from '@weft/core';
import { encodeTransportHeader, tlsClient } from '@weft/tls';
import { Wire } from '../cases/wire.ts';
import { getHttp2 } from '../process/applications.ts';
import { tcpTo } from '../process/meshed-peer.ts';

export type Kind = 'http1' | 'http2' | 'grpc';
export const KINDS: readonly Kind[] = ['http1', 'http2', 'grpc'];

/** Opens a connection to ask on. */
export type Open = () => Promise<Socket>;

export interface Asked {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The proxy ends the connection, by `connection: close` or GOAWAY; else it answers once more. */
  readonly closed: boolean;
}

/** As the error rows of spec/proxy.md §4.6 distinguish clients. */
export async function askAs(kind: Kind, open: Open, headers: Readonly<Record<string, string>> = {}): Promise<Asked> {
  const socket = await open();
  try {
    return kind === 'http1' ? await askHttp1(socket, headers) : await askSession(socket, kind, headers);
  } finally {
    socket.destroy();
  }
}

async function askHttp1(socket: Socket, extra: Readonly<Record<string, string>>): Promise<Asked> {
  const wire = new Wire(socket);
  const lines = Object.entries({ host: 'server', ...extra }).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = `GET /ask HTTP/1.1\r\n${lines.join('')}\r\n`;
  wire.write(request);
  const { start, headers } = await wire.message();
  const head = Object.fromEntries(headers);
  const closes = head['connection'] === 'close';
  if (closes) await wire.rest();
  else {
    wire.write(request);
    await wire.message();
  }
  return { status: Number(start.split(' ')[1]), headers: head, closed: closes };
}

async function askSession(socket: Socket, kind: Kind, extra: Readonly<Record<string, string>>): Promise<Asked> {
  // A stream between the two: Node aborts when a session's own TLS socket is destroyed in the middle of a write.
  const session = connectHttp2('http://server', { createConnection: () => Duplex.from({ readable: socket, writable: socket }) });
  session.on('error', () => undefined);
  const closed = new Promise<true>((resolve) => session.once('close', () => resolve(true)));
  const grpc = { ':method': 'POST', 'content-type': 'application/grpc' };
  const request: IncomingHttpHeaders = { ':path': '/ask', ':authority': 'server', ...(kind === 'grpc' && grpc), ...extra };
  const { status, headers } = await getHttp2(session, request);
  // Who keeps the connection answers on it again.
  const again = getHttp2(session, request).then(
    () => false as const,
    () => true as const,
  );
  const ended = await Promise.race([closed, again]);
  session.destroy();
  return { status, headers: headers as Asked['headers'], closed: ended };
}

/** From outside of the mesh. */
export function plainly(at: SocketAddress | number): Open {
  const { ip, port } = typeof at === 'number' ? { ip: '127.0.0.1', port: at } : at;
  return () => tcpTo(`${ip}:${port}`);
}

export interface Meshed {
  readonly at: SocketAddress;
  /** Of the workload. */
  readonly identity: string;
  readonly credentials: Credentials;
  /** Through its own port, to this name. */
  readonly gatewayTo?: { readonly name: string; readonly port: number };
}

/** From a peer with an identity. */
export function meshed({ at, identity, credentials, gatewayTo }: Meshed, kind: Kind): Open {
  const tls = tlsClient({ identity: { anchors: credentials.anchors, credentials: constantWatch(credentials) } });
  return async () => {
    const id = parseIdentityId(identity);
    if (!id) throw new TypeError(identity);
    const { socket } = await tls.connect(await plainly(at)(), { identity: { id, serverName: identity }, alpn: gatewayTo !== undefined });
    if (gatewayTo) socket.write(encodeTransportHeader({ ...gatewayTo, sessionProtocol: kind === 'http1' ? 'http1' : 'http2' }));
    return socket;
  };
}

/** One row of the tables. */
export interface ErrorRow {
  readonly status: number;
  readonly grpcStatus: number;
  readonly closes: boolean;
  /** `l5d-proxy-error`. */
  readonly why: RegExp;
  readonly location?: string;
  /** What gRPC is told; default: the reason. */
  readonly message?: string;
}

/** What a row is about. */
export function shown({ status, headers, closed }: Asked): Record<string, unknown> {
  const message = headers['grpc-message'];
  return {
    status,
    closed,
    length: headers['content-length'],
    type: headers['content-type'],
    grpcStatus: headers['grpc-status'],
    message: message === undefined ? undefined : decodeURIComponent(message),
    location: headers['location'],
    connection: headers['connection'],
    error: headers['l5d-proxy-error'],
    proxyConnection: headers['l5d-proxy-connection'],
  };
}

/** `told`: the client may know why. `matching` is `expect.stringMatching`. */
export function answerOf(row: ErrorRow, kind: Kind, told: boolean, matching: (pattern: RegExp) => unknown): Record<string, unknown> {
  const grpc = kind === 'grpc';
  const why = told ? matching(row.why) : undefined;
  return {
    status: grpc ? 200 : row.status,
    closed: row.closes,
    length: '0',
    type: grpc ? 'application/grpc' : undefined,
    grpcStatus: grpc ? String(row.grpcStatus) : undefined,
    message: grpc && told ? (row.message ?? why) : undefined,
    location: grpc ? undefined : row.location,
    connection: kind === 'http1' && row.closes ? 'close' : undefined,
    error: why,
    proxyConnection: told && row.closes ? 'close' : undefined,
  };
}
