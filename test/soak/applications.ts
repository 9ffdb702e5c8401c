// The applications behind the proxies: they answer as the path says, or break as it says.

import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';

export interface ApplicationPorts {
  readonly http1: number;
  readonly http2: number;
  readonly tcp: number;
}

export async function startApplications(): Promise<ApplicationPorts> {
  return { http1: await listen(http1()), http2: await listen(http2()), tcp: await listen(tcp()) };
}

async function listen(server: Server): Promise<number> {
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  return address.port;
}

const bodies = new Map<number, Buffer>();

function body(bytes: number): Buffer {
  let made = bodies.get(bytes);
  if (made === undefined) {
    made = Buffer.alloc(bytes, 'y');
    bodies.set(bytes, made);
  }
  return made;
}

/** `/N` N bytes, `/gone` no answer, `/half` half an answer, `/early` an answer before the body, `/close` the last of its connection. */
function http1(): HttpServer {
  const server = createHttpServer({ keepAliveTimeout: 0 }, (request, response) => {
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    if (request.url === '/gone') return void request.socket.destroy();
    if (request.url === '/half') {
      response.setHeader('content-length', 40_000);
      return void response.write(body(20_000), () => request.socket.destroy());
    }
    if (request.url === '/early') {
      response.statusCode = 413;
      response.setHeader('connection', 'close');
      return void response.end();
    }
    request.resume();
    if (request.url === '/close') response.setHeader('connection', 'close');
    response.end(body(Number(request.url?.slice(1)) || 0));
  });
  server.on('upgrade', (request, socket: Socket) => {
    if (request.url === '/refused') {
      socket.on('error', () => undefined);
      return void socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    }
    tunnel(socket, 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: bytes\r\n\r\n');
  });
  server.on('connect', (_request, socket) => tunnel(socket as Socket, 'HTTP/1.1 200 OK\r\n\r\n'));
  return server;
}

/** Sends back what it gets, and ends where it is told to. */
function tunnel(socket: Socket, answer: string): void {
  socket.on('error', () => undefined);
  socket.write(answer);
  socket.on('data', (chunk: Buffer) => {
    if (chunk.toString('latin1') === 'end') socket.end('ended');
    else socket.write(chunk);
  });
  socket.on('end', () => socket.end());
}

const RESETS_PER_SESSION = 500;

/**
 * `/N` N bytes, `/reset/CODE`, `/half` after some bytes, `/goaway` the last of its session, `/destroy` the end of it.
 *
 * Answers in a turn of its own, and says farewell without `session.close()`. Node, 20 to 24 at least, refuses what is opened on a closed session with
 * a RST_STREAM from within nghttp2's receive callback. That flushes the GOAWAY, at which nghttp2 frees the very stream that it is receiving, and then
 * writes into it (nodejs/node#64113). After a GOAWAY alone nghttp2 ignores what is opened; the connection is left to the proxy to close.
 */
function http2(): Server {
  // Bodies wait in the session's memory, of which Node allows ten megabytes, and resets streams beyond.
  const server = createHttp2Server({ maxSessionMemory: 1_000 });
  server.on('session', (session) => {
    let resets = 0;
    session.on('error', () => undefined);
    // Node breaks a session off that has had a thousand resets too quickly: this one says farewell in time.
    const farewell = (): void => {
      if (!session.destroyed) session.goaway();
    };
    session.on('stream', (stream) => stream.on('aborted', () => ++resets === RESETS_PER_SESSION && setImmediate(farewell)));
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    stream.resume();
    setImmediate(answer, stream, String(headers[':path']));
  });
  return server as unknown as Server;
}

function answer(stream: ServerHttp2Stream, path: string): void {
  const { session } = stream;
  if (stream.destroyed || !session) return;
  const [, what = '', code = ''] = path.split('/');
  if (what === 'reset') return stream.close(Number(code));
  if (what === 'destroy') return session.destroy();
  stream.respond({ ':status': 200 });
  if (what === 'half') return void stream.write(body(20_000), () => stream.destroy(new Error('half is enough')));
  stream.end(body(Number(what) || 0));
  if (what === 'goaway') session.goaway();
}

function tcp(): Server {
  return createTcpServer({ allowHalfOpen: true }, (socket) => {
    const chunks: Buffer[] = [];
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('end', () => socket.end(Buffer.concat(chunks)));
  });
}
