// Plain applications behind and before the proxies: they know nothing of the mesh.

import { createServer as createHttpServer, type IncomingHttpHeaders as Http1Headers, type RequestListener, request } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2, createServer as createHttp2Server, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectTcp, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { parseSocketAddress } from '@weft/core';

export interface Application extends AsyncDisposable {
  readonly port: number;
}

/** Any server of Node's, by default on a free port, closed with all its connections. */
export async function serveOn(server: Server, port = 0): Promise<Application> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** HTTP/1.1; by default answers with what it saw, as JSON. */
export function httpApplication(handler: RequestListener = echo): Promise<Application> {
  return serveOn(createHttpServer(handler));
}

const echo: RequestListener = (message, response) => {
  void text(message).then((body) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ version: message.httpVersion, method: message.method, path: message.url, headers: message.headers, body } satisfies Seen));
  });
};

export interface Seen {
  readonly version: string;
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: Http1Headers | IncomingHttpHeaders;
  readonly body: string;
}

/** HTTP/2 with prior knowledge; answers with the path, and a gRPC status as trailer. */
export function http2Application(port = 0): Promise<Application> {
  const server = createHttp2Server();
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200, 'content-type': headers['content-type'] ?? 'text/plain' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '5', 'grpc-message': 'not here' }));
    // Every piece goes back as it comes: both directions stream.
    stream.on('data', (chunk: Buffer) => stream.write(chunk));
    stream.on('end', () => stream.end(`path ${headers[':path'] ?? ''}`));
  });
  return serveOn(server as unknown as Server, port);
}

export function tcpApplication(onConnection: (socket: Socket) => void): Promise<Application> {
  return serveOn(createTcpServer({ allowHalfOpen: true }, onConnection));
}

export interface Answer {
  readonly status: number;
  readonly version: string;
  readonly headers: Http1Headers;
  readonly body: string;
}

export interface GetOptions {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** `ip:port`, or a port of 127.0.0.1. */
export type At = string | number;

export function hostAndPort(at: At): { readonly host: string; readonly port: number } {
  if (typeof at === 'number') return { host: '127.0.0.1', port: at };
  const { ip, port } = parseSocketAddress(at) ?? { ip: '', port: 0 };
  return { host: ip, port };
}

/** One HTTP/1.1 request on a connection of its own. */
export async function get(at: At, options: GetOptions = {}): Promise<Answer> {
  const { method = 'GET', path = '/', headers = {}, body } = options;
  return new Promise<Answer>((resolve, reject) => {
    const sent = request({ ...hostAndPort(at), method, path, headers, agent: false }, (response) => {
      text(response).then(
        (received) => resolve({ status: response.statusCode ?? 0, version: response.httpVersion, headers: response.headers, body: received }),
        reject,
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

export function seen(answer: Answer): Seen {
  return JSON.parse(answer.body) as Seen;
}

export interface Http2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: string;
}

/** One HTTP/2 request whose head, body and end are sent in one turn, as unary calls are. */
export async function sendWhole(session: ClientHttp2Session, headers: IncomingHttpHeaders, body: string): Promise<{ readonly body: string }> {
  const stream = session.request(headers);
  stream.end(body);
  let bytes = '';
  stream.setEncoding('utf8').on('data', (piece: string) => {
    bytes += piece;
  });
  await new Promise<void>((resolve, reject) => {
    stream.once('end', resolve);
    stream.once('error', reject);
  });
  return { body: bytes };
}

/** One HTTP/2 request whose body is sent piece by piece, each after the former came back. */
export async function getHttp2(session: ClientHttp2Session, headers: IncomingHttpHeaders, pieces: readonly string[] = []): Promise<Http2Answer> {
  const stream = session.request(headers, { endStream: false });
  let head: IncomingHttpHeaders & { readonly ':status'?: number } = {};
  let trailers: IncomingHttpHeaders = {};
  let received = '';
  const left = [...pieces];
  const next = (): void => {
    const piece = left.shift();
    if (piece === undefined) stream.end();
    else stream.write(piece);
  };
  stream.setEncoding('utf8');
  stream.on('response', (headers) => {
    head = headers;
  });
  stream.on('trailers', (headers) => {
    trailers = headers;
  });
  stream.on('data', (piece: string) => {
    received += piece;
    if (!stream.writableEnded) next();
  });
  next();
  await new Promise<void>((resolve, reject) => {
    stream.once('end', resolve);
    stream.once('error', reject);
  });
  return { status: head[':status'] ?? 0, headers: head, trailers, body: received };
}

export function http2Session(at: At): ClientHttp2Session & Disposable {
  const { host, port } = hostAndPort(at);
  const session = connectHttp2(`http://${host}:${port}`);
  session.on('error', () => undefined);
  return Object.assign(session, { [Symbol.dispose]: () => session.destroy() });
}

/** All bytes up to the peer's end, without closing the own side (iterating a socket would). */
export function received(socket: Socket): Promise<string> {
  let bytes = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    bytes += chunk;
  });
  return new Promise((resolve, reject) => {
    socket.once('end', () => resolve(bytes));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed without an end')));
  });
}

/** Answers once the client has ended its side. */
export function answeringApplication(): Promise<Application> {
  return tcpApplication((socket) => {
    received(socket).then(
      (bytes) => socket.end(`received ${bytes}`),
      () => socket.destroy(),
    );
  });
}

/** Sends everything, ends, and gives what comes back. */
export async function exchangeBytes(at: At, bytes: string): Promise<string> {
  const socket = connectTcp({ ...hostAndPort(at), allowHalfOpen: true });
  try {
    socket.end(bytes, 'latin1');
    return await received(socket);
  } finally {
    socket.destroy();
  }
}
