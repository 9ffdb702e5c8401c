// The client's end of an HTTP/2 exchange.
import type { FieldList, ResponseHead } from '../exchange/head.ts';
import { ErrorCode } from '../h2/protocol.ts';
import type { Http2Stream } from '../h2/stream.ts';
import type { ClientEnd, Origin } from './ends.ts';
import type { WeftExchange } from './exchange.ts';
import type { StreamSender } from './h2-connection.ts';
import { responseToFields, trailersToFields } from './h2-heads.ts';
import type { H2ServerConnection } from './serve-h2.ts';
import type { TunnelEnd } from './tunnel.ts';

export class H2ServerStream implements ClientEnd, StreamSender {
  exchange: WeftExchange | null = null;
  private readonly connection: H2ServerConnection;
  private readonly stream: Http2Stream<H2ServerStream>;
  private readonly isHead: boolean;
  private ended = false;
  private stopping = false;

  constructor(connection: H2ServerConnection, stream: Http2Stream<H2ServerStream>, isHead: boolean) {
    this.connection = connection;
    this.stream = stream;
    this.isHead = isHead;
  }

  informational(head: ResponseHead): void {
    if (head.status === 101) return;
    this.write(head, false, null);
  }

  respond(head: ResponseHead, ended: boolean, origin: Origin): void {
    if (head.status < 200 || head.status > 999) {
      this.reset(ErrorCode.internalError);
      return;
    }
    const last = ended || this.isHead || head.status === 204 || head.status === 304;
    this.ended = last;
    this.write(head, last, origin);
  }

  data(chunk: Buffer, last: boolean): void {
    if (this.ended) {
      this.passedOn(chunk.length);
      return;
    }
    this.ended = last;
    this.connection.send(this.stream, this, chunk, last);
    if (last) this.stopIfAnswered();
  }

  finish(trailers: FieldList): void {
    if (this.ended) return;
    this.ended = true;
    const { connection, stream } = this;
    if (trailers.length === 0) connection.session.writeData(stream, EMPTY, 0, 0, true);
    else connection.session.writeTrailers(stream, trailersToFields(connection.shared.fields, trailers));
    connection.wire.touch();
    this.stopIfAnswered();
  }

  tunnel(): TunnelEnd {
    throw new Error('http/2 requests are no upgrades');
  }

  reset(code: number): void {
    this.ended = true;
    this.connection.session.resetStream(this.stream, code);
    this.connection.wire.touch();
  }

  stopRequest(): void {
    this.stopping = true;
    this.stopIfAnswered();
  }

  /**
   * RFC 9113 §8.1, when all of the response was written: not along with its end, from which Node's client on a stream that is no socket would
   * not recover.
   */
  stopIfAnswered(): void {
    if (!this.stopping || !this.stream.localEnded) return;
    this.stopping = false;
    setImmediate(afterFlush, this);
  }

  closeAfter(): void {
    this.connection.drain();
  }

  credit(bytes: number): void {
    this.connection.session.grantCredit(this.stream, bytes);
    this.connection.wire.touch();
  }

  passedOn(bytes: number): void {
    this.exchange?.clientAccepted(bytes);
  }

  /** Answers in place of an exchange. */
  refuse(status: number, text: string): void {
    const body = Buffer.from(text, 'latin1');
    this.stopRequest();
    this.write({ status, version: '2', headers: ['content-length', String(body.length)] }, false, null);
    this.data(body, true);
  }

  private write(head: ResponseHead, last: boolean, origin: Origin): void {
    const { session, shared, wire } = this.connection;
    session.writeHeaders(this.stream, responseToFields(shared.fields, head, origin), last);
    wire.touch();
    if (last) this.stopIfAnswered();
  }
}

function afterFlush(stream: H2ServerStream): void {
  setImmediate(stop, stream);
}

function stop(stream: H2ServerStream): void {
  stream.reset(ErrorCode.noError);
}

const EMPTY: Buffer = Buffer.alloc(0);
