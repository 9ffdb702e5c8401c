// The body of a request, kept so that it can be sent again (spec/proxy.md §7.6); meanwhile also what waits for an upstream.
import type { ExchangeObserver } from '../exchange/engine.ts';
import type { CallEnd } from './ends.ts';

/** Smaller pieces are copied, lest they keep a large buffer alive. */
const COMPACT_BYTES = 4096;

/** Whose body it is. */
interface Sender {
  readonly observer: ExchangeObserver | null;
  /** Where the body goes now. */
  readonly call: CallEnd | null;
}

export class ReplayBuffer {
  /** It was too long to be kept, and a part of it has gone to an upstream: it cannot be sent again. */
  lost = false;
  private pieces: Buffer[] = [];
  private readonly maxBytes: number;
  private bytes = 0;
  /** Taken by the upstream of now; the most that any upstream took, which the client was told. */
  private taken = 0;
  private credited = 0;

  /** `held`: what has come already. */
  constructor(maxBytes: number, held: readonly Buffer[] | null) {
    this.maxBytes = maxBytes;
    for (const chunk of held ?? []) this.add(chunk);
  }

  add(chunk: Buffer): void {
    if (this.lost) return;
    this.bytes += chunk.length;
    this.pieces.push(chunk.length < COMPACT_BYTES ? Buffer.from(chunk) : chunk);
  }

  /** All that was added has gone to an upstream: what is too long is let go of. */
  passed(): void {
    if (this.bytes > this.maxBytes) this.drop();
  }

  drop(): void {
    this.lost = true;
    this.pieces = [];
  }

  /** Sends all there is, from the first byte on, for as long as `end` is where the body goes. Whether there was anything. */
  sendTo(end: CallEnd, sender: Sender): boolean {
    this.taken = 0;
    const { pieces } = this;
    for (const piece of pieces) {
      if (sender.call !== end) return true;
      sender.observer?.requestData?.(piece.length);
      end.data(piece, false);
    }
    this.passed();
    return pieces.length > 0;
  }

  /** So many bytes more were taken by an upstream: for how many of them the client has not been given room yet. */
  creditFor(bytes: number): number {
    this.taken += bytes;
    const due = Math.max(0, this.taken - this.credited);
    this.credited += due;
    return due;
  }
}
