// The log of refusals: so many warnings of one kind in a second, then how many more there were. What is left out is there at debug.
import { type Clock, formatReason, type LogFields, type Logger, type Reason } from '@weft/core';
import type { Direction } from './refusals.ts';

/** Of one message, direction and reason. */
const MAX_PER_WINDOW = 10;
const WINDOW_MS = 1_000;

interface Window {
  logged: number;
  leftOut: number;
}

export class RefusalLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  /** By message, direction and reason code, of which there are few; those of the last second. */
  readonly #windows = new Map<string, Window>();

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  warn(message: string, direction: Direction | 'tap', why: Reason, fields: LogFields): void {
    const level = this.#mayWarn(message, direction, why) ? 'warn' : 'debug';
    if (this.#logger.enabled(level)) this.#logger.log(level, message, { direction, reason: why.code, why: formatReason(why), ...fields });
  }

  #mayWarn(message: string, direction: Direction | 'tap', { code }: Reason): boolean {
    const key = `${message} ${direction} ${code}`;
    let window = this.#windows.get(key);
    if (!window) {
      const begun: Window = { logged: 0, leftOut: 0 };
      window = begun;
      this.#windows.set(key, begun);
      this.#clock.after(WINDOW_MS, () => {
        this.#windows.delete(key);
        const { leftOut } = begun;
        if (leftOut > 0) this.#logger.log('warn', `${message}, and more for the same reason`, { direction, reason: code, leftOut, withinMs: WINDOW_MS });
      });
    }
    if (window.logged < MAX_PER_WINDOW) window.logged++;
    else window.leftOut++;
    return window.leftOut === 0;
  }
}
