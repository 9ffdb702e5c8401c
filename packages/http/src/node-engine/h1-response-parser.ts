// Node's HTTP/1 parser for one response: a ClientRequest on a byte feed. The request itself is written by the engine.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { FieldList, ResponseHead } from '../exchange/head.ts';
import { ByteFeed } from './byte-feed.ts';
import { fieldsFromRaw } from './readable-body.ts';

export interface ResponseOwner {
  parsedInformational(head: ResponseHead): void;
  parsedResponse(head: ResponseHead, message: IncomingMessage): void;
  /** 101, or any response to CONNECT: the parser has let go of the feed; bytes that follow are in it. */
  parsedSwitch(head: ResponseHead): void;
  parseFailed(error: Error, isProtocol: boolean): void;
}

export interface ResponseParserOptions {
  readonly method: string;
  readonly maxHeaderBytes: number;
  readonly owner: ResponseOwner;
  readonly want: () => void;
}

/** Returns the feed to push the connection's bytes into. */
export function responseFeed(options: ResponseParserOptions): ByteFeed {
  const { owner } = options;
  const feed = new ByteFeed(options.want);
  const parser = httpRequest({
    method: options.method,
    path: '/',
    setHost: false,
    maxHeaderSize: options.maxHeaderBytes,
    insecureHTTPParser: false,
    createConnection: () => feed,
  });
  parser.maxHeadersCount = 0;
  parser.on('information', (info) => owner.parsedInformational(headOf(info.statusCode, info.statusMessage, '1.1', info.rawHeaders)));
  parser.on('response', (message) => owner.parsedResponse(messageHead(message), message));
  const switched = (message: IncomingMessage, _socket: unknown, rest: Buffer): void => {
    if (rest.length > 0) feed.unshift(rest);
    owner.parsedSwitch(messageHead(message));
  };
  parser.on('upgrade', switched);
  parser.on('connect', switched);
  parser.on('error', (error: NodeJS.ErrnoException) => owner.parseFailed(error, error.code?.startsWith('HPE_') === true));
  parser.end();
  // The parser goes only when the feed does: an ended feed is a response that lasts until the connection closes, or one cut short.
  feed.once('end', () => process.nextTick(() => feed.destroy()));
  return feed;
}

function messageHead(message: IncomingMessage): ResponseHead {
  return headOf(message.statusCode ?? 0, message.statusMessage ?? '', message.httpVersion === '1.0' ? '1.0' : '1.1', message.rawHeaders);
}

function headOf(status: number, reason: string, version: '1.0' | '1.1', raw: readonly string[]): ResponseHead {
  const headers: FieldList = fieldsFromRaw(raw);
  return { status, version, reason, headers };
}
