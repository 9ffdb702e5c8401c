// Header blocks of the peer: which message each belongs to and whether it may stand there. RFC 9113 §5.1.1, §6.2, §8.1.
import type { Field } from '../field/field.ts';
import { HpackError } from '../hpack/hpack-error.ts';
import type { Connection } from './connection.ts';
import { type HeadFacts, readRequest, readResponse, readTrailers } from './head-rules.ts';
import { HeaderBlock } from './header-block.ts';
import { Http2Error } from './http2-error.ts';
import { ErrorCode, Flag } from './protocol.ts';
import type { Http2Stream } from './stream.ts';

const PRIORITY_BYTES = 5;

export class HeadReceiver<C> {
  /** A block that is not complete: only its continuation may come. */
  readonly block: HeaderBlock;
  private readonly connection: Connection<C>;
  private readonly facts: HeadFacts = { contentLength: -1, status: 0 };

  constructor(connection: Connection<C>) {
    this.connection = connection;
    this.block = new HeaderBlock(connection.limits);
  }

  /** Whether a stream was never opened, by nobody. */
  idle(id: number): boolean {
    return id > this.connection.lastId || id % 2 === 0;
  }

  /** A HEADERS frame. */
  headers(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0) throw new Http2Error(ErrorCode.protocolError, 'HEADERS on stream 0');
    let from = start;
    let to = end;
    if ((flags & Flag.padded) !== 0) {
      if (start === end) throw new Http2Error(ErrorCode.frameSizeError, 'a padded frame without pad length');
      to = end - (bytes[from++] as number);
    }
    if ((flags & Flag.priority) !== 0) from += PRIORITY_BYTES;
    if (from > to) throw new Http2Error(ErrorCode.protocolError, 'padding longer than its frame');
    const endStream = (flags & Flag.endStream) !== 0;
    if ((flags & Flag.endHeaders) !== 0) this.whole(id, endStream, bytes, from, to);
    else this.block.begin(id, endStream, bytes, from, to);
  }

  /** A CONTINUATION frame of the open block. */
  continuation(flags: number, bytes: Buffer, start: number, end: number): void {
    const { block } = this;
    block.add(bytes, start, end);
    if ((flags & Flag.endHeaders) === 0) return;
    const id = block.streamId;
    const whole = block.finish();
    this.whole(id, block.endStream, whole, 0, whole.length);
  }

  private whole(id: number, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    const { connection } = this;
    const fields = this.decode(bytes, start, end);
    const stream = connection.streams.get(id);
    if (stream === undefined) this.withoutStream(id, fields, endStream);
    else if (stream.remoteEnded) connection.streamError(stream, ErrorCode.streamClosed);
    else if (stream.phase === 'head') this.response(stream, fields, endStream);
    else this.trailers(stream, fields, endStream);
  }

  private decode(bytes: Buffer, start: number, end: number): Field[] {
    try {
      return this.connection.decoder.decode(bytes, start, end);
    } catch (error) {
      if (error instanceof HpackError) throw new Http2Error(ErrorCode.compressionError, error.message);
      throw error;
    }
  }

  private withoutStream(id: number, fields: Field[], endStream: boolean): void {
    const { connection } = this;
    if (this.idle(id)) {
      if (connection.role === 'client' || id % 2 === 0) throw new Http2Error(ErrorCode.protocolError, `HEADERS on idle stream ${id}`);
      return this.request(id, fields, endStream);
    }
    const how = connection.closedStreams.how(id);
    if (how === 'ended') throw new Http2Error(ErrorCode.streamClosed, `HEADERS on closed stream ${id}`);
    if (how === 'skipped') throw new Http2Error(ErrorCode.protocolError, `stream ${id} after stream ${connection.lastId}`);
  }

  private request(id: number, fields: Field[], endStream: boolean): void {
    const { connection, facts } = this;
    const { excess } = connection.decoder;
    const { limits, local } = connection;
    if (id > connection.acceptedId) {
      connection.lastId = id;
      return connection.closedStreams.reset(id);
    }
    let fault = excess === null ? readRequest(fields, local.enableConnectProtocol === true, facts) : null;
    if (fault === null && excess === null && endStream && facts.contentLength > 0) fault = 'a content-length without content';
    if (fault !== null || connection.streams.size >= limits.maxConcurrentStreams) {
      connection.lastId = id;
      return connection.refuse(id, fault === null ? ErrorCode.refusedStream : ErrorCode.protocolError);
    }
    const stream = connection.addStream(id, null);
    stream.phase = 'trailers';
    stream.remoteEnded = endStream;
    if (excess === null) {
      stream.expectedBytes = facts.contentLength;
      connection.handler.onHeaders(stream, fields, endStream);
    } else connection.handler.onHeadersTooLarge(stream, excess, endStream);
    connection.settle(stream);
  }

  private response(stream: Http2Stream<C>, fields: Field[], endStream: boolean): void {
    const { connection, facts } = this;
    if (connection.decoder.excess !== null || readResponse(fields, facts) !== null) return connection.streamError(stream, ErrorCode.protocolError);
    if (facts.status < 200) {
      if (endStream) return connection.streamError(stream, ErrorCode.protocolError);
      return connection.handler.onInformational(stream, facts.status, fields);
    }
    stream.phase = 'trailers';
    stream.expectedBytes = stream.bodyless || facts.status === 204 || facts.status === 304 ? 0 : facts.contentLength;
    if (endStream && stream.expectedBytes > 0) return connection.streamError(stream, ErrorCode.protocolError);
    stream.remoteEnded = endStream;
    connection.handler.onHeaders(stream, fields, endStream);
    connection.settle(stream);
  }

  private trailers(stream: Http2Stream<C>, fields: Field[], endStream: boolean): void {
    const { connection } = this;
    const whole = stream.expectedBytes < 0 || stream.receivedBytes === stream.expectedBytes;
    if (!endStream || !whole || connection.decoder.excess !== null || readTrailers(fields) !== null) {
      return connection.streamError(stream, ErrorCode.protocolError);
    }
    stream.remoteEnded = true;
    connection.handler.onTrailers(stream, fields);
    connection.settle(stream);
  }
}
