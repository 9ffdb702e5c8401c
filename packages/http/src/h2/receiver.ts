// The receiving half of a session: what each frame does, and what it must not be. RFC 9113 §5.1 and §6.
import { Budget } from './budget.ts';
import type { Connection } from './connection.ts';
import type { FrameSink } from './frame-reader.ts';
import { HeadReceiver } from './head-receiver.ts';
import { Http2Error } from './http2-error.ts';
import type { Liveness } from './liveness.ts';
import { ErrorCode, Flag, FrameType, MAX_STREAM_ID } from './protocol.ts';
import { readSettings } from './settings.ts';
import type { Http2Stream } from './stream.ts';

export class Receiver<C> implements FrameSink {
  private readonly connection: Connection<C>;
  private readonly liveness: Liveness<C>;
  private readonly heads: HeadReceiver<C>;
  /** Made when they are first drawn on. */
  private pings: Budget | null = null;
  private settings: Budget | null = null;
  private emptyData: Budget | null = null;
  private ignored: Budget | null = null;
  private greeted = false;
  private peerLastId = MAX_STREAM_ID;
  /** The DATA frame under way: its stream (null: nobody's), whether it ends it, the payload so far. */
  private dataStream: Http2Stream<C> | null = null;
  private dataEnds = false;
  private dataBytes = 0;

  constructor(connection: Connection<C>, liveness: Liveness<C>) {
    this.connection = connection;
    this.liveness = liveness;
    this.heads = new HeadReceiver(connection);
  }

  get stopped(): boolean {
    return this.connection.ended;
  }

  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    this.expect(type, flags, id);
    switch (type) {
      case FrameType.headers:
        return this.heads.headers(flags, id, bytes, start, end);
      case FrameType.continuation:
        return this.heads.continuation(flags, bytes, start, end);
      case FrameType.windowUpdate:
        return this.windowUpdate(id, bytes, start, end);
      case FrameType.rstStream:
        return this.rstStream(id, bytes, start, end);
      case FrameType.settings:
        return this.settingsFrame(flags, id, bytes, start, end);
      case FrameType.ping:
        return this.ping(flags, id, bytes, start, end);
      case FrameType.goaway:
        return this.goaway(id, bytes, start, end);
      case FrameType.priority:
        if (id === 0) throw new Http2Error(ErrorCode.protocolError, 'PRIORITY on stream 0');
        sized(end - start === 5, 'PRIORITY');
        return this.ignore('PRIORITY frames');
      case FrameType.pushPromise:
        throw new Http2Error(ErrorCode.protocolError, 'PUSH_PROMISE is not allowed');
      default:
        return this.ignore('unknown frames');
    }
  }

  dataStart(id: number, length: number, endStream: boolean): void {
    const { connection } = this;
    this.expect(FrameType.data, 0, id);
    if (id === 0) throw new Http2Error(ErrorCode.protocolError, 'DATA on stream 0');
    this.dataStream = null;
    this.dataEnds = endStream;
    this.dataBytes = 0;
    if (!connection.receiveFlow.charge(length)) throw new Http2Error(ErrorCode.flowControlError, 'more data than the connection window');
    const stream = connection.streams.get(id);
    if (stream === undefined) return this.dataOnClosed(id);
    if (connection.path !== null) connection.measure(connection.path, length);
    if (stream.remoteEnded) return connection.streamError(stream, ErrorCode.streamClosed);
    if (stream.phase === 'head') return connection.streamError(stream, ErrorCode.protocolError);
    if (!connection.receiveFlow.chargeStream(stream, length)) return connection.streamError(stream, ErrorCode.flowControlError);
    this.dataStream = stream;
  }

  dataPadding(length: number): void {
    const { receiveFlow } = this.connection;
    receiveFlow.grantConnection(length);
    if (this.dataStream !== null) receiveFlow.grantStream(this.dataStream, length);
  }

  data(bytes: Buffer, start: number, end: number, last: boolean): void {
    const { connection, dataStream: stream } = this;
    const length = end - start;
    this.dataBytes += length;
    if (last && this.dataBytes === 0 && !this.dataEnds) spend((this.emptyData ??= this.budget('emptyData')), 'empty DATA frames');
    if (stream === null || stream.reset) return connection.receiveFlow.grantConnection(length);
    const endStream = last && this.dataEnds;
    stream.receivedBytes += length;
    const { receivedBytes, expectedBytes } = stream;
    if (expectedBytes >= 0 && (endStream ? receivedBytes !== expectedBytes : receivedBytes > expectedBytes)) {
      connection.receiveFlow.grantConnection(length);
      return connection.streamError(stream, ErrorCode.protocolError);
    }
    stream.held += length;
    if (endStream) stream.remoteEnded = true;
    else if (length === 0) return;
    connection.handler.onData(stream, bytes, start, end, endStream);
    if (endStream) connection.settle(stream);
  }

  /** What may come at all: SETTINGS first, and inside a header block nothing but its continuation. */
  private expect(type: number, flags: number, id: number): void {
    if (!this.greeted) {
      if (type !== FrameType.settings || (flags & Flag.ack) !== 0) throw new Http2Error(ErrorCode.protocolError, 'the first frame is not SETTINGS');
      this.greeted = true;
    }
    const open = this.heads.block.streamId;
    if (open === 0) {
      if (type === FrameType.continuation) throw new Http2Error(ErrorCode.protocolError, 'CONTINUATION without HEADERS');
    } else if (type !== FrameType.continuation || id !== open) throw new Http2Error(ErrorCode.protocolError, 'a header block is interrupted');
  }

  private ignore(what: string): void {
    spend((this.ignored ??= this.budget('ignoredFrames')), what);
  }

  private budget(limit: 'emptyData' | 'settings' | 'pings' | 'ignoredFrames'): Budget {
    return new Budget(this.connection.limits[limit], this.connection.clock);
  }

  private dataOnClosed(id: number): void {
    if (this.heads.idle(id)) throw new Http2Error(ErrorCode.protocolError, `DATA on idle stream ${id}`);
    const how = this.connection.closedStreams.how(id);
    if (how === 'ended' || how === 'skipped') this.connection.refuse(id, ErrorCode.streamClosed);
  }

  private windowUpdate(id: number, bytes: Buffer, start: number, end: number): void {
    const { connection } = this;
    sized(end - start === 4, 'WINDOW_UPDATE');
    connection.spendWindowUpdate();
    const increment = bytes.readUInt32BE(start) & 0x7fffffff;
    if (id === 0) {
      if (increment === 0) throw new Http2Error(ErrorCode.protocolError, 'WINDOW_UPDATE of 0');
      if (!connection.sendFlow.widenConnection(increment)) throw new Http2Error(ErrorCode.flowControlError, 'the connection window overflows');
      return;
    }
    const stream = connection.streams.get(id);
    if (stream === undefined) return this.onlyNotIdle(id, 'WINDOW_UPDATE');
    if (increment === 0) return connection.streamError(stream, ErrorCode.protocolError);
    if (!connection.sendFlow.widen(stream, increment)) connection.streamError(stream, ErrorCode.flowControlError);
  }

  private rstStream(id: number, bytes: Buffer, start: number, end: number): void {
    const { connection } = this;
    sized(end - start === 4, 'RST_STREAM');
    const stream = connection.streams.get(id);
    if (stream === undefined) this.onlyNotIdle(id, 'RST_STREAM');
    else connection.bury(stream, bytes.readUInt32BE(start), 'peer');
    connection.spendReset();
  }

  private onlyNotIdle(id: number, name: string): void {
    if (id === 0 || this.heads.idle(id)) throw new Http2Error(ErrorCode.protocolError, `${name} on idle stream ${id}`);
  }

  private settingsFrame(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const { connection } = this;
    if (id !== 0) throw new Http2Error(ErrorCode.protocolError, `SETTINGS on stream ${id}`);
    if ((flags & Flag.ack) !== 0) {
      sized(end === start, 'SETTINGS acknowledgement');
      return connection.settingsAcknowledged();
    }
    sized((end - start) % 6 === 0, 'SETTINGS');
    spend((this.settings ??= this.budget('settings')), 'SETTINGS frames');
    connection.applyPeerSettings(readSettings(connection.peer, connection.role === 'client' ? 'server' : 'client', bytes, start, end));
    connection.writeSettingsAck();
    connection.handler.onSettings(connection.peer);
  }

  private ping(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) throw new Http2Error(ErrorCode.protocolError, `PING on stream ${id}`);
    sized(end - start === 8, 'PING');
    if ((flags & Flag.ack) !== 0) return this.liveness.pong(bytes, start);
    spend((this.pings ??= this.budget('pings')), 'PING frames');
    this.connection.writePing(true, bytes, start);
  }

  private goaway(id: number, bytes: Buffer, start: number, end: number): void {
    const { connection } = this;
    if (id !== 0) throw new Http2Error(ErrorCode.protocolError, `GOAWAY on stream ${id}`);
    sized(end - start >= 8, 'GOAWAY');
    this.peerLastId = Math.min(this.peerLastId, bytes.readUInt32BE(start) & 0x7fffffff);
    connection.peerGone = true;
    if (connection.role === 'client') {
      for (const stream of connection.streams.values()) if (stream.id > this.peerLastId) connection.bury(stream, ErrorCode.refusedStream, 'refused');
    }
    connection.handler.onGoaway(this.peerLastId, bytes.readUInt32BE(start + 4), bytes.toString('latin1', start + 8, end));
    connection.finishIfDone();
  }
}

function sized(right: boolean, name: string): void {
  if (!right) throw new Http2Error(ErrorCode.frameSizeError, `${name} has a wrong length`);
}

function spend(budget: Budget, what: string): void {
  if (!budget.spend()) throw new Http2Error(ErrorCode.enhanceYourCalm, `too many ${what}`);
}
