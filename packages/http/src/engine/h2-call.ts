// One request on one stream of an upstream session.
import type { ForwardFailure } from '../exchange/engine.ts';
import type { FieldList } from '../exchange/head.ts';
import type { Http2Stream } from '../h2/stream.ts';
import type { Call, CallEnd } from './ends.ts';
import type { H2ClientConnection } from './h2-client-connection.ts';
import type { StreamSender } from './h2-connection.ts';
import { trailersToFields } from './h2-heads.ts';

export class H2Call implements CallEnd, StreamSender {
  readonly call: Call;
  /** It was tried on a session that went away without taking it. */
  readonly retried: boolean;
  stream: Http2Stream<H2Call> | null = null;
  private readonly connection: H2ClientConnection;
  private over = false;

  constructor(connection: H2ClientConnection, call: Call, retried: boolean) {
    this.connection = connection;
    this.call = call;
    this.retried = retried;
  }

  data(chunk: Buffer, last: boolean): void {
    if (this.stream !== null) this.connection.send(this.stream, this, chunk, last);
  }

  finish(trailers: FieldList): void {
    const { connection, stream } = this;
    if (stream === null) return;
    if (trailers.length === 0) connection.session.writeData(stream, EMPTY, 0, 0, true);
    else connection.session.writeTrailers(stream, trailersToFields(connection.shared.fields, trailers));
    connection.wire.touch();
  }

  reset(code: number): void {
    this.over = true;
    if (this.stream === null) return;
    this.connection.session.resetStream(this.stream, code);
    this.connection.wire.touch();
  }

  credit(bytes: number): void {
    if (this.stream === null) return;
    this.connection.session.grantCredit(this.stream, bytes);
    this.connection.wire.touch();
  }

  /** The peer's connection window must not stay narrower for what a slow client still has to read. */
  release(): void {
    this.credit(Number.MAX_SAFE_INTEGER);
  }

  passedOn(bytes: number): void {
    if (!this.over) this.call.accepted(bytes);
  }

  fail(failure: ForwardFailure): void {
    if (this.over) return;
    this.over = true;
    this.call.failed(failure);
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
