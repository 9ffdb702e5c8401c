// The query of /explain read: every mistake is named, all at once.
import { type InboundClient, isIp, parseAuthority, parseIdentityId, type SocketAddress, socketAddressOf } from '@weft/core';
import type { OutboundQuestion } from '@weft/core/explain';
import type { RoutedRequest } from '@weft/core/route';

export type ExplainQuery =
  | { readonly direction: 'outbound'; readonly target: Target; readonly question: OutboundQuestion }
  | { readonly direction: 'inbound'; readonly port: number; readonly client: InboundClient; readonly request: RoutedRequest | undefined }
  | { readonly direction: 'none'; readonly errors: readonly string[] };

export type Target = { readonly kind: 'address'; readonly address: SocketAddress } | { readonly kind: 'name'; readonly host: string; readonly port: number };

const PARAMETERS = ['direction', 'target', 'method', 'path', 'authority', 'header', 'protocol', 'sni', 'client', 'identity', 'tls'] as const;
const PROTOCOLS = ['http/1', 'http/2', 'tls', 'opaque'] as const;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const MAX_HEADERS = 100;

type Name = (typeof PARAMETERS)[number];

export function readExplainQuery(query: URLSearchParams): ExplainQuery {
  const errors: string[] = [];
  const one = (name: Name): string | undefined => query.get(name) ?? undefined;
  for (const name of new Set(query.keys())) {
    if (!PARAMETERS.some((known) => known === name)) errors.push(`${name}: is no parameter; there are ${PARAMETERS.join(', ')}`);
    else if (name !== 'header' && query.getAll(name).length > 1) errors.push(`${name}: is given more than once`);
  }
  const direction = one('direction');
  if (direction !== 'outbound' && direction !== 'inbound') errors.push(`direction: ${shown(direction)} is neither outbound nor inbound`);
  const forbid = (names: readonly Name[], where: string): void => {
    for (const name of names) if (query.has(name)) errors.push(`${name}: has a meaning ${where} only`);
  };

  const request: RoutedRequest = {
    method: readMethod(one('method'), errors),
    path: readPath(one('path'), errors),
    authority: one('authority') ?? one('target'),
    headers: readHeaders(query.getAll('header'), errors),
  };
  const protocol = readProtocol(one('protocol') ?? (query.has('sni') ? 'tls' : 'http/1'), errors);

  if (direction === 'inbound') {
    forbid(['sni'], 'outbound');
    const port = readPort(one('target'), errors);
    const client = readClient(one('client'), one('identity'), one('tls'), errors);
    if (errors.length === 0 && port !== undefined && client) {
      return { direction, port, client, request: protocol === 'http/1' || protocol === 'http/2' ? request : undefined };
    }
  }
  if (direction === 'outbound') {
    forbid(['client', 'identity', 'tls'], 'inbound');
    const target = readTarget(one('target'), errors);
    if (errors.length === 0 && target && protocol) return { direction, target, question: { request, protocol, sni: one('sni') } };
  }
  return { direction: 'none', errors };
}

function readMethod(text = 'GET', errors: string[]): string {
  if (!TOKEN.test(text)) errors.push(`method: ${shown(text)} is no method`);
  return text;
}

function readPath(text = '/', errors: string[]): string {
  if (!/^(\/[\x21-\x7e]*|\*)$/.test(text)) errors.push(`path: ${shown(text)} is no path; it begins with / and has what is not ASCII in percent`);
  return text;
}

function readHeaders(texts: readonly string[], errors: string[]): string[] {
  if (texts.length > MAX_HEADERS) errors.push(`header: is given ${texts.length} times, and may be ${MAX_HEADERS}`);
  return texts.flatMap((text) => {
    const colon = text.indexOf(':');
    const name = text.slice(0, Math.max(colon, 0));
    if (!TOKEN.test(name)) errors.push(`header: ${shown(text)} is not name:value`);
    return [name.toLowerCase(), text.slice(colon + 1).trim()];
  });
}

function readProtocol(text: string, errors: string[]): (typeof PROTOCOLS)[number] | undefined {
  const found = PROTOCOLS.find((known) => known === text);
  if (!found) errors.push(`protocol: ${shown(text)} is none of ${PROTOCOLS.join(', ')}`);
  return found;
}

/** `ip:port`, `name:port`. */
function readTarget(text: string | undefined, errors: string[]): Target | undefined {
  const named = text === undefined ? undefined : parseAuthority(text);
  if (named?.port === undefined) {
    errors.push(`target: ${shown(text)} is no ip:port or name:port`);
    return undefined;
  }
  const { host, port } = named;
  const address = isIp(host) ? socketAddressOf(host, port) : undefined;
  return address ? { kind: 'address', address } : { kind: 'name', host, port };
}

/** `port`, `ip:port`. */
function readPort(text: string | undefined, errors: string[]): number | undefined {
  const port = text !== undefined && /^[0-9]{1,5}$/.test(text) ? Number(text) : text === undefined ? undefined : parseAuthority(text)?.port;
  if (port === undefined || port < 1 || port > 65_535) {
    errors.push(`target: ${shown(text)} is no port or ip:port`);
    return undefined;
  }
  return port;
}

function readClient(ip: string | undefined, identity: string | undefined, tls: string | undefined, errors: string[]): InboundClient | undefined {
  const id = identity === undefined ? undefined : parseIdentityId(identity);
  if (ip === undefined || !isIp(ip)) errors.push(`client: ${shown(ip)} is no IP address`);
  if (identity !== undefined && !id) errors.push(`identity: ${shown(identity)} is no identity`);
  if (tls !== undefined && tls !== 'true' && tls !== 'false') errors.push(`tls: ${shown(tls)} is neither true nor false`);
  if (tls === 'false' && identity !== undefined) errors.push('identity: there is none without mesh TLS, and tls is false');
  if (ip === undefined || !isIp(ip)) return undefined;
  return { ip, tls: id || tls === 'true' ? { kind: 'mesh', identity: id } : { kind: 'none' } };
}

function shown(text: string | undefined): string {
  return text === undefined ? 'what is not given' : JSON.stringify(text);
}
