// HTTP/2 header blocks between Node's form and ours (RFC 9113 §8.3).
import type { OutgoingHttpHeaders } from 'node:http2';
import type { FieldList, RequestHead, ResponseHead, TargetForm } from '../exchange/head.ts';
import { fieldsFromRaw } from './readable-body.ts';

/** Lines without pseudo-headers. */
export function regularFields(raw: readonly string[]): FieldList {
  let first = 0;
  while (first < raw.length && (raw[first] as string).startsWith(':')) first += 2;
  return fieldsFromRaw(raw.slice(first));
}

export function pseudo(raw: readonly string[], name: string): string | undefined {
  for (let i = 0; i < raw.length && (raw[i] as string).startsWith(':'); i += 2) if (raw[i] === name) return raw[i + 1];
  return undefined;
}

export function requestFromHttp2(raw: readonly string[]): RequestHead {
  const method = pseudo(raw, ':method') ?? '';
  const path = pseudo(raw, ':path') ?? '';
  const form: TargetForm = method === 'CONNECT' ? 'authority' : path === '*' ? 'asterisk' : 'origin';
  const authority = pseudo(raw, ':authority') || undefined;
  return { method, version: '2', form, path, scheme: pseudo(raw, ':scheme'), authority, headers: regularFields(raw), upgrade: false };
}

export function responseFromHttp2(raw: readonly string[]): ResponseHead {
  return { status: Number(pseudo(raw, ':status')), version: '2', headers: regularFields(raw) };
}

export function requestToHttp2(head: RequestHead): OutgoingHttpHeaders {
  const headers = emptyHeaders();
  headers[':method'] = head.method;
  if (head.authority !== undefined) headers[':authority'] = head.authority;
  if (head.form !== 'authority') {
    headers[':scheme'] = head.scheme ?? 'http';
    headers[':path'] = head.path;
  }
  addFields(headers, head.headers);
  // Node would put its own idea of the authority into a request that has none; an empty list is written as nothing.
  if (head.authority === undefined && headers['host'] === undefined) (headers as Record<string, unknown>)['host'] = [];
  return headers;
}

export function responseToHttp2(head: ResponseHead): OutgoingHttpHeaders {
  const headers = emptyHeaders();
  headers[':status'] = head.status;
  addFields(headers, head.headers);
  return headers;
}

export function trailersToHttp2(trailers: FieldList): OutgoingHttpHeaders {
  const headers = emptyHeaders();
  addFields(headers, trailers);
  return headers;
}

/** Without prototype: names come from the network. */
function emptyHeaders(): OutgoingHttpHeaders {
  return Object.create(null) as OutgoingHttpHeaders;
}

/** Lines of one name stay in order, as a list; a lone line stays a string, as Node demands for some names. */
function addFields(headers: OutgoingHttpHeaders, fields: FieldList): void {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else if (!SINGLE.has(name)) headers[name] = [String(before), value];
  }
}

/** Names of which Node refuses to send two lines; the first one counts. */
const SINGLE: ReadonlySet<string> = new Set([
  'access-control-allow-credentials',
  'access-control-max-age',
  'access-control-request-method',
  'age',
  'authorization',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'date',
  'dnt',
  'etag',
  'expires',
  'from',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'range',
  'referer',
  'retry-after',
  'tk',
  'upgrade-insecure-requests',
  'user-agent',
  'x-content-type-options',
]);
