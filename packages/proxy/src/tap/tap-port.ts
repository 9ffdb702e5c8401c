// Who taps this proxy, as a port: the sidecar answers with the tap service, worker threads with the main thread. spec/proxy.md §9.5.
import type { TapEvent, TapMatch, Watch } from '@weft/core';

/** One observation. Plain data: it crosses threads. */
export interface TapRequest {
  /** Tells observations apart. */
  readonly id: number;
  readonly match: TapMatch;
  /** Requests that are observed at most, in all threads together. */
  readonly limit: number;
  /** Whether headers and trailers are told. */
  readonly headers: boolean;
  /** `TapCells`. */
  readonly cells: SharedArrayBuffer;
}

/** Something about an observed request. `over`: there is nothing more to come; said once for each that was counted. */
export interface TapMessage {
  readonly id: TapRequest['id'];
  readonly event?: TapEvent | undefined;
  readonly over: boolean;
}

export interface TapPort {
  /** Those that want more requests. */
  readonly requests: Watch<readonly TapRequest[]>;
  /** Called for what is observed; must not block or throw. */
  tell(message: TapMessage): void;
}
