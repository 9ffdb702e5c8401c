// Bytes of an HTTP/1 connection that was switched, as the bodies of a CONNECT over HTTP/2 (RFC 9113 §8.5, RFC 8441 §5). Each direction
// ends on its own.
import type { FieldList } from '../exchange/head.ts';
import { ErrorCode } from '../h2/protocol.ts';
import type { Call, CallEnd } from './ends.ts';
import type { Wire } from './wire.ts';
import type { WireOwner } from './wire-owner.ts';

const NO_TRAILERS: FieldList = [];
/** Bytes that may wait for the client before the upstream is not read on. */
const MAX_OUTSTANDING = 32 * 1024;

export interface ByteCallOptions {
  readonly call: Call;
  readonly wire: Wire;
  /** Told once, when the connection is closed. */
  readonly closed: () => void;
}

export class ByteCall implements CallEnd, WireOwner {
  readonly crowded = false;
  private readonly wire: Wire;
  private readonly closed: () => void;
  private call: Call | null;
  private outstanding = 0;
  private owed = 0;
  private upEnded = false;
  private downEnded = false;

  constructor({ call, wire, closed }: ByteCallOptions) {
    this.call = call;
    this.wire = wire;
    this.closed = closed;
    wire.owner = this;
    wire.beTunnel();
  }

  /** Bytes that were read beyond the head; then as they come. */
  start(rest: Buffer | null): void {
    if (rest !== null) this.wireData(rest);
    if (this.wire.closed) this.wireClosed();
    else if (this.wire.ended) this.wireEnd();
    else if (this.outstanding <= MAX_OUTSTANDING) this.wire.resume();
  }

  data(chunk: Buffer, last: boolean): void {
    const { wire } = this;
    if (!wire.writable) this.call?.accepted(chunk.length);
    else {
      wire.bytes(chunk);
      if (wire.congested) this.owed += chunk.length;
      else this.call?.accepted(chunk.length);
    }
    if (last) this.finish();
  }

  finish(): void {
    this.upEnded = true;
    this.wire.end();
    this.settle();
  }

  reset(): void {
    this.call = null;
    this.wire.abort();
  }

  credit(bytes: number): void {
    this.outstanding = Math.max(0, this.outstanding - bytes);
    if (this.outstanding <= MAX_OUTSTANDING) this.wire.resume();
  }

  release(): void {
    // The connection closes by itself.
  }

  wireData(chunk: Buffer): void {
    if (this.call === null) return;
    this.outstanding += chunk.length;
    this.call.responseData(chunk, false);
    if (this.outstanding > MAX_OUTSTANDING) this.wire.pause();
  }

  wireEnd(): void {
    if (this.downEnded) return;
    this.downEnded = true;
    this.call?.responseEnd(NO_TRAILERS);
    this.settle();
  }

  wireDrained(): void {
    const { owed } = this;
    this.owed = 0;
    if (owed > 0) this.call?.accepted(owed);
  }

  wireClosed(): void {
    const { call } = this;
    this.call = null;
    // RFC 9113 §8.5: what breaks the connection breaks the stream, with a code of its own.
    if (!(this.upEnded && this.downEnded)) call?.failed({ kind: 'reset', code: ErrorCode.connectError });
    this.closed();
  }

  private settle(): void {
    if (!this.upEnded || !this.downEnded) return;
    this.call = null;
    const { link } = this.wire;
    if (link.writableFinished) link.destroy();
    else link.once('finish', () => link.destroy());
  }
}
