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
/** RFC 9113 §8.3.1: host and port alone. */
const AUTHORITY = /^[\x21\x24-\x2e\x30-\x3b\x3d\x41-\x5b\x5d\x5f\x61-\x7a\x7e]+$/;
/** RFC 9110 §5.5. */
const VALUE = /^[\t\x20-\x7e\x80-\u{10ffff}]*$/u;
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
    authority: readAuthority(one('authority'), errors) ?? one('target'),
    headers: readHeaders(query.getAll('header'), errors),
  };
  const protocol = readProtocol(one('protocol') ?? (query.has('sni') ? 'tls' : 'http/1'), errors);

  const sni = readSni(one('sni'), errors);

  if (direction === 'outbound') {
    forbid(['client', 'identity', 'tls'], 'inbound');
    const target = readTarget(one('target'), errors);
    if (errors.length === 0 && target && protocol) return { direction, target, question: { request, protocol, sni } };
    return { direction: 'none', errors };
  }
  const client = readClient(one('client'), one('identity'), one('tls'), direction === 'inbound', errors);
  if (direction === 'inbound') {
    forbid(['sni'], 'outbound');
    const port = readPort(one('target'), errors);
    if (errors.length === 0 && port !== undefined && client) {
      return { direction, port, client, request: protocol === 'http/1' || protocol === 'http/2' ? request : undefined };
    }
  } else if (!targetOf(one('target')) && !portOf(one('target'))) errors.push(`target: ${shown(one('target'))} is no ip:port, name:port or port`);
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

function readAuthority(text: string | undefined, errors: string[]): string | undefined {
  if (text !== undefined && (!AUTHORITY.test(text) || !parseAuthority(text))) errors.push(`authority: ${shown(text)} is no host or host:port`);
  return text;
}

function readSni(text: string | undefined, errors: string[]): string | undefined {
  if (text !== undefined && !/^[\x21-\x7e]+$/.test(text)) errors.push(`sni: ${shown(text)} is no server name`);
  return text;
}

function readHeaders(texts: readonly string[], errors: string[]): string[] {
  if (texts.length > MAX_HEADERS) errors.push(`header: is given ${texts.length} times, and may be ${MAX_HEADERS}`);
  return texts.flatMap((text) => {
    const colon = text.indexOf(':');
    const name = text.slice(0, Math.max(colon, 0));
    if (!TOKEN.test(name)) errors.push(`header: ${shown(text)} is not name:value`);
    const value = text.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, '');
    if (!VALUE.test(value)) errors.push(`header: ${shown(text)} has a value that no header can have`);
    return [name.toLowerCase(), value];
  });
}

function readProtocol(text: string, errors: string[]): (typeof PROTOCOLS)[number] | undefined {
  const found = PROTOCOLS.find((known) => known === text);
  if (!found) errors.push(`protocol: ${shown(text)} is none of ${PROTOCOLS.join(', ')}`);
  return found;
}

function readTarget(text: string | undefined, errors: string[]): Target | undefined {
  const target = targetOf(text);
  if (!target) errors.push(`target: ${shown(text)} is no ip:port or name:port`);
  return target;
}

/** `ip:port`, `name:port`. */
function targetOf(text: string | undefined): Target | undefined {
  const { host = '', port } = (text === undefined ? undefined : parseAuthority(text)) ?? {};
  if (port === undefined) return undefined;
  const address = isIp(host) ? socketAddressOf(host, port) : undefined;
  return address ? { kind: 'address', address } : { kind: 'name', host, port };
}

function readPort(text: string | undefined, errors: string[]): number | undefined {
  const port = portOf(text);
  if (port === undefined) errors.push(`target: ${shown(text)} is no port or ip:port`);
  return port;
}

/** `port`, `ip:port`. */
function portOf(text = ''): number | undefined {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : (parseAuthority(text)?.port ?? 0);
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/** `required`: unless the client is not known to be asked about. */
function readClient(
  ip: string | undefined,
  identity: string | undefined,
  tls: string | undefined,
  required: boolean,
  errors: string[],
): InboundClient | undefined {
  const id = identity === undefined ? undefined : parseIdentityId(identity);
  if ((required || ip !== undefined) && !isIp(ip ?? '')) errors.push(`client: ${shown(ip)} is no IP address`);
  if (identity !== undefined && !id) errors.push(`identity: ${shown(identity)} is no identity`);
  if (tls !== undefined && tls !== 'true' && tls !== 'false') errors.push(`tls: ${shown(tls)} is neither true nor false`);
  if (tls === 'false' && identity !== undefined) errors.push('identity: there is none without mesh TLS, and tls is false');
  return ip === undefined ? undefined : { ip, tls: id || tls === 'true' ? { kind: 'mesh', identity: id } : { kind: 'none' } };
}

function shown(text: string | undefined): string {
  return text === undefined ? 'what is not given' : JSON.stringify(text);
}
