// google.protobuf.Duration and Timestamp as milliseconds.
import Long from 'long';
import type { GoogleDuration, GoogleTimestamp } from '../gen/messages.ts';
import { ConvertError } from './convert-error.ts';
import { optional, required, type Wire } from './path.ts';

const NANOS_PER_MS = 1e6;

/** Milliseconds, with a fraction where the duration has one. Negative durations are not valid. */
export function durationFromWire(wire: Wire<GoogleDuration>, at = ''): number {
  const ms = millisOf(required(wire, at));
  if (ms < 0) throw new ConvertError('VALUE_INVALID', at, ms);
  return ms;
}

export function optionalDurationFromWire(wire: Wire<GoogleDuration>, at: string): number | undefined {
  return optional(wire, at, durationFromWire);
}

/** Rounded to nanoseconds. */
export function durationToWire(ms: number): GoogleDuration {
  return split(ms);
}

export function optionalDurationToWire(ms: number | undefined): GoogleDuration | undefined {
  return ms === undefined ? undefined : split(ms);
}

/** Milliseconds since the epoch. */
export function timestampFromWire(wire: Wire<GoogleTimestamp>, at = ''): number {
  return millisOf(required(wire, at));
}

export function timestampToWire(epochMs: number): GoogleTimestamp {
  return split(epochMs);
}

/** The nearest number: nanoseconds are added up first where that is exact. */
function millisOf(wire: GoogleDuration): number {
  const seconds = wire.seconds?.toNumber() ?? 0;
  const nanos = wire.nanos ?? 0;
  const total = seconds * 1e9 + nanos;
  return Number.isSafeInteger(total) ? total / NANOS_PER_MS : seconds * 1000 + nanos / NANOS_PER_MS;
}

/** Nanoseconds are never negative: a timestamp before the epoch counts back in seconds and forward in nanoseconds. */
function split(ms: number): { seconds: Long; nanos: number } {
  if (!Number.isFinite(ms)) throw new ConvertError('VALUE_INVALID', 'duration', ms);
  const whole = Math.floor(ms / 1000);
  const nanos = Math.round((ms - whole * 1000) * NANOS_PER_MS);
  return nanos === 1e9 ? { seconds: Long.fromNumber(whole + 1), nanos: 0 } : { seconds: Long.fromNumber(whole), nanos };
}
