// One HTTP/1 connection on node:http: one exchange at a time, whatever the client pipelines (RFC 9112 §9.3).
import { createServer, type IncomingMessage, ServerResponse, STATUS_CODES } from 'node:http';
import { Socket } from 'node:net';
import { field, type Link, removeField, type ServeOptions, type ServerConnection } from '@weft/http';
import { type Client, watchClient, whenClosed } from './client.ts';
import { announcesBody, http1Head, stripHopByHop, tokensOf } from './heads.ts';

/** Requests that may wait for the one before; then the connection is not read on. */
const MAX_PIPELINED = 16;
/** For so long a refused client is read on: unread bytes would turn the close into a reset. RFC 9112 §9.6. */
const LINGER_MS = 1000;
/** What Node would write into every head by itself. */
export const AUTOMATIC = ['connection', 'content-length', 'transfer-encoding', 'date'] as const;

export function serveHttp1(link: Link, options: ServeOptions, onClient: (client: Client) => void): ServerConnection {
  const turns: { readonly request?: IncomingMessage; run(): void }[] = [];
  let current: Client | undefined;
  let draining = false;
  let refused = false;
  let quietAt = bytesRead(link) - link.readableLength;

  const end = (): void => void link.end(() => link.destroy());
  const hold = (): void => {
    if (turns.length >= MAX_PIPELINED) link.pause();
  };
  const enqueue = (run: () => void, request?: IncomingMessage): void => {
    if (current === undefined && turns.length === 0) return run();
    turns.push(request === undefined ? { run } : { request, run });
    hold();
  };
  const next = (): void => {
    current = undefined;
    quietAt = bytesRead(link);
    if (draining) return end();
    turns.shift()?.run();
    link.resume();
  };
  const refuse = (status: number, version = '1.1'): void => {
    refused = true;
    link.end(`HTTP/${version} ${status} ${STATUS_CODES[status]}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
    const timer = setTimeout(() => link.destroy(), LINGER_MS).unref();
    link.once('close', () => clearTimeout(timer)).resume();
  };
  const accept = (request: IncomingMessage, given?: ServerResponse, firstBytes?: Buffer): void => {
    const head = http1Head(request, given === undefined);
    const run = (): void => {
      if (head === undefined) return refuse(400, request.httpVersion);
      const response = given ?? ownResponse(link, request);
      current = http1Client({ link, head, request, response, firstBytes, isDraining: () => draining });
      response.once('close', next);
      request.once('end', () => {
        quietAt = bytesRead(link);
      });
      onClient(current);
    };
    enqueue(run, request);
  };

  // A server per connection: its handlers know the connection, and as it never listens its time limits do not run.
  const server = createServer({ maxHeaderSize: options.maxHeaderBytes ?? 128 * 1024, keepAliveTimeout: 0, requireHostHeader: false });
  server.maxHeadersCount = 0;
  server.on('request', accept).on('checkContinue', accept).on('checkExpectation', accept);
  const acceptSwitch = (request: IncomingMessage, _link: unknown, firstBytes: Buffer): void => accept(request, undefined, firstBytes);
  server.on('upgrade', acceptSwitch).on('connect', acceptSwitch);
  server.on('clientError', (error: NodeJS.ErrnoException) => {
    if (refused) return;
    if (error.code?.startsWith('HPE_') !== true) return void link.destroy();
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
    // A broken body ends the exchange it belongs to; a broken head waits for the answers before it.
    if (current?.request.complete === false) return current.response.headersSent ? void link.destroy() : refuse(status);
    if (turns.at(-1)?.request?.complete === false) turns.pop();
    enqueue(() => refuse(status));
  });
  const closed = whenClosed(link);
  link.once('close', () => turns.splice(0));
  if (!link.destroyed) server.emit('connection', link);
  // Node resumes after every request.
  link.on('resume', hold);

  return {
    drain: () => {
      // A request that has begun is served.
      if (!draining && current === undefined && bytesRead(link) === quietAt) end();
      draining = true;
    },
    destroy: (error) => void link.destroy(error),
    closed,
  };
}

type Http1 = Pick<Client, 'link' | 'head'> & {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly firstBytes: Buffer | undefined;
  readonly isDraining: () => boolean;
};

function http1Client({ link, head: requestHead, request, response, firstBytes = Buffer.alloc(0), isDraining }: Http1): Client {
  const { method, version, upgrade } = requestHead;
  const expects = field(requestHead.headers, 'expect') !== undefined;
  const client: Client = {
    link,
    head: requestHead,
    request,
    response,
    firstBytes,
    hasBody: !upgrade && announcesBody(requestHead.headers),
    gone: undefined,
    informational: (status, headers) => {
      if (response.headersSent || version === '1.0') return;
      const lines = headers.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('');
      link.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines}\r\n`, 'latin1');
    },
    writeHead: ({ status, reason, headers }, close) => {
      const asked = close || tokensOf(headers, 'connection').includes('close');
      const ends = asked || isDraining() || !response.shouldKeepAlive || (expects && !request.complete);
      stripHopByHop(headers);
      const bodiless = method === 'HEAD' || status === 204 || status === 304;
      if (version === '1.0' || status === 204) removeField(headers, 'transfer-encoding');
      else if (!bodiless && !announcesBody(headers) && field(headers, 'content-length') === undefined) headers.push('transfer-encoding', 'chunked');
      if (ends || version === '1.0') headers.push('connection', ends ? 'close' : 'keep-alive');
      for (const name of AUTOMATIC) response.removeHeader(name);
      response.writeHead(status, reason ?? STATUS_CODES[status] ?? '', headers);
    },
    reset: () => {
      client.gone ??= {};
      // A plain FIN could be taken for the end of a response that lasts until its connection closes.
      if (link instanceof Socket && !('encrypted' in link)) link.resetAndDestroy();
      else link.destroy();
    },
  };
  return watchClient(client, () => (response.writableFinished ? undefined : {}));
}

/** After an upgrade Node has left the connection to us; an answer that is no switch ends it. */
function ownResponse(link: Link, request: IncomingMessage): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(link as Socket);
  return response.once('finish', () => link.end(() => link.destroy()));
}

/** Streams that are no sockets do not count. */
function bytesRead(link: Link): number {
  return link instanceof Socket ? link.bytesRead : 0;
}
