// Whether what a try came to is tried again, for one request: by the policy of its route, or by the budget of its ServiceProfile.
// spec/proxy.md §7.6, §7.7.
import {
  type Backoff,
  exponentialBackoff,
  isRetryable,
  type Millis,
  parseGrpcStatus,
  type Random,
  type ResponseClass,
  type ResponseClassifier,
  type RetryPolicy,
  type RetryTokens,
} from '@weft/core';
import { type FieldList, field, type ResponseHead, type Verdict } from '@weft/http';
import type { BudgetMeter, PolicyMeter } from './retry-metrics.ts';

/** Asked once for the result of each try, and told what came of it. */
export interface Retries {
  readonly maxBodyBytes: number;
  /** How long the next try may take to its response head. */
  readonly headMs: Millis | undefined;
  judge(head: ResponseHead): Verdict;
  judgeTrailers(head: ResponseHead, trailers: FieldList | undefined): Exclude<Verdict, 'peek'>;
  /** An answer of this proxy in place of the endpoint's. */
  retriesAnswer(status: number, headers: FieldList): boolean;
  /** No answer at all. `transient`: another try may find it otherwise. */
  retriesError(transient: boolean): boolean;
  /** The request could not have been sent again, so that nobody asked. */
  unasked(): void;
  /** Before the next try. */
  waitMs(): Millis;
  started(): void;
  /** Nobody was there for another try. */
  overflowed(): void;
}

export class PolicyRetries implements Retries {
  readonly maxBodyBytes: number;
  readonly #policy: RetryPolicy;
  readonly #meter: PolicyMeter;
  readonly #backoff: Backoff | undefined;
  #tries = 1;

  constructor(policy: RetryPolicy, meter: PolicyMeter, random: Random) {
    this.#policy = policy;
    this.#meter = meter;
    this.maxBodyBytes = policy.maxBodyBytes;
    this.#backoff = policy.backoff && exponentialBackoff({ ...policy.backoff, random });
  }

  /** The last try takes the time that it takes: nothing is to be decided any more. */
  get headMs(): Millis | undefined {
    return this.#tries === 1 || this.#tries <= this.#policy.maxRetries ? this.#policy.timeoutMs : undefined;
  }

  judge(head: ResponseHead): Verdict {
    const code = parseGrpcStatus(field(head.headers, 'grpc-status'));
    // Only responses of HTTP/2 are waited for.
    if (this.#policy.codes && code === undefined && head.version === '2' && !isRetryable(this.#policy, head.status, undefined)) return 'peek';
    return this.#verdict(isRetryable(this.#policy, head.status, code));
  }

  judgeTrailers(head: ResponseHead, trailers: FieldList | undefined): Exclude<Verdict, 'peek'> {
    return this.#verdict(isRetryable(this.#policy, head.status, trailers && parseGrpcStatus(field(trailers, 'grpc-status'))));
  }

  retriesAnswer(status: number, headers: FieldList): boolean {
    return this.#verdict(isRetryable(this.#policy, status, parseGrpcStatus(field(headers, 'grpc-status')))) === 'retry';
  }

  retriesError(transient: boolean): boolean {
    return transient && this.#mayGoOn();
  }

  unasked(): void {
    // Counts neither way.
  }

  waitMs(): Millis {
    return this.#backoff?.next() ?? 0;
  }

  started(): void {
    this.#tries += 1;
    this.#meter.requests.inc();
  }

  overflowed(): void {
    this.#meter.overflow.inc();
  }

  #verdict(retryable: boolean): 'relay' | 'retry' {
    if (retryable) return this.#mayGoOn() ? 'retry' : 'relay';
    if (this.#tries > 1) this.#meter.successes.inc();
    return 'relay';
  }

  #mayGoOn(): boolean {
    if (this.#tries <= this.#policy.maxRetries) return true;
    this.#meter.limitExceeded.inc();
    return false;
  }
}

/** Bytes that are kept of a request of a ServiceProfile. */
const PROFILE_BODY_BYTES = 64 * 1024;

/** Bounded by the budget alone, without waiting. */
export class BudgetRetries implements Retries {
  readonly maxBodyBytes = PROFILE_BODY_BYTES;
  readonly headMs = undefined;
  readonly #tokens: RetryTokens;
  readonly #classifier: ResponseClassifier;
  readonly #meter: BudgetMeter;

  constructor(tokens: RetryTokens, classifier: ResponseClassifier, meter: BudgetMeter) {
    this.#tokens = tokens;
    this.#classifier = classifier;
    this.#meter = meter;
  }

  judge(head: ResponseHead): Verdict {
    const known = this.#classifier.head(head.status, head.headers, field);
    if (!known && head.version === '2') return 'peek';
    return this.#verdict(known ?? this.#classifier.end<FieldList>(head.status, undefined, field));
  }

  judgeTrailers(head: ResponseHead, trailers: FieldList | undefined): Exclude<Verdict, 'peek'> {
    return this.#verdict(this.#classifier.end(head.status, trailers, field));
  }

  retriesAnswer(status: number, headers: FieldList): boolean {
    return this.#verdict(this.#classifier.head(status, headers, field) ?? this.#classifier.end(status, headers, field)) === 'retry';
  }

  retriesError(): boolean {
    this.#tokens.deposit();
    return false;
  }

  unasked(): void {
    this.#tokens.deposit();
  }

  waitMs(): Millis {
    return 0;
  }

  started(): void {
    // Counted when it was paid for.
  }

  overflowed(): void {
    // Its metrics know nothing of it.
  }

  #verdict({ failure }: ResponseClass): 'relay' | 'retry' {
    if (!failure) {
      this.#tokens.deposit();
      return 'relay';
    }
    this.#meter.retryable.inc();
    if (this.#tokens.withdraw()) return 'retry';
    this.#meter.noBudget.inc();
    return 'relay';
  }
}
