// How many octets are on their way when a sender fills its path: bandwidth times round trip. Measured with a PING while a payload comes in, so that
// windows can grow as the path needs them. spec/proxy.md §1.3 (HTTP2_ADAPTIVE_FLOW_CONTROL); RFC 9113 §5.2.1 leaves it to receivers.
import type { MonotonicClock } from './budget.ts';

/** The widest window that is granted, to one stream as to the whole connection. */
export const MAX_ADAPTIVE_WINDOW = 16 * 1024 * 1024;

/** Between measurements: less and less often where they find nothing new. */
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 10_000;
const PAUSE_FACTOR = 4;
/** Share of the former times in the average of round trips. */
const RTT_MEMORY = 7 / 8;

export class PathEstimate {
  /** Octets for which there should be room. */
  window: number;
  private readonly clock: MonotonicClock;
  private startedAt = -1;
  private nextAt = 0;
  private pauseMs = FIRST_PAUSE_MS;
  /** Since the PING. */
  private octets = 0;
  private rttMs = 0;
  /** Octets in a millisecond, the most so far. */
  private bandwidth = 0;

  constructor(window: number, clock: MonotonicClock) {
    this.window = window;
    this.clock = clock;
  }

  /** So much payload came. True: a PING is to be sent now. */
  received(octets: number): boolean {
    if (this.startedAt >= 0) {
      this.octets += octets;
      return false;
    }
    if (this.window >= MAX_ADAPTIVE_WINDOW) return false;
    const now = this.clock.now();
    if (now < this.nextAt) return false;
    this.startedAt = now;
    this.octets = octets;
    return true;
  }

  /** The PING was answered. True: `window` has grown. */
  answered(): boolean {
    if (this.startedAt < 0) return false;
    const now = this.clock.now();
    const tookMs = Math.max(now - this.startedAt, 0.001);
    this.startedAt = -1;
    this.rttMs = this.rttMs === 0 ? tookMs : this.rttMs * RTT_MEMORY + tookMs * (1 - RTT_MEMORY);
    const grown = this.grow();
    this.pauseMs = grown ? FIRST_PAUSE_MS : Math.min(this.pauseMs * PAUSE_FACTOR, MAX_PAUSE_MS);
    this.nextAt = now + this.pauseMs;
    return grown;
  }

  /** A sender that has filled most of the window, faster than ever, may be held up by it. */
  private grow(): boolean {
    const bandwidth = this.octets / this.rttMs;
    if (bandwidth <= this.bandwidth) return false;
    this.bandwidth = bandwidth;
    if (this.octets < (this.window * 2) / 3) return false;
    this.window = Math.min(Math.max(this.octets * 2, this.window), MAX_ADAPTIVE_WINDOW);
    return true;
  }
}
