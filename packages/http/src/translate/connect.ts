// CONNECT over HTTP/2 toward an HTTP/1 upstream: what asks there for bytes, and what grants them (RFC 9113 §8.5, RFC 8441 §5).
import { createHash, randomBytes } from 'node:crypto';
import { field, type RequestHead, type ResponseHead, removeField, setField } from '../exchange/head.ts';

/** What an HTTP/1 upstream must answer before its connection is bytes. */
export interface Switch {
  /** The `sec-websocket-accept` that proves it understood; undefined for other protocols. */
  readonly accept: string | undefined;
}

const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Turns the head of a CONNECT, extended or not, into the HTTP/1 request that asks for the same. */
export function askForBytes(head: RequestHead & { readonly protocol?: string }): Switch {
  const { protocol, headers } = head;
  if (protocol === undefined) {
    head.form = 'authority';
    return { accept: undefined };
  }
  head.method = 'GET';
  head.form = 'origin';
  headers.push('connection', 'upgrade', 'upgrade', protocol);
  if (protocol.toLowerCase() !== 'websocket') return { accept: undefined };
  const key = randomBytes(16).toString('base64');
  setField(headers, 'sec-websocket-key', key);
  return { accept: createHash('sha1').update(key).update(WEBSOCKET_GUID).digest('base64') };
}

/** Whether the answer to `askForBytes` is that of an upstream that switched; makes it the answer to the CONNECT. */
export function grantBytes(head: ResponseHead, { accept }: Switch): boolean {
  if (accept !== undefined && field(head.headers, 'sec-websocket-accept') !== accept) return false;
  removeField(head.headers, 'sec-websocket-accept');
  if (head.status === 101) head.status = 200;
  return true;
}
