// What is answered to bytes that are no valid HTTP/1 request, and what is given back to the parser.
import type { IncomingMessage } from 'node:http';
import type { HttpVersion } from '../exchange/head.ts';
import { connectionTokens } from '../translate/hop-by-hop.ts';
import type { ParseFailure } from './h1-request-parser.ts';
import { fieldsFromRaw } from './readable-body.ts';

export function refusalOf(error: ParseFailure): number {
  if (error.code === 'HPE_HEADER_OVERFLOW') return 431;
  return error.code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW' ? 413 : 400;
}

/** The version of the refused request, as far as its first line tells. */
export function versionIn(packet: Buffer | undefined): HttpVersion {
  const text = packet?.toString('latin1', 0, 16_384) ?? '';
  const end = text.indexOf('\n');
  return (end < 0 ? text : text.slice(0, end)).trimEnd().endsWith('HTTP/1.0') ? '1.0' : '1.1';
}

/** The head of a request whose upgrade is not taken up (h2c, HTTP/1.0, with a body), without what asks for it. */
export function withoutUpgrade(message: IncomingMessage): Buffer {
  const fields = fieldsFromRaw(message.rawHeaders);
  const tokens = connectionTokens(fields);
  const named = new Set(tokens.filter((token) => token !== 'close' && token !== 'keep-alive'));
  let text = `${message.method} ${message.url} HTTP/${message.httpVersion}\r\n`;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name === 'upgrade' || name === 'connection' || (named.has(name) && !KEPT.has(name))) continue;
    text += `${name}: ${fields[i + 1]}\r\n`;
  }
  const persistence = tokens.find((token) => token === 'close' || token === 'keep-alive');
  if (persistence !== undefined) text += `connection: ${persistence}\r\n`;
  return Buffer.from(`${text}\r\n`, 'latin1');
}

const KEPT: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'host']);
