// The endpoints of a backend as reasons show them: how many are in which state, and some of them with their last errors. spec/proxy.md §4.6.
import { formatReason } from '@weft/core';
import type { MemberState, MemberStatus } from './pool-member.ts';

/** Endpoints that are named. */
const NAMED = 5;

/** `3 endpoints, 2 connecting, 1 shut: 10.0.0.1:80 (connecting, CONNECT_REFUSED: …), …`. Those with different errors are named first. */
export function describeMembers(members: Iterable<{ readonly status: MemberStatus }>): string {
  const counts = new Map<MemberState, number>();
  /** Of the last error, or the state where there is none. */
  const kinds = new Set<string>();
  const first: MemberStatus[] = [];
  const alike: MemberStatus[] = [];
  let total = 0;
  for (const { status } of members) {
    total++;
    counts.set(status.state, (counts.get(status.state) ?? 0) + 1);
    if (first.length === NAMED) continue;
    const kind = status.lastError?.code ?? status.state;
    if (kinds.has(kind)) {
      if (alike.length < NAMED) alike.push(status);
    } else {
      kinds.add(kind);
      first.push(status);
    }
  }
  const named = [...first, ...alike].slice(0, NAMED);
  const states = [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
  const rest = total > named.length ? `, and ${total - named.length} more` : '';
  return `${total} endpoint${total === 1 ? '' : 's'}, ${states}: ${named.map(describe).join(', ')}${rest}`;
}

function describe({ address, state, lastError }: MemberStatus): string {
  return lastError ? `${address} (${state}, ${lastError.code}: ${formatReason(lastError)})` : `${address} (${state})`;
}
