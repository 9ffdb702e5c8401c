// Heads between Node's form and the port's: flat lists of fields, request targets, and what belongs to one connection (RFC 9110 §7.6.1).
import type { IncomingMessage } from 'node:http';
import { type FieldList, type ForwardRules, field, type RequestHead, removeField, setField } from '@weft/http';

/** Lower-case names in order, without the pseudo-fields of HTTP/2. */
export function fieldsFrom(raw: readonly string[]): FieldList {
  const fields: FieldList = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    if (!name.startsWith(':')) fields.push(name, raw[i + 1] as string);
  }
  return fields;
}

/** As Node takes them. Lines of one name come together, which changes their place among others. */
export function grouped(fields: FieldList): Record<string, string | string[]> {
  const record = Object.create(null) as Record<string, string | string[]>;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [name, value] = [fields[i] as string, fields[i + 1] as string];
    const before = record[name];
    record[name] = before === undefined ? value : [before, value].flat();
  }
  return record;
}

/** Lower-case members of all lines of a field that is a list. */
export function tokensOf(fields: FieldList, name: string): string[] {
  const lines = fields.filter((_, i) => i % 2 === 1 && fields[i - 1] === name);
  return lines.flatMap((line) => line.toLowerCase().split(',')).map((token) => token.trim());
}

/** What decides where a message ends and whom it is for stays, even where `connection` names it. */
export function stripHopByHop(fields: FieldList): void {
  for (const name of tokensOf(fields, 'connection')) if (!KEPT.has(name)) removeField(fields, name);
  for (const name of ['connection', 'keep-alive', 'proxy-connection', 'upgrade']) removeField(fields, name);
}

const KEPT: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'host']);

export function announcesBody(fields: FieldList): boolean {
  return field(fields, 'transfer-encoding') !== undefined || Number(field(fields, 'content-length') ?? 0) > 0;
}

/** undefined: answer 400. Refuses what Node's parser lets through and two readers could understand in two ways. */
export function http1Head(request: IncomingMessage, upgrade: boolean): RequestHead | undefined {
  const { method = '', url = '' } = request;
  const version = request.httpVersion === '1.0' ? '1.0' : '1.1';
  const headers = fieldsFrom(request.rawHeaders);
  const codings = tokensOf(headers, 'transfer-encoding');
  if (codings.length > 0 && (version === '1.0' || codings.at(-1) !== 'chunked')) return undefined;
  if (headers.filter((name, i) => i % 2 === 0 && name === 'host').length > 1) return undefined;
  if (!upgrade) stripHopByHop(headers);
  const known = { method, version, headers, upgrade, scheme: undefined } as const;
  if (method === 'CONNECT') return version === '1.1' && AUTHORITY.test(url) ? { ...known, form: 'authority', path: '', authority: url } : undefined;
  const host = field(headers, 'host') || undefined;
  if (url.startsWith('/') || url === '*') return { ...known, form: url === '*' ? 'asterisk' : 'origin', path: url, authority: host };
  const [, scheme = '', authority, rest = ''] = ABSOLUTE.exec(url) ?? [];
  if (authority === undefined) return undefined;
  return { ...known, form: 'absolute', scheme: scheme.toLowerCase(), authority, path: rest.startsWith('/') ? rest : `/${rest}` };
}

const AUTHORITY = /^[^/?#*\s]+$/;
const ABSOLUTE = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]+)(.*)$/i;

/** What an HTTP/1 upstream is sent. The client's head stays as it was: it answers for the exchange if forwarding fails. */
export function upstreamHead(request: RequestHead, rules: ForwardRules, hasBody: boolean): RequestHead {
  const head = { ...request, headers: request.headers.slice() };
  const { authorityOverride } = rules;
  if (authorityOverride !== undefined) {
    head.authority = authorityOverride;
    removeField(head.headers, 'host');
    removeField(head.headers, 'l5d-dst-canonical');
  }
  rules.request?.(head);
  const replaces = authorityOverride !== undefined || head.version === '2' || field(head.headers, 'host') === undefined;
  if (head.authority !== undefined && replaces) setField(head.headers, 'host', head.authority);
  const unframed = head.version === '2' && hasBody && field(head.headers, 'content-length') === undefined;
  if (unframed) setField(head.headers, 'transfer-encoding', 'chunked');
  return head;
}
