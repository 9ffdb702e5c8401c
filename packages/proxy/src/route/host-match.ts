// Which host a request is for, and how specifically a route names it. spec/proxy.md §7.1.
import { type HostMatch, parseAuthority } from '@weft/core';
import type { RequestHead } from '@weft/http';

/** Lower-case, without port; empty where the client gave none. */
export function hostOf(request: RequestHead): string {
  if (request.authority === undefined) return '';
  return (parseAuthority(request.authority)?.host ?? request.authority).toLowerCase();
}

const EXACT = 1_000_000;

/** A compiled host list: undefined where no pattern matches, else a rank; higher is more specific, 0 means any host. */
export function hostRank(hosts: readonly HostMatch[]): (host: string) => number | undefined {
  if (hosts.length === 0) return () => 0;
  const exact = new Set<string>();
  const suffixes: string[] = [];
  for (const match of hosts) {
    if (match.kind === 'exact') exact.add(match.host.toLowerCase());
    else suffixes.push(`.${[...match.reverseLabels].reverse().join('.').toLowerCase()}`);
  }
  suffixes.sort((a, b) => b.length - a.length);
  return (host) => {
    if (exact.has(host)) return EXACT + host.length;
    const plain = host.endsWith('.') ? host.slice(0, -1) : host;
    if (exact.has(plain)) return EXACT + plain.length;
    const suffix = suffixes.find((s) => plain.length > s.length && plain.endsWith(s));
    return suffix?.length;
  };
}
