// What the receiving and the sending half of a session share: the table of streams and how they end, the windows, the frames we write.
// RFC 9113 §5.1, §5.4, §6.
import type { Field } from '../field/field.ts';
import type { FieldTable } from '../field/table.ts';
import { DEFAULT_TABLE_BYTES, HpackDecoder } from '../hpack/decoder.ts';
import { HpackEncoder } from '../hpack/encoder.ts';
import { Budget, type MonotonicClock } from './budget.ts';
import { ClosedStreams } from './closed-streams.ts';
import type { Http2Handler, ResetCause } from './handler.ts';
import { Http2Error } from './http2-error.ts';
import { type Http2Limits, resolveLimits } from './limits.ts';
import { Output } from './output.ts';
import { PathEstimate } from './path-estimate.ts';
import { DEFAULT_WINDOW, ErrorCode, Flag, FRAME_HEADER_BYTES, FrameType, MAX_STREAM_ID, PREFACE, Setting } from './protocol.ts';
import { ReceiveFlow } from './receive-flow.ts';
import { SendFlow, type SendFlowEvents } from './send-flow.ts';
import { defaultPeerSettings, type LocalSettings, type PeerSettings, settingPairs } from './settings.ts';
import { Http2Stream } from './stream.ts';
import { StreamTable } from './stream-table.ts';

/** Connection window of Linkerd's proxy: spec/proxy.md §4.5. */
const CONNECTION_WINDOW = 1048576;
/** Payloads from this size on are written as they are. */
const COPY_BELOW_BYTES = 4096;
/** Its answer says how long a round trip is. */
export const PATH_PING: Buffer = Buffer.from('weftpath', 'latin1');
const NO_LIMITS: Partial<Http2Limits> = {};
const NO_SETTINGS: LocalSettings = {};

export interface ConnectionOptions<C> {
  readonly role: 'client' | 'server';
  /** Shared by the connections of one engine. */
  readonly fields: FieldTable;
  readonly handler: Http2Handler<C>;
  readonly settings?: LocalSettings;
  readonly limits?: Partial<Http2Limits>;
  /** Windows grow as the path needs it, up to 16 MiB. Default false. */
  readonly adaptive?: boolean | undefined;
  /** Default: `performance`. */
  readonly clock?: MonotonicClock;
  /** Payloads smaller than this are copied into the output; larger ones are referred to until they are taken. Default 4096. */
  readonly copyBelowBytes?: number;
  /** Huffman code for what we write. Default false. */
  readonly huffman?: boolean;
}

/** How far our own GOAWAY has come: announced to a client with streams under way, or final. */
export type DrainState = 'open' | 'announced' | 'final';

export class Connection<C> implements SendFlowEvents<C> {
  readonly role: 'client' | 'server';
  readonly handler: Http2Handler<C>;
  readonly local: LocalSettings;
  readonly limits: Http2Limits;
  readonly clock: MonotonicClock;
  readonly output: Output;
  readonly decoder: HpackDecoder;
  readonly streams = new StreamTable<C>();
  readonly closedStreams = new ClosedStreams();
  readonly sendFlow: SendFlow<C>;
  readonly receiveFlow: ReceiveFlow<C>;
  /** Null where windows stay as they are. */
  readonly path: PathEstimate | null;
  peer: PeerSettings = defaultPeerSettings;
  /** Highest stream that was opened: by the client, seen from a server; by us, in a client. */
  lastId = 0;
  /** Highest stream that we promised to serve. */
  acceptedId = MAX_STREAM_ID;
  drainState: DrainState = 'open';
  peerGone = false;
  settingsAcked = false;
  /** Failed or disconnected. */
  ended = false;
  private finished = false;
  private readonly encoder: HpackEncoder;
  /** Made when they are first drawn on. */
  private resets: Budget | null = null;
  private windowUpdates: Budget | null = null;
  /** The stream window that a peer may count on before it acknowledged ours. */
  private receiveWindow: number;

  constructor(options: ConnectionOptions<C>) {
    this.role = options.role;
    this.handler = options.handler;
    this.local = options.settings ?? NO_SETTINGS;
    this.limits = resolveLimits(options.limits ?? NO_LIMITS);
    this.clock = options.clock ?? performance;
    this.output = new Output(options.copyBelowBytes ?? COPY_BELOW_BYTES);
    this.encoder = new HpackEncoder({ huffman: options.huffman ?? false });
    const { maxHeaderListBytes, maxHeaderFields } = this.limits;
    this.decoder = new HpackDecoder({ fields: options.fields, maxListBytes: maxHeaderListBytes, maxListFields: maxHeaderFields });
    this.sendFlow = new SendFlow(this.output, this);
    const window = this.local.initialStreamWindow ?? DEFAULT_WINDOW;
    this.receiveWindow = Math.max(DEFAULT_WINDOW, window);
    this.receiveFlow = new ReceiveFlow(this.output, window, this.local.initialConnectionWindow ?? CONNECTION_WINDOW);
    this.path = options.adaptive === true ? new PathEstimate(this.receiveWindow, this.clock) : null;
    this.greet();
  }

  addStream(id: number, context: C | null): Http2Stream<C> {
    const stream = new Http2Stream(id, context, this.sendFlow.initialWindow, this.receiveWindow);
    this.lastId = id;
    this.streams.add(stream);
    return stream;
  }

  /** Takes a stream that has ended on both sides out of the table. */
  settle(stream: Http2Stream<C>): void {
    if (stream.closed) this.remove(stream);
  }

  /** We reset a stream; nobody is told but the peer. */
  resetStream(stream: Http2Stream<C>, code: number): void {
    this.writeReset(stream.id, code);
    this.bury(stream);
  }

  /** A stream broke the protocol: RFC 9113 §5.4.2. */
  streamError(stream: Http2Stream<C>, code: number): void {
    this.writeReset(stream.id, code);
    this.bury(stream, code, 'protocol');
    this.spendReset();
  }

  /** Refuses a stream that its user never saw, or frames on one that is closed. */
  refuse(id: number, code: number): void {
    this.writeReset(id, code);
    this.closedStreams.reset(id);
    this.spendReset();
  }

  /** Ends a stream from outside: by the peer's RST_STREAM, its GOAWAY, or the end of the connection. */
  bury(stream: Http2Stream<C>, code?: number, cause?: ResetCause): void {
    stream.reset = true;
    if (!this.ended) this.receiveFlow.release(stream);
    this.sendFlow.drop(stream);
    this.closedStreams.reset(stream.id);
    const known = this.streams.delete(stream.id);
    if (!known) return;
    if (code !== undefined && cause !== undefined) this.handler.onReset(stream, code, cause);
    this.handler.onClosed(stream);
    this.finishIfDone();
  }

  /** One reset that a client is accountable for. */
  spendReset(): void {
    if (this.role !== 'server') return;
    this.resets ??= new Budget(this.limits.resets, this.clock);
    if (!this.resets.spend()) throw new Http2Error(ErrorCode.enhanceYourCalm, 'too many resets');
  }

  /** The server answered a stream: its client has had something of it. */
  answered(): void {
    this.resets?.earn(1);
  }

  spendWindowUpdate(): void {
    this.windowUpdates ??= new Budget(this.limits.windowUpdates, this.clock);
    if (!this.windowUpdates.spend()) throw new Http2Error(ErrorCode.enhanceYourCalm, 'too many window updates');
  }

  /** Ends the session because of a protocol error: RFC 9113 §5.4.1. */
  fail(error: Http2Error): void {
    if (this.ended) return;
    this.writeGoaway(this.role === 'server' ? Math.min(this.lastId, this.acceptedId) : 0, error.code, error.message);
    this.end(error.code);
    this.handler.onFailed(error);
  }

  /** Resets all streams: nothing can be sent or received any more. */
  end(code: number): void {
    this.ended = true;
    for (const stream of this.streams.values()) this.bury(stream, code, 'connection');
  }

  finishIfDone(): void {
    if (this.streams.size > 0 || this.finished || this.ended) return;
    if (this.drainState !== 'final' && !(this.peerGone && this.role === 'client')) return;
    this.finished = true;
    this.handler.onFinished();
  }

  /** Settings of the peer that bind what we send. */
  applyPeerSettings(settings: PeerSettings): void {
    this.peer = settings;
    this.encoder.setPeerLimit(settings.smallestHeaderTableSize);
    this.encoder.setPeerLimit(settings.headerTableSize);
    this.sendFlow.maxFrameSize = settings.maxFrameSize;
    if (!this.sendFlow.rebase(this.streams.values(), settings.initialWindowSize)) throw new Http2Error(ErrorCode.flowControlError, 'a stream window overflows');
  }

  /** Our settings bind the peer from now on. */
  settingsAcknowledged(): void {
    if (this.settingsAcked) return;
    this.settingsAcked = true;
    this.decoder.limitTable(this.local.headerTableSize ?? DEFAULT_TABLE_BYTES);
    const window = this.local.initialStreamWindow ?? DEFAULT_WINDOW;
    const excess = this.receiveWindow - window;
    this.receiveWindow = window;
    for (const stream of this.streams.values()) stream.receiveWindow -= excess;
  }

  /** A payload came in, whose speed tells what windows it needs. */
  measure(path: PathEstimate, length: number): void {
    if (this.settingsAcked && path.received(length)) this.writePing(false, PATH_PING, 0);
  }

  /** Grants streams, and the connection, what the path holds. The peer counts on it from when it hears of it. */
  widen({ window }: PathEstimate): void {
    const more = window - this.receiveWindow;
    if (more <= 0 || this.ended) return;
    this.receiveWindow = window;
    for (const stream of this.streams.values()) stream.receiveWindow += more;
    this.writeSettings([[Setting.initialWindowSize, window]]);
    this.receiveFlow.widen(window, window);
  }

  emptied(stream: Http2Stream<C>): void {
    const trailers = stream.waitingTrailers;
    if (trailers !== null) {
      stream.waitingTrailers = null;
      this.writeHeaders(stream.id, trailers, true);
    } else if (!stream.endsAfterWaiting) return;
    stream.localEnded = true;
    this.settle(stream);
  }

  sent(stream: Http2Stream<C>, bytes: number): void {
    this.handler.onSent(stream, bytes);
  }

  framed(): void {
    this.windowUpdates?.earn(2);
  }

  /** A header block in as many frames as it takes: RFC 9113 §4.3. */
  writeHeaders(id: number, fields: readonly Field[], endStream: boolean): void {
    const { output, encoder } = this;
    output.reserve(FRAME_HEADER_BYTES + encoder.bound(fields));
    const start = output.pos + FRAME_HEADER_BYTES;
    const end = encoder.encode(fields, output.slab, start);
    const flags = endStream ? Flag.endStream : 0;
    if (end - start <= this.peer.maxFrameSize) {
      output.header(end - start, FrameType.headers, flags | Flag.endHeaders, id);
      output.pos = end;
    } else this.writeLongBlock(id, Buffer.from(output.slab.subarray(start, end)), flags);
  }

  writeGoaway(lastId: number, code: number, debug: string): void {
    const text = Buffer.from(debug.slice(0, 256), 'latin1');
    this.output.reserve(FRAME_HEADER_BYTES + 8 + text.length);
    this.output.header(8 + text.length, FrameType.goaway, 0, 0);
    this.output.uint32(lastId);
    this.output.uint32(code);
    this.output.copy(text, 0, text.length);
  }

  writePing(ack: boolean, bytes: Buffer, start: number): void {
    this.output.reserve(FRAME_HEADER_BYTES + 8);
    this.output.header(8, FrameType.ping, ack ? Flag.ack : 0, 0);
    this.output.copy(bytes, start, start + 8);
  }

  writeSettingsAck(): void {
    this.output.reserve(FRAME_HEADER_BYTES);
    this.output.header(0, FrameType.settings, Flag.ack, 0);
  }

  private writeReset(id: number, code: number): void {
    this.output.reserve(FRAME_HEADER_BYTES + 4);
    this.output.header(4, FrameType.rstStream, 0, id);
    this.output.uint32(code);
  }

  private writeLongBlock(id: number, block: Buffer, flags: number): void {
    const size = this.peer.maxFrameSize;
    for (let start = 0; start < block.length; start += size) {
      const last = start + size >= block.length ? Flag.endHeaders : 0;
      const type = start === 0 ? FrameType.headers : FrameType.continuation;
      this.output.frame(type, last | (start === 0 ? flags : 0), id, block, start, Math.min(block.length, start + size), false);
    }
  }

  private greet(): void {
    const pairs = settingPairs(this.local, this.role);
    this.output.reserve(PREFACE.length + FRAME_HEADER_BYTES + pairs.length * 6);
    if (this.role === 'client') this.output.copy(PREFACE, 0, PREFACE.length);
    this.writeSettings(pairs);
    this.receiveFlow.announce();
  }

  private writeSettings(pairs: readonly (readonly [id: number, value: number])[]): void {
    this.output.reserve(FRAME_HEADER_BYTES + pairs.length * 6);
    this.output.header(pairs.length * 6, FrameType.settings, 0, 0);
    for (const [id, value] of pairs) {
      this.output.slab[this.output.pos++] = 0;
      this.output.slab[this.output.pos++] = id;
      this.output.uint32(value);
    }
  }

  private remove(stream: Http2Stream<C>): void {
    if (!this.streams.delete(stream.id)) return;
    this.closedStreams.ended(stream.id);
    this.handler.onClosed(stream);
    this.finishIfDone();
  }
}
