// A request with timeouts or retries, from its route to its end: a try at a time, each at a backend of its own, until one answer is let
// through or its time is over. spec/proxy.md §7.5, §7.6.

import { type Reason, type ReasonCode, type ResponseClass, reason, reasonOf, TIMED_OUT, type Timer, UNCLASSIFIED } from '@weft/core';
import { inRoute, type RoutedRequest } from '@weft/core/route';
import { type Exchange, type FieldList, type ForwardFailure, type ResponseHead, type RetryRules, type Verdict } from '@weft/http';
import { localResponse } from '../../relay/synthesize.ts';
import type { Choice } from '../../route/distribution.ts';
import type { FilterPlan, HeadEdits } from '../../route/filters.ts';
import type { Selected } from '../../route/http-plan.ts';
import type { CallConnection } from '../http-call.ts';
import type { HttpBackend } from '../pool-backend.ts';
import { Attempt } from './attempt.ts';
import { type ClockOwner, StreamClocks, type TimeoutKind } from './stream-clocks.ts';
import type { RequestTries } from './tries.ts';

export interface TriedRequestOptions {
  readonly connection: CallConnection;
  readonly exchange: Exchange;
  /** The request as its route took it. */
  readonly routed: RoutedRequest;
  readonly selected: Selected<HttpBackend>;
  readonly routeEdits: HeadEdits;
  readonly requiredId: string | undefined;
  readonly tries: RequestTries;
}

/** What the client gets if there is no other try. */
type Result = { readonly kind: 'held' } | { readonly kind: 'refused'; readonly why: Reason } | { readonly kind: 'reset'; readonly code: number };

/** RFC 9113 §7. */
const REFUSED_STREAM = 7;
const CANCEL = 8;

/** Another try may find another backend, or this one ready. */
const TRANSIENT: ReadonlySet<ReasonCode> = new Set(['FAILFAST', 'NO_ENDPOINTS', 'NO_READY_ENDPOINT']);
/** Of this proxy, not of an endpoint: they have no status that a policy could name. */
const OWN: ReadonlySet<ReasonCode> = new Set(['LOAD_SHED', 'GATE_SHUT', 'QUEUE_FULL', 'IDENTITY_REQUIRED', 'BACKEND_INVALID', 'POLICY_INVALID', 'DRAINING']);

export class TriedRequest implements RetryRules, ClockOwner {
  readonly maxBodyBytes: number;
  readonly clocks: StreamClocks;
  readonly #options: TriedRequestOptions;
  readonly #authority: string | undefined;
  readonly #headers: FieldList;
  #attempt: Attempt | undefined;
  #tryOver = false;
  #asked = false;
  #relayed = false;
  #over = false;
  #timer: Timer | undefined;
  readonly #startedAt: number;
  /** Of the last try that has one. */
  #sampledAt: number;
  #last: { readonly responseClass: ResponseClass | undefined; readonly status: number | undefined } | undefined;

  /** The in-flight permit is its own from now on. */
  constructor(options: TriedRequestOptions) {
    const { connection, exchange, tries } = options;
    this.#options = options;
    this.maxBodyBytes = tries.retries?.maxBodyBytes ?? 0;
    this.#authority = exchange.request.authority;
    this.#headers = exchange.request.headers.slice();
    this.clocks = new StreamClocks(tries.timeouts, this, connection.clock, connection.tries.deadlines);
    this.#startedAt = connection.clock.now();
    this.#sampledAt = this.#startedAt;
    options.selected.rule.profile?.meters.route.request();
  }

  start({ backend, filters }: Choice<HttpBackend, FilterPlan>): void {
    const { connection, exchange, selected, routeEdits, requiredId, tries } = this.#options;
    const { rule } = selected;
    this.#tryOver = false;
    this.#asked = false;
    this.#attempt = new Attempt(this, { connection, exchange, rule, backend, routeEdits, backendEdits: filters, requiredId }, tries.retries && this);
    backend.submit(this.#attempt);
  }

  // The engine's questions.

  judge(head: ResponseHead): Verdict {
    this.#asked = true;
    return this.#options.tries.retries?.judge(head) ?? 'relay';
  }

  judgeTrailers(head: ResponseHead, trailers: FieldList | undefined): Exclude<Verdict, 'peek'> {
    return this.#options.tries.retries?.judgeTrailers(head, trailers) ?? 'relay';
  }

  held(): void {
    this.#tryAgain({ kind: 'held' });
  }

  // What the try tells.

  tryStarted(): void {
    this.clocks.tryStarted(this.#options.tries.retries?.headMs);
  }

  /** No endpoint took it. */
  refused(why: Reason): void {
    const { exchange, tries } = this.#options;
    if (this.#over) return;
    const retries = tries.retries;
    const again =
      retries !== undefined &&
      (TRANSIENT.has(why.code) || OWN.has(why.code) ? retries.retriesError(TRANSIENT.has(why.code)) : this.#retriesAnswer(why, exchange));
    this.#settle({ kind: 'refused', why: inRoute(why, this.#options.selected.rule) }, again);
  }

  /** The exchange with the endpoint failed. `why`: what the client is told; undefined: the reset is passed on. */
  failed(failure: ForwardFailure, why: Reason | undefined): void {
    const { exchange, tries } = this.#options;
    if (this.#over) return;
    const code = failure.kind === 'reset' ? failure.code : CANCEL;
    const again =
      exchange.repeatable === true &&
      tries.retries !== undefined &&
      (why ? this.#retriesAnswer(why, exchange) : tries.retries.retriesError(code === REFUSED_STREAM));
    this.#settle(why ? { kind: 'refused', why: inRoute(why, this.#options.selected.rule) } : { kind: 'reset', code }, again);
  }

  /** The client gets this answer. */
  relayed(): void {
    const { connection, selected, tries } = this.#options;
    this.#relayed = true;
    if (!this.#asked) tries.retries?.unasked();
    connection.limit.release();
    // The timeout of a ServiceProfile is for the head alone.
    if (selected.rule.profile) this.clocks.liftRequest();
    if (this.#tryOver) this.over();
  }

  /** Bytes have no timeouts. */
  becameTunnel(): void {
    this.clocks.stop();
  }

  sampled(now: number): void {
    this.#sampledAt = now;
  }

  classified(responseClass: ResponseClass | undefined, status: number | undefined): void {
    this.#last = { responseClass, status };
  }

  tryEnded(outcome: { readonly kind: string }): void {
    this.#tryOver = true;
    this.clocks.tryEnded();
    if (this.#relayed || outcome.kind === 'client-gone') this.over();
  }

  /** Nothing more is done for it. */
  over(): void {
    if (this.#over) return;
    this.#over = true;
    this.clocks.stop();
    this.#timer?.cancel();
    this.#count();
    if (!this.#relayed) this.#options.connection.limit.release();
  }

  /** By the route of a ServiceProfile, whatever the number of tries. */
  #count(): void {
    const { profile } = this.#options.selected.rule;
    if (!profile) return;
    // Where no endpoint took it there is no class; a client that went away first has an undefined one.
    const { responseClass, status } = this.#last ?? { responseClass: this.#options.exchange.aborted ? undefined : UNCLASSIFIED, status: undefined };
    if (!responseClass) return;
    if (status !== undefined) profile.meters.route.latency(status, this.#sampledAt - this.#startedAt);
    profile.meters.route.response(status, responseClass);
  }

  expired(kind: TimeoutKind, ms: number): void {
    const { connection, exchange, selected, tries } = this.#options;
    if (this.#over) return;
    if (exchange.aborted) return this.over();
    const why = inRoute(reason(selected.rule.profile ? 'PROFILE_TIMEOUT' : 'RESPONSE_TIMEOUT', `${kind} timeout of ${ms} ms`), selected.rule);
    this.#attempt?.withdraw(TIMED_OUT);
    if (this.#relayed) {
      this.over();
      connection.breakOff(exchange, why);
      return;
    }
    // Also where no endpoint had taken it yet.
    this.#last = { responseClass: TIMED_OUT, status: undefined };
    const again = kind === 'response headers' && exchange.repeatable === true && tries.retries?.retriesError(true) === true;
    // Without that the client gets no answer either.
    if (exchange.abandon) exchange.abandon();
    else exchange.reset(CANCEL);
    this.#settle({ kind: 'refused', why }, again);
  }

  /** Judged as the response that the client would get. */
  #retriesAnswer(why: Reason, exchange: Exchange): boolean {
    const { status, headers } = localResponse(exchange.request, why, false);
    return this.#options.tries.retries?.retriesAnswer(status, headers) === true;
  }

  #settle(result: Result, again: boolean): void {
    if (again) this.#tryAgain(result);
    else this.#finish(result);
  }

  #finish(result: Result): void {
    const { connection, exchange } = this.#options;
    if (result.kind === 'held') {
      exchange.relay?.();
      return;
    }
    this.over();
    if (result.kind === 'refused') connection.refuse(exchange, result.why);
    else exchange.reset(result.code);
  }

  #tryAgain(result: Result): void {
    const { connection, tries } = this.#options;
    const waitMs = tries.retries?.waitMs() ?? 0;
    const go = (): void => this.#next(result);
    // In a turn of its own: what refuses at once would otherwise be asked again from within.
    if (waitMs === 0) setImmediate(go);
    else this.#timer = connection.clock.after(waitMs, go);
  }

  #next(result: Result): void {
    const { connection, exchange, routed, selected, tries } = this.#options;
    const { rule, match } = selected;
    if (this.#over) return;
    if (exchange.aborted) return this.over();
    const choice = rule.distribute();
    if (!choice?.backend.available) {
      tries.retries?.overflowed();
      return this.#finish(result);
    }
    if (result.kind === 'held') exchange.abandon?.();
    tries.retries?.started();
    // What the try before made of it.
    exchange.request.authority = this.#authority;
    exchange.request.headers = this.#headers.slice();
    try {
      const answered = rule.filters.intercept?.(routed, match) ?? choice.filters.intercept?.(routed, match);
      if (answered) return this.#finish({ kind: 'refused', why: answered });
      this.start(choice);
    } catch (error) {
      this.over();
      connection.refuse(exchange, reasonOf(error));
    }
  }
}
