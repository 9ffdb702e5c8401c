// One try of an exchange that may be tried again: what it answers is held until it is decided whether the client gets it (spec/proxy.md §7.6).
import type { ExchangeOutcome, ForwardFailure, RetryRules } from '../exchange/engine.ts';
import type { FieldList, RequestHead, ResponseHead } from '../exchange/head.ts';
import { ErrorCode } from '../h2/protocol.ts';
import type { Translation } from '../translate/translate.ts';
import type { Call, CallEnd, Origin } from './ends.ts';
import type { WeftExchange } from './exchange.ts';
import type { TunnelEnd } from './tunnel.ts';

/** Nothing of a response has come. */
const WAITING = 0;
/** The head came; trailers may decide. */
const PEEKING = 1;
const HELD = 2;
const RELAYING = 3;

const NO_TRAILERS: FieldList = [];
const COMPLETE: ExchangeOutcome = { kind: 'complete' };
/** How many pieces of a body may come before the trailers that are still looked at. */
const PEEKED_PIECES = 1;

interface Held {
  readonly head: ResponseHead;
  readonly origin: Origin;
  /** As many as flow control lets in while nothing is passed on. */
  readonly pieces: Buffer[];
  /** Null until the response has ended. */
  trailers: FieldList | null;
  /** It broke. */
  failure: ForwardFailure | null;
}

export class Attempt implements Call {
  readonly head: RequestHead;
  readonly origin: Origin;
  readonly hasBody: boolean;
  readonly oneOff: boolean;
  readonly bytes = null;
  over = false;
  private readonly exchange: WeftExchange;
  private readonly rules: RetryRules | undefined;
  private readonly restore: Translation['restore'];
  private phase = WAITING;
  private held: Held | null = null;

  /** Without rules everything is relayed. */
  constructor(exchange: WeftExchange, translation: Translation, rules: RetryRules | undefined) {
    this.exchange = exchange;
    this.head = translation.head;
    this.origin = exchange.origin;
    this.hasBody = exchange.hasBody;
    this.oneOff = translation.oneOff;
    this.restore = translation.restore;
    this.rules = rules;
  }

  get replayable(): boolean {
    return this.exchange.replayable;
  }

  /** Hands what is held, and all that follows, to the client. */
  relay(): void {
    const { held, exchange } = this;
    if (held === null || this.over) return;
    this.held = null;
    this.phase = RELAYING;
    const { pieces, trailers, failure } = held;
    const whole = trailers !== null && failure === null;
    exchange.relayHead(held.head, whole && pieces.length === 0 && trailers.length === 0, held.origin);
    for (const [i, piece] of pieces.entries()) exchange.relayData(piece, whole && trailers.length === 0 && i === pieces.length - 1);
    if (whole && trailers.length > 0) exchange.relayEnd(trailers);
    if (failure !== null) exchange.failed(failure);
  }

  bound(end: CallEnd): void {
    if (this.over) end.reset(ErrorCode.cancel);
    else this.exchange.bound(end);
  }

  unbound(): void {
    this.exchange.unbound();
  }

  informational(head: ResponseHead): void {
    if (!this.over) this.exchange.informational(head);
  }

  response(head: ResponseHead, ended: boolean, origin: Origin): void {
    if (this.over) return;
    const { exchange, rules } = this;
    this.restore(head);
    exchange.observer?.head?.(head);
    const verdict = rules === undefined || !exchange.decidable ? 'relay' : rules.judge(head);
    if (verdict === 'relay') {
      this.phase = RELAYING;
      exchange.relayHead(head, ended, origin);
      if (ended) exchange.tell(COMPLETE);
      return;
    }
    this.held = { head, origin, pieces: [], trailers: ended ? NO_TRAILERS : null, failure: null };
    if (ended) exchange.answered();
    if (verdict === 'retry') this.hold();
    else if (ended) this.decide(undefined);
    else this.phase = PEEKING;
  }

  responseData(chunk: Buffer, last: boolean): void {
    if (this.over) return;
    const { exchange, held } = this;
    if (held === null) {
      exchange.responseData(chunk, last);
      return;
    }
    if (chunk.length > 0) exchange.observer?.data?.(chunk.length);
    held.pieces.push(chunk);
    if (last) this.ended(held, NO_TRAILERS);
    if (this.phase !== PEEKING) return;
    if (last || held.pieces.length > PEEKED_PIECES) this.decide(undefined);
    else setImmediate(stopPeeking, this);
  }

  responseEnd(trailers: FieldList): void {
    if (this.over) return;
    const { exchange, held } = this;
    if (held === null) {
      exchange.responseEnd(trailers);
      return;
    }
    if (trailers.length > 0) exchange.observer?.trailers?.(trailers);
    this.ended(held, trailers);
    if (this.phase === PEEKING) this.decide(trailers);
  }

  tunnelled(head: ResponseHead, end: TunnelEnd): void {
    if (this.over) return;
    this.restore(head);
    this.exchange.tunnelled(head, end);
  }

  accepted(bytes: number): void {
    if (!this.over) this.exchange.accepted(bytes);
  }

  unwanted(): void {
    if (!this.over) this.exchange.unwanted();
  }

  failed(failure: ForwardFailure): void {
    if (this.over) return;
    const { exchange, held } = this;
    if (held === null) {
      this.over = true;
      exchange.failed(failure);
      return;
    }
    held.failure = failure;
    exchange.broken(failure);
    if (this.phase === PEEKING) this.decide(undefined);
  }

  /** What can be known in time is known. */
  stopPeeking(): void {
    if (!this.over && this.phase === PEEKING) this.decide(undefined);
  }

  /** The pipeline decides what becomes of it. */
  tellHeld(): void {
    if (!this.over && this.phase === HELD) this.rules?.held(this.exchange);
  }

  private ended(held: Held, trailers: FieldList): void {
    held.trailers = trailers;
    this.exchange.answered();
  }

  private decide(trailers: FieldList | undefined): void {
    const { held, rules } = this;
    if (held === null || rules === undefined) return;
    if (rules.judgeTrailers(held.head, trailers) === 'retry') this.hold();
    else this.relay();
  }

  private hold(): void {
    this.phase = HELD;
    setImmediate(tellHeld, this);
  }
}

function stopPeeking(attempt: Attempt): void {
  attempt.stopPeeking();
}

function tellHeld(attempt: Attempt): void {
  attempt.tellHeld();
}
