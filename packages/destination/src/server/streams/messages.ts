// Messages of the streams as bytes. Streams that go from one snapshot to another at the same time share what is serialised.
import type { Endpoint, Profile, SocketAddress } from '@weft/core';
import { codecOf, endpointEncoder, profileToWire } from '@weft/wire';
import { EMPTY, type Snapshot } from '../endpoints/port-endpoints.ts';
import { SET_LABELS } from '../metadata/mirrored.ts';

/** What leads a stream from what it was told last to what is so now. */
export type EndpointMessages = (next: Snapshot, previous: Snapshot | undefined) => readonly Buffer[];

export function endpointMessages(): EndpointMessages {
  const encoder = endpointEncoder(SET_LABELS);
  // Weak on both sides: a step lives as long as somebody may still take it.
  const steps = new WeakMap<Snapshot, WeakMap<Snapshot, readonly Buffer[]>>();

  /** Additions and changes, then removals. */
  const step = (next: Snapshot, previous: Snapshot): readonly Buffer[] => {
    const added: Endpoint[] = [];
    for (const [key, endpoint] of next) if (previous.get(key) !== endpoint) added.push(endpoint);
    const removed: SocketAddress[] = [];
    for (const [key, { address }] of previous) if (!next.has(key)) removed.push(address);
    return [...encoder.add(added), ...(removed.length === 0 ? [] : [encoder.remove(removed)])];
  };

  return (next, previous) => {
    // An empty set is said, not left to silence: clients would run into their initial timeout and ask again.
    if (!previous && next.size === 0) return [encoder.noEndpoints(true)];
    const from = previous ?? EMPTY;
    const known = steps.get(next) ?? new WeakMap<Snapshot, readonly Buffer[]>();
    steps.set(next, known);
    const messages = known.get(from) ?? step(next, from);
    known.set(from, messages);
    return messages;
  };
}

export function profileMessages(): (profile: Profile) => Buffer {
  const codec = codecOf('destination.DestinationProfile');
  const known = new WeakMap<Profile, Buffer>();
  return (profile) => {
    const bytes = known.get(profile) ?? codec.encode(profileToWire(profile));
    known.set(profile, bytes);
    return bytes;
  };
}
