// What a balanced channel tells of its addresses and its queue, for metrics. spec/proxy.md §9.4, `<B>`.
import type { Millis } from '@weft/core';

/** Called synchronously; must not throw. */
export interface BalanceObserver {
  /** How many addresses are connected and how many are on their way, and how many calls wait. Called when something of it may have changed. */
  state(now: { readonly ready: number; readonly pending: number; readonly queued: number }): void;
  /** Another set of addresses is in force. */
  updated(): void;
  /** A call was given a connection after waiting so long. */
  dequeued(afterMs: Millis): void;
  /** `shut`: calls fail at once because no address was connected for too long. */
  gate(is: 'open' | 'shut'): void;
}
