// Points in time: google.protobuf.Timestamp ⇄ milliseconds since the epoch.
import Long from 'long';
import type { GoogleTimestamp } from '../gen/messages.ts';

/** Milliseconds since the epoch, fractions kept. */
export function timestampFromWire(timestamp: GoogleTimestamp): number {
  return (timestamp.seconds?.toNumber() ?? 0) * 1000 + (timestamp.nanos ?? 0) / 1e6;
}

export function timestampToWire(epochMs: number): GoogleTimestamp {
  const seconds = Math.floor(epochMs / 1000);
  return { seconds: Long.fromNumber(seconds), nanos: Math.round((epochMs - seconds * 1000) * 1e6) };
}
