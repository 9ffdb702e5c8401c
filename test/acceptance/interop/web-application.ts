// The web application behind the proxies: one handler for the servers of node:http and of node:http2.
//   /seen        what it saw of the request, as JSON            /echo        each piece of the body as it comes, trailers too
//   /bytes/N     N bytes with their length                      /status/N    a status and no body
//   /streamed/N  N bytes without a length, hash as trailer      /hinted      an informational response (103) before the answer
//   /forever/X   a beginning; marks X when the client is gone   /cut         half of what it announces, then nothing more
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { Server } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type Application, serveOn } from '../process/applications.ts';
import type { Marks } from './marks.ts';
import { payload, sha256 } from './payload.ts';

type Fields = Readonly<Record<string, string | string[] | undefined>>;

interface Request extends Readable {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersion: string;
  readonly headers: Fields;
  readonly trailers: Fields;
}

interface Response extends Writable {
  statusCode: number;
  setHeader(name: string, value: string | number): unknown;
  addTrailers(trailers: Record<string, string>): unknown;
  writeEarlyHints(hints: Record<string, string>): unknown;
}

export interface Seen {
  readonly version: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Fields;
  readonly trailers: Fields;
  readonly length: number;
  readonly sha256: string;
}

export function webOverHttp1(marks: Marks): () => Promise<Application> {
  return () => {
    const server = createHttpServer((request, response) => answer(request, response, marks));
    server.on('checkExpectation', (_request, response) => {
      response.statusCode = 417;
      response.end();
    });
    server.on('checkContinue', (request, response) => {
      if (request.url === '/refused') {
        response.statusCode = 413;
        response.end('too much');
        return;
      }
      response.writeContinue();
      answer(request, response, marks);
    });
    // A proxy for programs that ask it for a tunnel: this is what CONNECT is for.
    server.on('connect', (_request, socket) => {
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      server.emit('connection', socket);
    });
    return serveOn(server);
  };
}

export function webOverHttp2(marks: Marks): () => Promise<Application> {
  return () => {
    const server = createHttp2Server((request, response) => answer(request, response, marks));
    server.on('session', (session) => session.on('error', () => undefined));
    return serveOn(server as unknown as Server);
  };
}

function answer(request: Request, response: Response, marks: Marks): void {
  const path = request.url ?? '';
  const [, kind = '', argument = ''] = path.split(/[/?]/);
  const size = Number(argument);
  // HTTP/1.0 has no trailers, and Node throws at the attempt.
  const trailing = request.httpVersion !== '1.0';
  request.on('error', () => undefined);
  response.on('error', () => undefined);
  if (kind === 'echo') {
    response.setHeader('trailer', 'x-echo');
    request.on('data', (piece: Buffer) => {
      if (!response.write(piece)) request.pause();
    });
    response.on('drain', () => request.resume());
    request.on('end', () => {
      response.addTrailers({ 'x-echo': String(request.trailers['x-sent'] ?? 'none') });
      response.end();
    });
    return;
  }
  if (kind === 'forever') {
    response.write('begun');
    response.on('close', () => marks.mark(argument));
    request.resume();
    return;
  }
  if (kind === 'seen') return void buffer(request).then((body) => tell(request, response, body));
  request.resume();
  if (kind === 'status') {
    response.statusCode = size;
    response.end();
  } else if (kind === 'bytes') {
    response.setHeader('content-length', size);
    response.end(request.method === 'HEAD' ? undefined : payload(size));
  } else if (kind === 'streamed') {
    const body = payload(size);
    const piece = Math.max(1, Math.ceil(size / 16));
    if (trailing) response.setHeader('trailer', 'x-sha256');
    for (let at = 0; at < size; at += piece) response.write(body.subarray(at, at + piece));
    if (trailing) response.addTrailers({ 'x-sha256': sha256(body) });
    response.end();
  } else if (kind === 'hinted') {
    response.writeEarlyHints({ link: '</style.css>; rel=preload' });
    response.end('hinted');
  } else if (kind === 'cut') {
    response.setHeader('content-length', 2 * 10_000);
    response.write(payload(10_000), () => response.destroy(new Error('cut')));
  } else {
    response.statusCode = 404;
    response.end();
  }
}

function tell(request: Request, response: Response, body: Buffer): void {
  const seen: Seen = {
    version: request.httpVersion,
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    trailers: request.trailers,
    length: body.length,
    sha256: sha256(body),
  };
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(seen));
}
