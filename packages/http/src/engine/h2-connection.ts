// A session of HTTP/2 on a wire: what its server and its client side share. RFC 9113; spec/proxy.md §4.5.
import type { Http2Params, Link } from '../exchange/engine.ts';
import type { Field } from '../field/field.ts';
import type { Http2Handler, ResetCause } from '../h2/handler.ts';
import type { Http2Error } from '../h2/http2-error.ts';
import { Http2Session } from '../h2/session.ts';
import type { PeerSettings } from '../h2/settings.ts';
import type { Http2Stream } from '../h2/stream.ts';
import type { ListExcess } from '../hpack/decoder.ts';
import type { EngineShared } from './shared.ts';
import type { Ticked } from './ticker.ts';
import { Wire } from './wire.ts';
import type { WireOwner } from './wire-owner.ts';

export interface H2ConnectionOptions {
  readonly link: Link;
  readonly shared: EngineShared;
  readonly params: Http2Params | undefined;
  /** Server: bytes of a request head, a field counted with 32 more. Default 128 KiB. */
  readonly maxHeaderBytes?: number | undefined;
}

/** What a stream's context does for the body that it sends. */
export interface StreamSender {
  /** Bytes that went out, or that there is room for again. */
  passedOn(bytes: number): void;
}

/** How long a closing connection is read on. */
const LINGER_MS = 1000;

export abstract class H2Connection<C extends StreamSender> implements WireOwner, Http2Handler<C>, Ticked {
  readonly shared: EngineShared;
  readonly session: Http2Session<C>;
  readonly wire: Wire;
  failure: Error | undefined;
  /** Streams whose bytes are in a congested wire, with how many. */
  private owing: Map<C, number> | null = null;
  private readonly stopTicks: () => void;
  private finishing = false;

  constructor(role: 'client' | 'server', options: H2ConnectionOptions) {
    const { link, shared, params } = options;
    this.shared = shared;
    const { settings, limits } = role === 'server' ? shared.http2.server(params, options.maxHeaderBytes) : shared.http2.client(params);
    this.session = new Http2Session<C>({
      role,
      fields: shared.fields,
      handler: this,
      settings,
      limits,
      keepAlive: params?.keepAlive,
      adaptive: params?.adaptive,
    });
    this.wire = new Wire(link, this, shared);
    this.wire.source = this.session;
    this.stopTicks = shared.ticker.add(this, params?.keepAlive);
    this.wire.touch();
  }

  get crowded(): boolean {
    return this.session.openStreams > 1;
  }

  /** Sends body bytes of a stream and reports those that may come again to its context. */
  send(stream: Http2Stream<C>, context: C, chunk: Buffer, last: boolean): void {
    const sent = this.session.writeData(stream, chunk, 0, chunk.length, last);
    this.wire.touch();
    if (sent > 0) this.passOn(context, sent);
  }

  destroy(error?: Error): void {
    this.failure ??= error;
    this.wire.destroy(error);
  }

  wireData(chunk: Buffer): void {
    this.session.receive(chunk);
    this.wire.touch();
  }

  /** HTTP/2 cannot go on in one direction. */
  wireEnd(): void {
    this.finish();
  }

  wireDrained(): void {
    const { owing } = this;
    if (owing === null) return;
    this.owing = null;
    for (const [context, bytes] of owing) context.passedOn(bytes);
    this.wire.touch();
  }

  wireClosed(error: Error | undefined): void {
    this.failure ??= error ?? new Error('connection closed');
    this.stopTicks();
    this.session.disconnected();
    this.owing = null;
    this.lost();
  }

  tick(): void {
    this.session.tick();
    this.wire.touch();
  }

  onSent(stream: Http2Stream<C>, bytes: number): void {
    if (stream.context !== null) this.passOn(stream.context, bytes);
  }

  onFinished(): void {
    this.finish();
  }

  onFailed(error: Http2Error): void {
    this.failure ??= error;
    this.finish();
  }

  abstract onHeaders(stream: Http2Stream<C>, fields: Field[], endStream: boolean): void;
  abstract onInformational(stream: Http2Stream<C>, status: number, fields: Field[]): void;
  abstract onHeadersTooLarge(stream: Http2Stream<C>, excess: ListExcess, endStream: boolean): void;
  abstract onData(stream: Http2Stream<C>, bytes: Buffer, start: number, end: number, endStream: boolean): void;
  abstract onTrailers(stream: Http2Stream<C>, fields: Field[]): void;
  abstract onReset(stream: Http2Stream<C>, code: number, cause: ResetCause): void;
  abstract onClosed(stream: Http2Stream<C>): void;
  abstract onSettings(settings: PeerSettings): void;
  abstract onGoaway(lastStreamId: number, code: number, debug: string): void;
  /** The wire is closed. */
  protected abstract lost(): void;

  /** Ends the connection after what was written. */
  protected finish(): void {
    if (this.finishing) return;
    this.finishing = true;
    const { link } = this.wire;
    if (link.destroyed) return;
    const cancel = this.shared.timers.after(LINGER_MS, () => link.destroy());
    link.once('close', cancel);
    link.once('finish', () => link.destroy());
    this.wire.end();
    this.wire.resume();
  }

  private passOn(context: C, bytes: number): void {
    if (this.wire.congested) {
      this.owing ??= new Map();
      this.owing.set(context, (this.owing.get(context) ?? 0) + bytes);
    } else context.passedOn(bytes);
  }
}
