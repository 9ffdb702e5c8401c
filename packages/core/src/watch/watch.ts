// Watch: one value that changes over time, with the states a distributed source really has. design: docs/architecture.md, "State that changes".
import type { Reason } from '../reasons/reason.ts';
import type { Clock, Timer } from '../time/clock.ts';
import { iterate } from './iterate.ts';

/** What is known now. `stale` says that the source is away and the last known state is being served. */
export type WatchState<T> =
  | { readonly kind: 'pending' }
  | { readonly kind: 'value'; readonly value: T; readonly stale: boolean }
  | { readonly kind: 'absent'; readonly stale: boolean }
  | { readonly kind: 'rejected'; readonly reason: Reason };

export type Unsubscribe = () => void;

/**
 * A value that changes. `subscribe` calls back synchronously, first with the present state and then with each change;
 * it counts as one reference until released. `for await` yields whole settled states (the newest when the reader is slow).
 */
export interface Watch<T> {
  readonly state: WatchState<T>;
  subscribe(fn: (state: WatchState<T>) => void): Unsubscribe;
  [Symbol.asyncIterator](): AsyncIterableIterator<WatchState<T>, undefined>;
}

/** The writing end of a Watch. A write inside a subscriber is queued until the present round is over. */
export interface WatchSource<T> {
  readonly watch: Watch<T>;
  set(value: T): void;
  absent(): void;
  reject(reason: Reason): void;
  /** Takes over a settled state as it is; `pending` is ignored. */
  update(state: WatchState<T>): void;
  /** The source is away: the last known state is kept and marked. No effect while pending or rejected. */
  stale(): void;
  /** Number of live subscriptions. */
  readonly references: number;
  /** Stops at once what only waits for its idle time to pass. False, and without effect, while somebody subscribes. */
  evict(): boolean;
}

export interface WatchOptions<T> {
  /** Decides whether a new value differs. Default: identity. */
  readonly equal?: (a: T, b: T) => boolean;
  /** Called when a subscriber throws; it stays subscribed and the others are served. Default: rethrown in a microtask, so that it is not lost. */
  readonly onSubscriberError?: (error: unknown) => void;
  /** Called when the first subscription arrives, before its first call back; what it returns is called after the last one left and the idle time passed. */
  readonly start?: (source: WatchSource<T>) => () => void;
  /** How long to keep a started source without subscribers, in milliseconds. Default 0: stopped at once. */
  readonly idleMs?: number;
  /** Needed with `idleMs`. */
  readonly clock?: Clock;
  /** After an idle stop: `keep` the last state marked stale (default), or `forget` it and be pending again. */
  readonly onIdle?: 'keep' | 'forget';
}

const PENDING: WatchState<never> = { kind: 'pending' };

export function createWatch<T>(options: WatchOptions<T> = {}): WatchSource<T> {
  return new WatchCell(options);
}

/** A Watch that never changes: tests, static configuration. */
export function constantWatch<T>(value: T): Watch<T> {
  const source = createWatch<T>();
  source.set(value);
  return source.watch;
}

class WatchCell<T> implements WatchSource<T>, Watch<T> {
  state: WatchState<T> = PENDING;
  readonly #options: WatchOptions<T>;
  readonly #subscribers = new Set<{ readonly fn: (state: WatchState<T>) => void }>();
  readonly #queue: WatchState<T>[] = [];
  #notifying = false;
  #starting = false;
  #stop: (() => void) | undefined;
  #idle: Timer | undefined;

  constructor(options: WatchOptions<T>) {
    this.#options = options;
    if (options.idleMs !== undefined && options.idleMs > 0 && !options.clock) throw new TypeError('createWatch: idleMs needs a clock');
  }

  get watch(): Watch<T> {
    return this;
  }

  get references(): number {
    return this.#subscribers.size;
  }

  set(value: T): void {
    this.#push({ kind: 'value', value, stale: false });
  }

  absent(): void {
    this.#push({ kind: 'absent', stale: false });
  }

  reject(reason: Reason): void {
    this.#push({ kind: 'rejected', reason });
  }

  update(state: WatchState<T>): void {
    if (state.kind !== 'pending') this.#push(state);
  }

  stale(): void {
    const last = this.#queue.at(-1) ?? this.state;
    if (last.kind === 'value' || last.kind === 'absent') this.#push({ ...last, stale: true });
  }

  subscribe(fn: (state: WatchState<T>) => void): Unsubscribe {
    this.#idle?.cancel();
    this.#idle = undefined;
    // What the source sets while it starts becomes the state of the first call, not a second one.
    if (!this.#stop && !this.#starting) this.#start();
    const subscriber = { fn };
    this.#subscribers.add(subscriber);
    this.#round(() => this.#call(subscriber, this.state));
    return () => {
      if (this.#subscribers.delete(subscriber) && this.#subscribers.size === 0) this.#released();
    };
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<WatchState<T>, undefined> {
    return iterate(this);
  }

  #start(): void {
    const { start } = this.#options;
    if (!start) return;
    this.#starting = true;
    try {
      this.#stop = start(this);
    } finally {
      this.#starting = false;
    }
  }

  #released(): void {
    if (!this.#stop) return;
    const { idleMs = 0, clock } = this.#options;
    if (idleMs > 0 && clock) this.#idle = clock.after(idleMs, () => this.#stopNow());
    else this.#stopNow();
  }

  evict(): boolean {
    if (this.#subscribers.size > 0) return false;
    this.#idle?.cancel();
    this.#stopNow();
    return true;
  }

  #stopNow(): void {
    if (this.#subscribers.size > 0) return;
    const stop = this.#stop;
    this.#stop = undefined;
    this.#idle = undefined;
    stop?.();
    if (this.#options.onIdle === 'forget') {
      this.#queue.length = 0;
      this.state = PENDING;
    } else this.stale();
  }

  #push(next: WatchState<T>): void {
    this.#queue.push(next);
    this.#round(() => undefined);
  }

  /** Runs `first`, then everything that was queued meanwhile. Inside another round `first` runs at once and the queue is left to that round. */
  #round(first: () => void): void {
    if (this.#notifying) return first();
    this.#notifying = true;
    try {
      first();
      for (let state = this.#queue.shift(); state; state = this.#queue.shift()) this.#apply(state);
    } finally {
      this.#notifying = false;
    }
  }

  #apply(next: WatchState<T>): void {
    if (this.#same(this.state, next)) return;
    this.state = next;
    // A copy: who subscribes during the round has seen this state already.
    const present = [...this.#subscribers];
    for (const subscriber of present) {
      if (this.#subscribers.has(subscriber)) this.#call(subscriber, next);
    }
  }

  #same(a: WatchState<T>, b: WatchState<T>): boolean {
    if (a.kind === 'value' && b.kind === 'value') return a.stale === b.stale && (this.#options.equal ?? Object.is)(a.value, b.value);
    if (a.kind === 'absent' && b.kind === 'absent') return a.stale === b.stale;
    return a.kind === 'rejected' && b.kind === 'rejected' && a.reason.code === b.reason.code && a.reason.detail === b.reason.detail;
  }

  #call(subscriber: { readonly fn: (state: WatchState<T>) => void }, state: WatchState<T>): void {
    try {
      subscriber.fn(state);
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    const { onSubscriberError } = this.#options;
    const rethrow = (thrown: unknown): void =>
      queueMicrotask(() => {
        throw thrown;
      });
    if (!onSubscriberError) return rethrow(error);
    try {
      onSubscriberError(error);
    } catch (another) {
      rethrow(another);
    }
  }
}
