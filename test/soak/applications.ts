// The applications behind the proxies: they answer as the path says, or break as it says.

import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { body } from './bodies.ts';
import { http2Application } from './http2-application.ts';

export interface ApplicationPorts {
  readonly http1: number;
  readonly http2: number;
  readonly tcp: number;
}

export async function startApplications(): Promise<ApplicationPorts> {
  return { http1: await listen(http1()), http2: await listen(http2Application()), tcp: await listen(tcp()) };
}

async function listen(server: Server): Promise<number> {
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  return address.port;
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

function tcp(): Server {
  return createTcpServer({ allowHalfOpen: true }, (socket) => {
    const chunks: Buffer[] = [];
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('end', () => socket.end(Buffer.concat(chunks)));
  });
}
