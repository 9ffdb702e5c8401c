// For tests: a server between client and API server that fails on demand, over real sockets.
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export type LineAction =
  | 'pass'
  /** As if the server had never sent it. */
  | 'drop'
  /** Half of it, then the connection breaks. */
  | 'cut'
  /** The watch ends in good order, this line unsent. */
  | 'end'
  /** Nothing more on this connection, which stays open. */
  | 'stall'
  /** Something else in its place. */
  | { readonly text: string };

export interface FaultFront {
  readonly url: string;
  /** Method and path with query, in order. */
  readonly asked: readonly string[];
  /** What it gives is the answer; `hold`: none is ever given; undefined: the request is handed on. */
  answer: (path: string) => { readonly code: number; readonly headers?: Record<string, string>; readonly body: string } | 'hold' | undefined;
  /** For each line of a watch. */
  line: (line: string) => LineAction;
  /** For the text of each page of a list. */
  page: (text: string) => string;
  close(): Promise<void>;
}

export async function faultFront(upstreamPort: number): Promise<FaultFront> {
  const asked: string[] = [];
  const server = http.createServer((request, response) => {
    const { method = 'GET', url: path = '/', headers } = request;
    asked.push(`${method} ${path}`);
    const answer = front.answer(path);
    if (answer === 'hold') return;
    if (answer) {
      request.resume();
      response.writeHead(answer.code, answer.headers).end(answer.body);
      return;
    }
    const isWatch = path.includes('watch=true');
    const onward = http.request({ host: '127.0.0.1', port: upstreamPort, method, path, headers, agent: false }, (upstream) => {
      const { 'content-length': _, ...rest } = upstream.headers;
      response.writeHead(upstream.statusCode ?? 502, rest);
      if (isWatch) response.flushHeaders();
      relayBody(upstream, response, isWatch, front);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const front: FaultFront = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    answer: () => undefined,
    line: () => 'pass',
    page: (text) => text,
    async close() {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
  return front;
}

/** Hands the body of an answer on, through what `front` makes of its lines or of the whole. */
export function relayBody(upstream: http.IncomingMessage, response: http.ServerResponse, isWatch: boolean, front: Pick<FaultFront, 'line' | 'page'>): void {
  const whole: Buffer[] = [];
  const lines = lineSplitter((line) => relay(front.line(line), line, response));
  upstream.on('data', (chunk: Buffer) => (isWatch ? lines(chunk.toString('utf8')) : whole.push(chunk)));
  upstream.on('end', () => response.end(isWatch ? undefined : front.page(Buffer.concat(whole).toString('utf8'))));
  upstream.on('error', () => response.destroy());
}

/** Nothing more goes out on them. */
const stalled = new WeakSet<http.ServerResponse>();

function relay(action: LineAction, line: string, response: http.ServerResponse): void {
  if (stalled.has(response) || response.writableEnded) return;
  if (action === 'pass') response.write(`${line}\n`);
  else if (action === 'cut') {
    stalled.add(response);
    response.write(line.slice(0, line.length >> 1), () => response.destroy());
  } else if (action === 'end') response.end();
  else if (action === 'stall') stalled.add(response);
  else if (action !== 'drop') response.write(`${action.text}\n`);
}

function lineSplitter(onLine: (line: string) => void): (text: string) => void {
  let pending = '';
  return (text) => {
    const lines = (pending + text).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) if (line !== '') onLine(line);
  };
}
