// The body of a request until it is with an upstream: held for the first one, kept so that another can have it, read whole for who answers
// by itself, or dropped.
import type { ExchangeObserver } from '../exchange/engine.ts';
import type { FieldList } from '../exchange/head.ts';
import type { CallEnd, ClientEnd } from './ends.ts';
import { ReplayBuffer } from './replay-buffer.ts';

/** The exchange that it is a part of. */
export interface BodyOwner {
  readonly client: ClientEnd;
  readonly observer: ExchangeObserver | null;
  /** Where the body goes now. */
  readonly call: CallEnd | null;
  readonly gone: boolean;
  /** The last of it went to the upstream. */
  requestSent(): void;
}

const NO_TRAILERS: FieldList = [];
const NOTHING: Buffer = Buffer.alloc(0);

export class RequestBody {
  /** All of it came, or no more of it is wanted. */
  ended: boolean;
  /** A part of it, or its end, has gone to an upstream. */
  touched = false;
  private readonly owner: BodyOwner;
  private readonly empty: boolean;
  /** What came before a connection for it. */
  private held: Buffer[] | null = null;
  /** Keeps it instead, where the exchange may be tried again. */
  private replay: ReplayBuffer | null = null;
  /** Null until it has ended. */
  private trailers: FieldList | null = null;
  private reader: { readonly maxBytes: number; readonly resolve: (body: Buffer | undefined) => void } | null = null;
  /** What is left of it goes nowhere. */
  dropping = false;

  constructor(owner: BodyOwner, empty: boolean) {
    this.owner = owner;
    this.empty = empty;
    this.ended = empty;
  }

  /** It is kept as a whole. */
  get kept(): boolean {
    return this.replay !== null && !this.replay.lost;
  }

  /** It is, or was once, to be kept as a whole. */
  get repeats(): boolean {
    return this.replay !== null;
  }

  get replayable(): boolean {
    return !this.touched || this.kept;
  }

  /** `last`: it is complete, without trailers; `end` does not come. */
  data(chunk: Buffer, last: boolean): void {
    const { owner, replay } = this;
    if (last) this.complete(NO_TRAILERS);
    if (this.dropping) {
      owner.client.credit(chunk.length);
      return;
    }
    if (replay !== null) replay.add(chunk);
    if (owner.call !== null) this.pass(owner.call, chunk, last);
    else if (replay === null) {
      (this.held ??= []).push(chunk);
      this.read();
    }
  }

  end(trailers: FieldList): void {
    this.complete(trailers);
    if (this.dropping) return;
    const { call } = this.owner;
    if (call !== null) this.finish(call, trailers);
    else this.read();
  }

  /** Sends what there is to an upstream, from the first byte on; what follows goes there as it comes. */
  sendTo(call: CallEnd): void {
    const { owner, held, replay } = this;
    if (replay !== null) {
      if (replay.sendTo(call, owner)) this.touched = true;
    } else if (held !== null) {
      this.held = null;
      this.touched = true;
      for (const chunk of held) {
        owner.observer?.requestData?.(chunk.length);
        call.data(chunk, false);
      }
    }
    if (this.trailers !== null && owner.call === call) this.finish(call, this.trailers);
  }

  /** From now on it can be sent again, unless it turns out longer. */
  keep(maxBytes: number): void {
    this.replay = new ReplayBuffer(maxBytes, this.held);
    this.held = null;
  }

  /** It is not sent again. */
  letGo(): void {
    this.replay?.drop();
  }

  drop(): void {
    this.dropping = true;
    this.held = null;
    this.replay?.drop();
    this.read();
    if (!this.empty && !this.owner.gone) this.owner.client.credit(Number.MAX_SAFE_INTEGER);
  }

  /** No more of it is wanted: it counts as ended. */
  refuse(): void {
    this.ended = true;
    this.drop();
  }

  /** So many bytes were taken by an upstream: for how many of them the client gets room. */
  creditFor(bytes: number): number {
    return this.replay === null ? bytes : this.replay.creditFor(bytes);
  }

  whole(maxBytes: number): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      this.reader = { maxBytes, resolve };
      this.read();
    });
  }

  private complete(trailers: FieldList): void {
    this.ended = true;
    this.trailers = trailers;
  }

  private pass(call: CallEnd, chunk: Buffer, last: boolean): void {
    const { owner } = this;
    this.touched = true;
    this.replay?.passed();
    owner.observer?.requestData?.(chunk.length);
    if (last) owner.observer?.requestEnd?.();
    call.data(chunk, last);
    if (last) owner.requestSent();
  }

  private finish(call: CallEnd, trailers: FieldList): void {
    this.touched = true;
    this.owner.observer?.requestEnd?.();
    call.finish(trailers);
    this.owner.requestSent();
  }

  /** Tells the reader when it is decided what it gets. */
  private read(): void {
    const { reader, held } = this;
    if (reader === null) return;
    const { gone } = this.owner;
    const bytes = held?.reduce((sum, chunk) => sum + chunk.length, 0) ?? 0;
    const tooLong = bytes > reader.maxBytes;
    if (!this.ended && !gone && !tooLong) return;
    this.reader = null;
    reader.resolve(gone || tooLong ? undefined : held === null ? NOTHING : Buffer.concat(held));
  }
}
