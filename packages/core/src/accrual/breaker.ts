// The circuit breaker of one endpoint: open, shut for a while, on probation with one request, and open again or shut for longer.
// spec/proxy.md §6.5. "Open" lets requests through, as Linkerd has it.
import { type Backoff, exponentialBackoff } from '../backoff/exponential-backoff.ts';
import type { ResponseClass } from '../classify/response-class.ts';
import type { FailureAccrual } from '../domain/client-policy.ts';
import { type Random, systemRandom } from '../ports/random.ts';
import { type Reason, reason } from '../reasons/reason.ts';
import { type Clock, type Millis, systemClock, type Timer } from '../time/clock.ts';
import { FailureLog } from './failure-log.ts';
import { type Trip, type TripRule, tripRule } from './trip-rule.ts';

export type BreakerState = 'open' | 'shut' | 'probation';

/** What a request was let through as: an answer counts only for the phase in which the request was sent. */
export type Ticket = number;

export interface BreakerOptions {
  /** Shown in reasons: the address of the endpoint. */
  readonly name: string;
  readonly policy: FailureAccrual;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** For the jitter of the backoff. Default: the system's. */
  readonly random?: Random;
  /** `admits` may have changed. */
  readonly changed: () => void;
  /** Called after each change of state, with the reason where requests are kept away. */
  readonly onState?: (state: BreakerState, why: Reason | undefined) => void;
}

export class Breaker {
  readonly #options: BreakerOptions;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #rule: TripRule;
  readonly #failures = new FailureLog();
  #state: BreakerState = 'open';
  #why: Reason | undefined;
  #since: Millis;
  /** Counts phases: each change of state begins one. */
  #phase: Ticket = 0;
  #probing = false;
  #closed = false;
  #timer: Timer | undefined;

  constructor(options: BreakerOptions) {
    const { policy, clock = systemClock(), random = systemRandom } = options;
    this.#options = options;
    this.#clock = clock;
    this.#since = clock.now();
    this.#backoff = exponentialBackoff({ ...policy.backoff, random });
    this.#rule = tripRule(policy, this.#since);
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Monotonic time of the last change of state. */
  get since(): Millis {
    return this.#since;
  }

  /** Why requests are kept away; undefined while it is open. */
  get why(): Reason | undefined {
    return this.#why;
  }

  /** Whether a request may be sent now. On probation that is one at a time, until one is answered. */
  get admits(): boolean {
    return this.#state === 'open' || (this.#state === 'probation' && !this.#probing);
  }

  /** A request is sent. Ends with one call of `settle` or `abandon`; only to be called while it admits. */
  admit(): Ticket {
    if (!this.admits) throw new Error(`${this.#options.name}: a breaker that is ${this.#state} admits no request`);
    if (this.#state === 'probation') {
      this.#probing = true;
      this.#options.changed();
    }
    return this.#phase;
  }

  /** The request was answered or failed. What was sent in an earlier phase says nothing about this one. `status`: for the reason. */
  settle(ticket: Ticket, response: ResponseClass, status: number | undefined): void {
    if (ticket !== this.#phase || this.#closed) return;
    const now = this.#clock.now();
    if (response.failure || response.rateLimited) this.#failures.add(response, status);
    if (this.#state === 'probation') {
      if (this.#rule.recovers(response)) this.#recover(now);
      else this.#shut(now, reason('EJECTED_PROBE_FAILED', this.#failures.last()));
      return;
    }
    const trip = this.#rule.record(response, now);
    if (trip) this.#shut(now, tripReason(trip, this.#failures));
  }

  /** Nobody knows what the answer would have been: the client left before there was one. A probe may be repeated at once. */
  abandon(ticket: Ticket): void {
    if (ticket !== this.#phase || !this.#probing) return;
    this.#probing = false;
    this.#options.changed();
  }

  /** Ends its timer; it stays as it is, whatever is still answered. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #shut(now: Millis, { code, detail }: Reason): void {
    const wait = this.#backoff.next();
    this.#timer = this.#clock.after(wait, () => this.#enter('probation', this.#clock.now(), this.#why));
    this.#enter('shut', now, reason(code, `${this.#options.name}: ${detail}; probed after ${Math.ceil(wait)} ms`));
  }

  #recover(now: Millis): void {
    this.#backoff.reset();
    this.#rule.reset(now);
    this.#failures.clear();
    this.#enter('open', now, undefined);
  }

  #enter(state: BreakerState, now: Millis, why: Reason | undefined): void {
    this.#state = state;
    this.#why = why;
    this.#since = now;
    this.#phase++;
    this.#probing = false;
    this.#options.onState?.(state, why);
    this.#options.changed();
  }
}

function tripReason(trip: Trip, failures: FailureLog): Reason {
  if (trip.kind === 'consecutive') return reason('EJECTED_CONSECUTIVE_FAILURES', `${trip.failures} in a row (${failures.all()})`);
  return reason('EJECTED_SUCCESS_RATE', `${trip.successes} of ${trip.total} succeeded (${failures.all()})`);
}
