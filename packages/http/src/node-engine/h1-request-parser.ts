// Node's HTTP/1 parser for requests: an unlistened http.Server whose "sockets" are byte feeds. Nothing it writes goes anywhere.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ByteFeed } from './byte-feed.ts';

export interface RequestOwner {
  parsedRequest(message: IncomingMessage, ticket: ServerResponse): void;
  /** The parser let go of the feed: an upgrade or CONNECT. `rest` was read beyond the head. */
  parsedUpgrade(message: IncomingMessage, rest: Buffer): void;
  parseFailed(error: ParseFailure): void;
}

export interface ParseFailure extends Error {
  readonly code?: string;
  readonly rawPacket?: Buffer;
}

export class RequestFeed extends ByteFeed {
  readonly owner: RequestOwner;

  constructor(owner: RequestOwner, want: () => void) {
    super(want);
    this.owner = owner;
  }
}

export class RequestParser {
  readonly #server: Server;

  constructor(maxHeaderBytes: number) {
    // Asked by newer versions of Node only; older ones report every upgrade, and `parsedUpgrade` sorts them out.
    const newer = { shouldUpgradeCallback: isTunnelRequest };
    this.#server = createServer({
      ...newer,
      maxHeaderSize: maxHeaderBytes,
      insecureHTTPParser: false,
      requireHostHeader: false,
      headersTimeout: 0,
      requestTimeout: 0,
      keepAliveTimeout: 0,
    });
    this.#server.timeout = 0;
    this.#server.maxHeadersCount = 0;
    const request = (message: IncomingMessage, ticket: ServerResponse): void => feedOf(message.socket)?.owner.parsedRequest(message, ticket);
    this.#server.on('request', request);
    // Expectations pass end to end.
    this.#server.on('checkContinue', request);
    this.#server.on('checkExpectation', request);
    const upgrade = (message: IncomingMessage, socket: Duplex, rest: Buffer): void => feedOf(socket)?.owner.parsedUpgrade(message, rest);
    this.#server.on('upgrade', upgrade);
    this.#server.on('connect', upgrade);
    this.#server.on('clientError', (error: ParseFailure, socket) => feedOf(socket)?.owner.parseFailed(error));
  }

  attach(feed: RequestFeed): void {
    this.#server.emit('connection', feed);
  }
}

/** Ends the parser's own idea of the response, so that it goes on to the next request. */
export function closeTicket(ticket: ServerResponse): void {
  ticket.shouldKeepAlive = true;
  ticket.sendDate = false;
  ticket.removeHeader('connection');
  ticket.statusCode = 204;
  ticket.end();
}

/** An upgrade that becomes a tunnel (spec/proxy.md §4.3). With a body it is served as an ordinary request, as RFC 9110 §7.8 allows. */
export function isTunnelRequest(message: IncomingMessage): boolean {
  if (message.method === 'CONNECT') return true;
  const { upgrade, connection, 'transfer-encoding': encoding, 'content-length': length } = message.headers;
  if (message.httpVersion !== '1.1' || upgrade === undefined || upgrade.toLowerCase() === 'h2c') return false;
  if (encoding !== undefined || (length !== undefined && Number(length) > 0)) return false;
  return (connection ?? '').split(',').some((token) => token.trim().toLowerCase() === 'upgrade');
}

function feedOf(socket: Socket | Duplex): RequestFeed | undefined {
  return socket instanceof RequestFeed ? socket : undefined;
}
