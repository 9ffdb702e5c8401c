// The timeouts of one request and of its tries: which one is next, and when. spec/proxy.md §7.5.
// A frame only notes its time; the deadline that stands is looked at when it is over, and moved if something happened meanwhile.
import type { Clock, DeadlineSlot, Deadlines, Expiring, Millis, Timeouts } from '@weft/core';

export type TimeoutKind = 'request' | 'response headers' | 'response' | 'idle';

export interface ClockOwner {
  /** The request or its current try has had its time. Clocks go on unless they are stopped. */
  expired(kind: TimeoutKind, ms: Millis): void;
}

const NEVER = Number.POSITIVE_INFINITY;

export class StreamClocks implements Expiring {
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #timeouts: Timeouts;
  readonly #owner: ClockOwner;
  #requestBy = NEVER;
  #headMs: Millis | undefined;
  /** Of the current try; NEVER while that has not happened. */
  #startedAt = NEVER;
  #flushedAt = NEVER;
  #headAt = NEVER;
  #frameAt = NEVER;
  #slot: DeadlineSlot | undefined;
  #standsAt = NEVER;
  #kind: TimeoutKind = 'request';

  /** The request was dispatched now. */
  constructor(timeouts: Timeouts, owner: ClockOwner, clock: Clock, deadlines: Deadlines) {
    this.#timeouts = timeouts;
    this.#owner = owner;
    this.#clock = clock;
    this.#deadlines = deadlines;
    if (timeouts.requestMs !== undefined) this.#requestBy = clock.now() + timeouts.requestMs;
    this.#update();
  }

  /** A try goes to its endpoint. `headMs`: for its response head. */
  tryStarted(headMs: Millis | undefined): void {
    this.#startedAt = this.#frameAt = this.#clock.now();
    this.#flushedAt = this.#headAt = NEVER;
    this.#headMs = headMs;
    this.#update();
  }

  frame(): void {
    this.#frameAt = this.#clock.now();
  }

  /** The request body is out. */
  flushed(): void {
    this.#flushedAt = this.#frameAt = this.#clock.now();
    this.#update();
  }

  head(): void {
    this.#headAt = this.#frameAt = this.#clock.now();
    this.#update();
  }

  /** Only the request's own time goes on. */
  tryEnded(): void {
    this.#startedAt = this.#flushedAt = this.#headAt = NEVER;
  }

  /** Leaves it to the current try when the request ends. */
  liftRequest(): void {
    this.#requestBy = NEVER;
  }

  stop(): void {
    this.tryEnded();
    this.liftRequest();
    this.#lift();
  }

  expire(): void {
    this.#slot = undefined;
    this.#standsAt = NEVER;
    const at = this.#next();
    if (at > this.#clock.now()) return this.#update();
    const kind = this.#kind;
    const ms = this.#lengthOf(kind);
    this.#owner.expired(kind, ms);
  }

  #lengthOf(kind: TimeoutKind): Millis {
    const { requestMs, responseMs, idleMs } = this.#timeouts;
    const length = { request: requestMs, 'response headers': this.#headMs, response: responseMs, idle: idleMs }[kind];
    return length ?? 0;
  }

  /** The next deadline, as things stand, and in `#kind` which one it is. */
  #next(): Millis {
    const { responseMs, idleMs } = this.#timeouts;
    let at = this.#requestBy;
    this.#kind = 'request';
    if (this.#startedAt === NEVER) return at;
    const answered = this.#headAt !== NEVER;
    // Counted from the end of the request, or from the head where that comes first.
    const since = Math.min(this.#flushedAt, this.#headAt);
    if (!answered && this.#headMs !== undefined && since + this.#headMs < at) {
      at = since + this.#headMs;
      this.#kind = 'response headers';
    }
    if (responseMs !== undefined && since + responseMs < at) {
      at = since + responseMs;
      this.#kind = 'response';
    }
    // Nothing is due between the end of the request and the head.
    const flows = answered || this.#flushedAt === NEVER;
    if (idleMs !== undefined && flows && this.#frameAt + idleMs < at) {
      at = this.#frameAt + idleMs;
      this.#kind = 'idle';
    }
    return at;
  }

  /** A deadline that moved back is left where it stands. */
  #update(): void {
    const at = this.#next();
    if (at >= this.#standsAt) return;
    this.#lift();
    this.#standsAt = at;
    this.#slot = this.#deadlines.set(this, at);
  }

  #lift(): void {
    if (this.#slot) this.#deadlines.lift(this.#slot, this);
    this.#slot = undefined;
    this.#standsAt = NEVER;
  }
}
