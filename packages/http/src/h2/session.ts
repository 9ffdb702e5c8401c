// An HTTP/2 connection without its transport, as client or as server: octets in, calls of a handler out; calls in, octets out. RFC 9113.
import type { Field } from '../field/field.ts';
import { FieldKind } from '../field/kind.ts';
import { Connection, type ConnectionOptions } from './connection.ts';
import { FrameReader } from './frame-reader.ts';
import { Http2Error } from './http2-error.ts';
import { type KeepAlive, Liveness } from './liveness.ts';
import { ErrorCode, MAX_STREAM_ID } from './protocol.ts';
import { Receiver } from './receiver.ts';
import type { PeerSettings } from './settings.ts';
import type { Http2Stream } from './stream.ts';

export interface Http2SessionOptions<C> extends ConnectionOptions<C> {
  /** PING after silence; needs `tick`. Default: none. */
  readonly keepAlive?: KeepAlive | undefined;
}

/**
 * The transport's duties: give what was read to `receive`, write what `takeOutput` returns after each call into the session, call `tick` now
 * and then, stop reading while too much is unwritten, and tell `disconnected`. Calls for a stream that was reset do nothing.
 */
export class Http2Session<C> {
  private readonly connection: Connection<C>;
  private readonly liveness: Liveness<C>;
  private readonly reader: FrameReader;

  constructor(options: Http2SessionOptions<C>) {
    this.connection = new Connection(options);
    this.liveness = new Liveness(this.connection, options.keepAlive ?? null);
    this.reader = new FrameReader(new Receiver(this.connection, this.liveness), options.role, options.settings?.maxFrameSize);
  }

  /** Octets from the peer. The session keeps no reference to them; the handler may, as `writeData` does. */
  receive(bytes: Buffer): void {
    if (this.connection.ended) return;
    this.liveness.heard = true;
    try {
      this.reader.receive(bytes);
    } catch (error) {
      this.failed(error);
    }
  }

  /** The next octets for the peer, null when there are none. Call until null. */
  takeOutput(): Buffer | null {
    const { output, streams } = this.connection;
    const next = output.take();
    if (next === null && streams.size === 0) output.shrink();
    return next;
  }

  /** Octets that wait to be taken. */
  get outputBytes(): number {
    return this.connection.output.bytes;
  }

  /** Streams that count as open. */
  get openStreams(): number {
    return this.connection.streams.size;
  }

  /** Whether `openStream` would open one now. A client's user queues while it cannot; `onClosed` and `onSettings` say when to look again. */
  get canOpen(): boolean {
    const { connection } = this;
    return connection.streams.size < connection.peer.maxConcurrentStreams && this.usable;
  }

  /** Whether new streams will be possible at all: not failed, not going away. */
  get usable(): boolean {
    const { connection } = this;
    return !connection.ended && !connection.peerGone && connection.drainState === 'open' && connection.lastId < MAX_STREAM_ID - 1;
  }

  get peerSettings(): PeerSettings {
    return this.connection.peer;
  }

  /** Client: sends a request's head. Null if no stream can be opened. */
  openStream(fields: readonly Field[], endStream: boolean, context: C): Http2Stream<C> | null {
    const { connection } = this;
    if (connection.role !== 'client' || !this.canOpen) return null;
    const stream = connection.addStream(connection.lastId === 0 ? 1 : connection.lastId + 2, context);
    stream.bodyless = isHead(fields);
    connection.writeHeaders(stream.id, fields, endStream);
    stream.localEnded = endStream;
    return stream;
  }

  /** Server: sends a response's head, interim or final. Pseudo-header fields first, and no field that HTTP/2 forbids. */
  writeHeaders(stream: Http2Stream<C>, fields: readonly Field[], endStream: boolean): void {
    if (stream.reset || stream.localEnded) return;
    this.connection.writeHeaders(stream.id, fields, endStream);
    this.connection.answered();
    if (endStream) this.ended(stream);
  }

  /**
   * Sends payload `bytes[start, end)`; returns how many octets of it went out at once, `onSent` tells of the rest. Large payloads are referred to
   * until taken and must not change. With `headroom` the nine octets before `start` may be overwritten (they were a frame header).
   */
  writeData(stream: Http2Stream<C>, bytes: Buffer, start: number, end: number, endStream: boolean, headroom = false): number {
    if (stream.reset || stream.localEnded) return 0;
    const sent = this.connection.sendFlow.write(stream, bytes, start, end, endStream, headroom);
    if (endStream && stream.waiting === null) this.ended(stream);
    return sent;
  }

  /** Sends trailers, after whatever payload waits, and ends the stream. */
  writeTrailers(stream: Http2Stream<C>, fields: readonly Field[]): void {
    if (stream.reset || stream.localEnded) return;
    if (stream.waiting !== null) {
      stream.waitingTrailers = fields;
      return;
    }
    this.connection.writeHeaders(stream.id, fields, true);
    this.ended(stream);
  }

  /** Resets a stream, unless it has ended. What waits is dropped, what was not granted counts as granted in any case. */
  resetStream(stream: Http2Stream<C>, code: number): void {
    if (this.connection.ended || stream.reset) return;
    if (stream.closed) this.connection.receiveFlow.release(stream);
    else this.connection.resetStream(stream, code);
  }

  /** So many octets of what `onData` delivered are consumed. To be called for all of them, also after the stream's end. */
  grantCredit(stream: Http2Stream<C>, bytes: number): void {
    if (!stream.reset && !this.connection.ended) this.connection.receiveFlow.grant(stream, bytes);
  }

  /** Takes no new streams and finishes those that are open: GOAWAY, for clients in two steps so that none is lost. RFC 9113 §6.8. */
  drain(): void {
    const { connection } = this;
    if (connection.drainState !== 'open' || connection.ended) return;
    if (connection.role === 'server') {
      connection.drainState = 'announced';
      connection.writeGoaway(MAX_STREAM_ID, ErrorCode.noError, '');
      this.liveness.announceDrain();
    } else {
      connection.drainState = 'final';
      connection.writeGoaway(0, ErrorCode.noError, '');
      connection.finishIfDone();
    }
  }

  /** Ends the session at once with a GOAWAY; all streams are reset. */
  close(code: number, debug: string): void {
    this.connection.fail(new Http2Error(code, debug));
  }

  /** The transport is gone: all streams are reset. */
  disconnected(): void {
    if (!this.connection.ended) this.connection.end(ErrorCode.cancel);
  }

  /** Applies timeouts. To be called at about the resolution that they should have. */
  tick(): void {
    if (this.connection.ended) return;
    try {
      this.liveness.tick();
    } catch (error) {
      this.failed(error);
    }
  }

  private ended(stream: Http2Stream<C>): void {
    stream.localEnded = true;
    this.connection.settle(stream);
  }

  private failed(error: unknown): void {
    if (!(error instanceof Http2Error)) throw error;
    this.connection.fail(error);
  }
}

function isHead(fields: readonly Field[]): boolean {
  return fields.some((field) => field.kind === FieldKind.method && field.value === 'HEAD');
}
