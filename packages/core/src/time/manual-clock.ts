// A clock that only moves when told: virtual time for tests and simulations.
import type { Clock, Millis, Timer } from './clock.ts';

export interface ManualClock extends Clock {
  /** Moves both scales forward, firing due timers in time order (equal times in the order they were set). */
  advance(ms: Millis): void;
  /** Timers that wait. */
  readonly pending: number;
}

export interface ManualClockOptions {
  /** Monotonic start in milliseconds. Default 0. */
  readonly now?: Millis;
  /** Wall-clock start in milliseconds since the epoch. Default 2026-01-01T00:00:00Z. */
  readonly wall?: Millis;
}

interface Entry {
  readonly at: Millis;
  readonly order: number;
  readonly fn: () => void;
}

export function manualClock(options: ManualClockOptions = {}): ManualClock {
  let now = options.now ?? 0;
  const wallOffset = (options.wall ?? Date.UTC(2026, 0, 1)) - now;
  let order = 0;
  const entries = new Set<Entry>();

  const nextDue = (limit: Millis): Entry | undefined => {
    let best: Entry | undefined;
    for (const entry of entries) {
      if (entry.at <= limit && (!best || entry.at < best.at || (entry.at === best.at && entry.order < best.order))) best = entry;
    }
    return best;
  };

  return {
    now: () => now,
    wall: () => now + wallOffset,
    get pending() {
      return entries.size;
    },
    after(delayMs, fn): Timer {
      const entry: Entry = { at: now + Math.max(0, delayMs), order: order++, fn };
      entries.add(entry);
      return { cancel: () => void entries.delete(entry) };
    },
    advance(ms) {
      if (!(ms >= 0)) throw new RangeError(`a clock cannot be advanced by ${ms} ms`);
      const target = now + ms;
      for (let due = nextDue(target); due; due = nextDue(target)) {
        entries.delete(due);
        now = Math.max(now, due.at);
        due.fn();
      }
      // A timer may itself have advanced the clock further.
      now = Math.max(now, target);
    },
  };
}
