// HTTP/1 carried in HTTP/2 between proxies: the `l5d-orig-proto` header (spec/proxy.md §4.1).
import { type FieldList, field, type HttpVersion, type RequestHead, type ResponseHead, removeField, setField } from '../exchange/head.ts';
import { stripForHttp2 } from './hop-by-hop.ts';

export const ORIG_PROTO = 'l5d-orig-proto';

/** Turns an HTTP/1 request into an HTTP/2 one. The Host field stays, for it may differ from an absolute-form target. */
export function encodeRequest(head: RequestHead): void {
  const suffix = head.form === 'absolute' ? '; absolute-form' : '';
  stripForHttp2(head.headers);
  setField(head.headers, ORIG_PROTO, `HTTP/${head.version === '1.0' ? '1.0' : '1.1'}${suffix}`);
  head.version = '2';
}

/** Restores the version of the response to an encoded request; without the header it is the request's own. */
export function restoreResponse(head: ResponseHead, requestVersion: HttpVersion): void {
  const value = field(head.headers, ORIG_PROTO);
  removeField(head.headers, ORIG_PROTO);
  head.version = value === 'HTTP/1.1' ? '1.1' : value === 'HTTP/1.0' ? '1.0' : requestVersion;
}

/** Restores the HTTP/1 request; false when the request does not carry one. An unknown value counts, and leaves HTTP/2. */
export function decodeRequest(head: RequestHead): boolean {
  if (head.version !== '2') return false;
  const value = field(head.headers, ORIG_PROTO);
  if (value === undefined) return false;
  removeField(head.headers, ORIG_PROTO);
  if (value.startsWith('HTTP/1.1')) head.version = '1.1';
  else if (value.startsWith('HTTP/1.0')) head.version = '1.0';
  if (head.version !== '2') joinCookies(head.headers);
  if (value.slice(10, 23) === 'absolute-form') head.form = 'absolute';
  return true;
}

/** Marks the application's HTTP/1 response for the way back in HTTP/2. */
export function encodeResponse(head: ResponseHead): void {
  if (head.version === '2') return;
  setField(head.headers, ORIG_PROTO, `HTTP/${head.version}`);
  stripForHttp2(head.headers);
  head.version = '2';
}

/** One `cookie` line for HTTP/1, where HTTP/2 may have several (RFC 9113 §8.2.3). */
export function joinCookies(headers: FieldList): void {
  let first = -1;
  let write = 0;
  for (let read = 0; read < headers.length; read += 2) {
    const name = headers[read] as string;
    const value = headers[read + 1] as string;
    if (name === 'cookie' && first >= 0) {
      headers[first] = `${headers[first]}; ${value}`;
      continue;
    }
    if (name === 'cookie') first = write + 1;
    headers[write] = name;
    headers[write + 1] = value;
    write += 2;
  }
  headers.length = write;
}
