// Endpoint sets as streams of additions and removals: read by clients, written by servers. spec/wire.md, Get stream semantics.
import { type Endpoint, type EndpointSet, formatSocketAddress } from '@weft/core';
import type { DestinationUpdate } from '../gen/messages.ts';
import { socketAddressFromWire, socketAddressToWire } from './address.ts';
import { endpointFromWire, endpointToWire } from './endpoint.ts';
import { lenient } from './path.ts';
import { samePlain } from './plain-data.ts';

type Labels = Readonly<Record<string, string>>;

export type AppliedUpdate =
  /** The new set; the same array as before when nothing changed. */
  | { readonly kind: 'endpoints'; readonly endpoints: EndpointSet }
  /** The target does not exist: the set before the next message is the empty one. */
  | { readonly kind: 'absent' }
  /** The message has no effect, and does not count as the first of its stream. */
  | { readonly kind: 'ignored' };

const IGNORED: AppliedUpdate = Object.freeze({ kind: 'ignored' });

/**
 * Applies one message. `isFirst`: no message of this stream has had an effect yet, so that an `add` replaces the set that a
 * former stream left. Unchanged endpoints keep their object identity. Addresses that are not valid are skipped.
 */
export function applyUpdate(previous: EndpointSet, update: DestinationUpdate, isFirst: boolean): AppliedUpdate {
  if (update.noEndpoints) return update.noEndpoints.exists ? endpoints(previous, []) : { kind: 'absent' };
  if (update.add) {
    const { addrs = [], metricLabels } = update.add;
    const added = addrs.flatMap((addr) => lenient(() => endpointFromWire(addr, metricLabels)) ?? []);
    return added.length === 0 ? IGNORED : endpoints(previous, merge(previous, added, isFirst));
  }
  const gone = (update.remove?.addrs ?? []).flatMap((addr) => lenient(() => formatSocketAddress(socketAddressFromWire(addr))) ?? []);
  if (isFirst || gone.length === 0) return IGNORED;
  const keys = new Set(gone);
  return endpoints(
    previous,
    previous.filter((endpoint) => !keys.has(formatSocketAddress(endpoint.address))),
  );
}

export interface DiffOptions {
  /** Labels to send once for the whole set. Only those that every added endpoint has are; its own values still win. */
  readonly setLabels?: Labels | undefined;
}

/** The messages that lead from one set to the next: additions and changes, then removals. None when nothing changed. */
export function diffToUpdates(previous: EndpointSet, next: EndpointSet, options: DiffOptions = {}): DestinationUpdate[] {
  const before = byAddress(previous);
  const after = byAddress(next);
  const added = [...after].filter(([key, endpoint]) => !samePlain(before.get(key), endpoint)).map(([, endpoint]) => endpoint);
  const removed = [...before].filter(([key]) => !after.has(key)).map(([, endpoint]) => endpoint);
  const updates: DestinationUpdate[] = [];
  if (added.length > 0) updates.push({ add: addition(added, options.setLabels ?? {}) });
  if (removed.length > 0) updates.push({ remove: { addrs: removed.map(({ address }) => socketAddressToWire(address)) } });
  return updates;
}

/** Says that the set is empty. A server may send it in place of silence, so that clients need not run into their timeout. */
export function noEndpointsUpdate(exists: boolean): DestinationUpdate {
  return { noEndpoints: { exists } };
}

function addition(added: readonly Endpoint[], setLabels: Labels): NonNullable<DestinationUpdate['add']> {
  const shared = Object.fromEntries(Object.entries(setLabels).filter(([key]) => added.every(({ labels }) => Object.hasOwn(labels, key))));
  const own = ({ labels }: Endpoint): Labels =>
    Object.fromEntries(Object.entries(labels).filter(([key, value]) => !(Object.hasOwn(shared, key) && shared[key] === value)));
  return { addrs: added.map((endpoint) => endpointToWire(endpoint, own(endpoint))), metricLabels: shared };
}

/** Known endpoints keep their place, new ones follow. */
function merge(previous: EndpointSet, added: readonly Endpoint[], replace: boolean): EndpointSet {
  const known = byAddress(previous);
  const merged = new Map(replace ? [] : known);
  for (const endpoint of added) {
    const key = formatSocketAddress(endpoint.address);
    const old = known.get(key);
    merged.set(key, old && samePlain(old, endpoint) ? old : endpoint);
  }
  return [...merged.values()];
}

function byAddress(set: EndpointSet): Map<string, Endpoint> {
  return new Map(set.map((endpoint) => [formatSocketAddress(endpoint.address), endpoint]));
}

function endpoints(previous: EndpointSet, next: EndpointSet): AppliedUpdate {
  const same = previous.length === next.length && previous.every((endpoint, index) => endpoint === next[index]);
  return { kind: 'endpoints', endpoints: same ? previous : Object.freeze(next) };
}
