// Who waits for something to become ready: a bounded queue with one time limit, behind a gate. spec/proxy.md §6.3.

import { REASONS, type Reason, reason } from '../reasons/reason.ts';
import type { Clock, Millis, Timer } from '../time/clock.ts';
import { WaitingLine } from './waiting-line.ts';

export interface QueueEntry {
  /** It is not wanted any more; nothing is called on it from then on. */
  readonly aborted: boolean;
  refuse(why: Reason): void;
}

/** What entries wait for. Asked at every submission and whenever `pump` is called; must not block. */
export interface QueueSource<E, R> {
  /** Undefined: nothing is ready. */
  take(): R | undefined;
  /** Gives an entry what was taken. `waitedMs`: how long it waited for that. */
  start(entry: E, taken: R, waitedMs: Millis): void;
  /** Whether `take` would give something. */
  readonly ready: boolean;
  /** Why waiting is of no use, while that is so. */
  readonly hopeless: Reason | undefined;
  /** Why nothing became ready in time, or has not since. What waited is refused for it; what comes while the gate is shut is shed. */
  failfast(): Reason;
}

export interface FailfastQueueOptions<E, R> {
  /** Shown in reasons. */
  readonly name: string;
  readonly source: QueueSource<E, R>;
  /** Most entries that wait; more are refused. */
  readonly capacity: number;
  /** How long nothing may be ready before all that wait fail. */
  readonly failfastMs: Millis;
  readonly clock: Clock;
  /** Called whenever the gate shuts or opens. Default: nobody wants to know. */
  readonly onGate?: ((shut: boolean) => void) | undefined;
  /** Called when the last that waited was started or refused. Default: nobody wants to know. */
  readonly onEmpty?: (() => void) | undefined;
}

/** The gate is shut from a failed wait until something is ready: entries are refused at once meanwhile. */
export class FailfastQueue<E extends QueueEntry, R> {
  readonly #options: FailfastQueueOptions<E, R>;
  readonly #line: WaitingLine<E>;
  #timer: Timer | undefined;
  #shut = false;

  constructor(options: FailfastQueueOptions<E, R>) {
    this.#options = options;
    this.#line = new WaitingLine(options.capacity);
  }

  /** How many wait, those included that are not wanted any more. */
  get length(): number {
    return this.#line.length;
  }

  get shut(): boolean {
    return this.#shut;
  }

  /** Why what comes now does not get to wait, unless something is ready for it. */
  get refusal(): Reason | undefined {
    const { source } = this.#options;
    return source.hopeless ?? (this.#shut ? shutReason(source.failfast()) : undefined);
  }

  submit(entry: E): void {
    const { source, capacity, name, clock } = this.#options;
    const taken = this.#line.length === 0 ? source.take() : undefined;
    if (taken !== undefined) {
      this.#setShut(false);
      return source.start(entry, taken, 0);
    }
    const why = this.refusal;
    if (why) return entry.refuse(why);
    if (!this.#line.join(entry, clock.now())) return entry.refuse(reason('QUEUE_FULL', `${name}: ${capacity} wait`));
    if (!this.#timer) this.#restart();
  }

  /** To be called when something became ready, or waiting for it hopeless. */
  pump(): void {
    const { source, clock } = this.#options;
    if (this.#shut && source.ready) this.#setShut(false);
    if (this.#line.length === 0) return;
    let served = false;
    for (let first = this.#line.first; first; first = this.#line.first) {
      const { waiter: entry, since } = first;
      const { hopeless } = source;
      const taken = entry.aborted || hopeless ? undefined : source.take();
      if (taken === undefined && !entry.aborted && !hopeless) {
        if (served) this.#restart();
        return;
      }
      // Taken out first: what is started may make something else ready, which leads back here.
      this.#line.shift();
      served ||= taken !== undefined;
      if (taken !== undefined) source.start(entry, taken, clock.now() - since);
      else if (hopeless && !entry.aborted) entry.refuse(hopeless);
    }
    this.#emptied();
  }

  /** Refuses all that wait. */
  clear(why: Reason): void {
    if (this.#line.length === 0) return;
    for (const { waiter } of this.#line.drain()) if (!waiter.aborted) waiter.refuse(why);
    this.#emptied();
  }

  #restart(): void {
    const { clock, failfastMs } = this.#options;
    this.#timer?.cancel();
    this.#timer = clock.after(failfastMs, () => this.#expire());
  }

  #expire(): void {
    this.#setShut(true);
    this.clear(this.#options.source.failfast());
  }

  /** Unless what was started or refused had something new wait. */
  #emptied(): void {
    if (this.#line.length > 0) return this.#restart();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#options.onEmpty?.();
  }

  #setShut(shut: boolean): void {
    if (this.#shut === shut) return;
    this.#shut = shut;
    this.#options.onGate?.(shut);
  }
}

/** Linkerd sheds what comes while the gate is shut: another status than for what had waited. */
function shutReason({ code, detail = '' }: Reason): Reason {
  return reason('GATE_SHUT', code === 'FAILFAST' ? detail : `${detail}: ${REASONS[code].sentence}`);
}
