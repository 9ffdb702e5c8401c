// One end of a two-sided session of ours: sends bodies whose octets are known, holds or grants what comes, and accounts for all of it.
import type { Field } from '../../packages/http/src/field/field.ts';
import { FieldTable } from '../../packages/http/src/field/table.ts';
import type { Http2Handler } from '../../packages/http/src/h2/handler.ts';
import { Http2Session, type Http2SessionOptions } from '../../packages/http/src/h2/session.ts';
import type { Http2Stream } from '../../packages/http/src/h2/stream.ts';
import { fieldsOf, GET, type Pairs, POST } from '../../packages/http/test/h2/frames.ts';
import { ManualTime } from '../../packages/http/test/h2/sessions.ts';
import { BodyCheck, octetsOf } from './octets.ts';
import { hold } from './target.ts';

/** One stream as this end knows it. */
export interface Side {
  readonly stream: Http2Stream<Side>;
  readonly check: BodyCheck;
  sent: number;
  held: number;
  /** This end has said, or wants to say after what waits, that it ends. */
  finished: boolean;
  answered: boolean;
  /** The peer's body came to its end, with or without trailers. */
  whole: boolean;
  reset: boolean;
  closed: boolean;
}

export type Role = 'client' | 'server';
export type EndOptions = Partial<Omit<Http2SessionOptions<Side>, 'role' | 'handler'>>;

export class SessionEnd implements Http2Handler<Side> {
  readonly session: Http2Session<Side>;
  readonly sides: Side[] = [];
  /** Keep what comes instead of granting it at once. */
  holds = false;
  failure: string | undefined;
  finished = 0;
  interim = 0;

  constructor(role: Role, options: EndOptions) {
    this.session = new Http2Session<Side>({ role, handler: this, fields: new FieldTable({ maxFields: 32 }), clock: new ManualTime(), ...options });
  }

  /** Opens one as a client, if it can. */
  open(extra: Pairs, ends: boolean): void {
    const stream = this.session.openStream(fieldsOf([...(ends ? GET : POST), ...extra]), ends, null as unknown as Side);
    if (stream === null) return;
    const side = this.add(stream);
    side.answered = true;
    side.finished = ends;
  }

  answer(side: Side, extra: Pairs): void {
    if (side.answered || side.reset) return;
    side.answered = true;
    this.session.writeHeaders(side.stream, fieldsOf([[':status', '200'], ...extra]), false);
  }

  informational(side: Side): void {
    if (side.answered || side.reset) return;
    this.session.writeHeaders(
      side.stream,
      fieldsOf([
        [':status', '103'],
        ['link', 'a'],
      ]),
      false,
    );
  }

  write(side: Side, bytes: number, ends: boolean, trailers: boolean): void {
    if (side.finished || side.reset || !side.answered) return;
    side.finished = ends;
    if (bytes > 0 || (ends && !trailers)) this.session.writeData(side.stream, octetsOf(side.stream.id, side.sent, bytes), 0, bytes, ends && !trailers);
    side.sent += bytes;
    if (ends && trailers) this.session.writeTrailers(side.stream, fieldsOf([['x-sum', String(side.sent)]]));
  }

  grant(side: Side, bytes: number): void {
    const granted = Math.min(bytes, side.held);
    side.held -= granted;
    this.session.grantCredit(side.stream, granted);
  }

  resetStream(side: Side, code: number): void {
    if (side.closed) return;
    side.reset = true;
    this.session.resetStream(side.stream, code);
  }

  /** What the session has to say. */
  output(): Buffer {
    const parts: Buffer[] = [];
    for (let part = this.session.takeOutput(); part !== null; part = this.session.takeOutput()) parts.push(part);
    return Buffer.concat(parts);
  }

  onHeaders(stream: Http2Stream<Side>, fields: Field[], endStream: boolean): void {
    const side = stream.context ?? this.add(stream);
    hold(fields[0]?.name.startsWith(':') === true, 'a head begins without pseudo-header field');
    side.whole = endStream;
  }

  onInformational(): void {
    this.interim += 1;
  }

  onHeadersTooLarge(): void {
    hold(false, 'a small head is too large');
  }

  onData(stream: Http2Stream<Side>, bytes: Buffer, start: number, end: number, endStream: boolean): void {
    const side = sideOf(stream);
    hold(!side.whole && !side.closed, 'data after the end');
    hold(side.check.take(bytes.subarray(start, end)), `stream ${stream.id}: other octets at ${side.check.bytes - (end - start)}`);
    side.whole = endStream;
    side.held += end - start;
    if (!this.holds) this.grant(side, side.held);
  }

  onTrailers(stream: Http2Stream<Side>, fields: Field[]): void {
    const side = sideOf(stream);
    hold(!side.whole, 'a second end');
    hold(fields[0]?.value === String(side.check.bytes), `trailers after ${side.check.bytes} bytes say ${fields[0]?.value}`);
    side.whole = true;
  }

  onReset(stream: Http2Stream<Side>): void {
    sideOf(stream).reset = true;
  }

  onSent(): void {
    // Octets are made when they are wanted.
  }

  onClosed(stream: Http2Stream<Side>): void {
    const side = sideOf(stream);
    hold(!side.closed, 'a stream is closed twice');
    side.closed = true;
    hold(side.reset || (side.whole && side.finished), 'a stream is closed before its ends');
  }

  onSettings(): void {
    // Whether a stream can be opened is asked each time.
  }

  onGoaway(_lastId: number, code: number, debug: string): void {
    if (code !== 0) this.failure ??= `the peer fails with ${code} ${debug}`;
  }

  onFinished(): void {
    this.finished += 1;
  }

  onFailed(error: Error): void {
    this.failure ??= error.message;
  }

  private add(stream: Http2Stream<Side>): Side {
    const check = new BodyCheck(stream.id);
    const side: Side = { stream, check, sent: 0, held: 0, finished: false, answered: false, whole: false, reset: false, closed: false };
    stream.context = side;
    this.sides.push(side);
    return side;
  }
}

function sideOf(stream: Http2Stream<Side>): Side {
  hold(stream.context !== null, 'a stream without context');
  return stream.context;
}
