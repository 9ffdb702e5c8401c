// WEFT_PROXY_ORIGINAL_DST: where the original destinations of connections come from. docs/configuration.md.
import { formatSocketAddress, type IpNetwork, parseSocketAddress } from '@weft/core';
import type { MappedDestination } from '../../accept/mapped-original-dst.ts';
import { networks, type Parsed, type Syntax } from './syntax.ts';

export type OriginalDstSource =
  /** SO_ORIGINAL_DST of redirected connections. */
  | { readonly kind: 'socket' }
  /** A PROXY protocol header before everything else; `trusted` may send one. */
  | { readonly kind: 'proxy-protocol'; readonly trusted: readonly IpNetwork[] }
  | { readonly kind: 'map'; readonly entries: readonly MappedDestination[] };

/** Who is trusted without a list. */
const LOOPBACK = '127.0.0.0/8,::1';

export const originalDst: Syntax<OriginalDstSource> = {
  form: 'socket, proxy-protocol, proxy-protocol:CIDR,… or map:PORT=IP:PORT,…',
  parse(text) {
    if (text === 'socket') return { ok: true, value: { kind: 'socket' } };
    const [kind, rest] = split(text, ':');
    if (kind === 'proxy-protocol') return proxyProtocol(rest ?? LOOPBACK);
    if (kind === 'map' && rest !== undefined) return map(rest);
    return bad('must be socket, proxy-protocol, proxy-protocol:CIDR,… or map:PORT=IP:PORT,…');
  },
  show(source) {
    if (source.kind === 'socket') return source.kind;
    if (source.kind === 'proxy-protocol') return `${source.kind}:${networks.show?.(source.trusted) ?? ''}`;
    return `${source.kind}:${source.entries.map(showEntry).join(',')}`;
  },
};

function proxyProtocol(list: string): Parsed<OriginalDstSource> {
  const parsed = networks.parse(list);
  if (!parsed.ok) return parsed;
  return parsed.value.length === 0 ? bad('names nobody who may send headers') : { ok: true, value: { kind: 'proxy-protocol', trusted: parsed.value } };
}

function map(list: string): Parsed<OriginalDstSource> {
  const entries: MappedDestination[] = [];
  for (const item of list.split(',')) {
    const [from, to] = split(item.trim(), '=');
    const local = localOf(from);
    const destination = parseSocketAddress(to ?? '');
    if (!local || !destination || destination.port === 0) return bad(`holds ${JSON.stringify(item.trim())}, which is not PORT=IP:PORT or IP:PORT=IP:PORT`);
    if (entries.some((other) => other.local.ip === local.ip && other.local.port === local.port)) return bad(`holds ${JSON.stringify(from)} twice`);
    entries.push({ local, destination });
  }
  return { ok: true, value: { kind: 'map', entries } };
}

function localOf(text: string): MappedDestination['local'] | undefined {
  const address = parseSocketAddress(/^[0-9]{1,5}$/.test(text) ? `0.0.0.0:${text}` : text);
  if (!address || address.port === 0) return undefined;
  return text.includes(':') ? address : { port: address.port };
}

function showEntry({ local, destination }: MappedDestination): string {
  return `${local.ip === undefined ? local.port : formatSocketAddress({ ip: local.ip, port: local.port })}=${formatSocketAddress(destination)}`;
}

function split(text: string, at: string): readonly [before: string, after: string | undefined] {
  const index = text.indexOf(at);
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + at.length)];
}

function bad(problem: string): Parsed<never> {
  return { ok: false, problem };
}
