// One session to an HTTP/2 upstream: opens streams for calls, queues them at the peer's limit, and says what became of them.
import type { Field } from '../field/field.ts';
import type { ResetCause } from '../h2/handler.ts';
import { ErrorCode } from '../h2/protocol.ts';
import type { Http2Stream } from '../h2/stream.ts';
import { listOf } from './edge.ts';
import type { Call } from './ends.ts';
import { H2Call } from './h2-call.ts';
import { H2Connection, type H2ConnectionOptions } from './h2-connection.ts';
import { requestToFields, responseFromFields } from './h2-heads.ts';

export interface ClientHost {
  /** It takes no more calls; those under way go on. */
  sessionUnusable(connection: H2ClientConnection): void;
  /** A stream is over, however it ended. */
  callOver(): void;
  /** The peer did not process the call, and another session may; its stream here is still to be over. */
  callAgain(call: Call): void;
  /** The call never had a stream here. */
  callUnsent(call: Call, retried: boolean): void;
  sessionClosed(connection: H2ClientConnection): void;
}

interface Waiting {
  readonly call: Call;
  readonly retried: boolean;
}

export class H2ClientConnection extends H2Connection<H2Call> {
  private readonly host: ClientHost;
  private queue: Waiting[] = [];
  /** The peer's settings came: what it does not take is known. */
  private greeted = false;

  constructor(host: ClientHost, options: H2ConnectionOptions) {
    super('client', options);
    this.host = host;
  }

  get usable(): boolean {
    return this.session.usable && this.wire.writable && !this.wire.ended;
  }

  get busy(): boolean {
    return this.session.openStreams > 0 || this.queue.length > 0;
  }

  start(call: Call, retried: boolean): void {
    if (this.queue.length > 0 || !this.canOpen(call)) this.queue.push({ call, retried });
    else this.open(call, retried);
  }

  /** False if the call does not wait here. */
  cancel(call: Call): boolean {
    const at = this.queue.findIndex((one) => one.call === call);
    if (at < 0) return false;
    this.queue.splice(at, 1);
    return true;
  }

  /** Ends the session after the streams in flight. */
  close(): void {
    this.session.drain();
    this.wire.touch();
  }

  onHeaders(stream: Http2Stream<H2Call>, fields: Field[], endStream: boolean): void {
    stream.context?.call.response(responseFromFields(fields), endStream, fields);
  }

  onInformational(stream: Http2Stream<H2Call>, _status: number, fields: Field[]): void {
    stream.context?.call.informational(responseFromFields(fields));
  }

  onHeadersTooLarge(stream: Http2Stream<H2Call>): void {
    this.session.resetStream(stream, ErrorCode.cancel);
    stream.context?.fail({ kind: 'protocol', error: new Error('response head is too large') });
  }

  onData(stream: Http2Stream<H2Call>, bytes: Buffer, start: number, end: number, endStream: boolean): void {
    const { context } = stream;
    if (context === null) this.session.grantCredit(stream, end - start);
    else context.call.responseData(bytes.subarray(start, end), endStream);
  }

  onTrailers(stream: Http2Stream<H2Call>, fields: Field[]): void {
    stream.context?.call.responseEnd(listOf(fields));
  }

  onReset(stream: Http2Stream<H2Call>, code: number, cause: ResetCause): void {
    const { context } = stream;
    if (context === null) return;
    if (cause === 'refused' && !context.retried && context.call.replayable && !context.call.over) {
      context.call.unbound();
      this.host.callAgain(context.call);
      return;
    }
    if (cause === 'peer' || cause === 'refused') context.fail({ kind: 'reset', code });
    else if (cause === 'protocol') context.fail({ kind: 'protocol', error: new Error(`peer broke the protocol: code ${code}`) });
    else context.fail({ kind: 'closed', error: this.failure ?? new Error('connection closed') });
  }

  onClosed(): void {
    this.host.callOver();
    this.next();
  }

  onSettings(): void {
    this.greeted = true;
    this.next();
  }

  onGoaway(): void {
    this.host.sessionUnusable(this);
    const { queue } = this;
    this.queue = [];
    for (const { call, retried } of queue) this.host.callUnsent(call, retried);
  }

  override destroy(error?: Error): void {
    this.failure ??= error;
    super.destroy(error);
  }

  protected lost(): void {
    this.host.sessionUnusable(this);
    const { queue } = this;
    this.queue = [];
    for (const { call } of queue) {
      this.host.callOver();
      call.failed({ kind: 'closed', error: this.failure ?? new Error('connection closed') });
    }
    this.host.sessionClosed(this);
  }

  private next(): void {
    for (let waiting = this.queue[0]; waiting !== undefined && this.canOpen(waiting.call); waiting = this.queue[0]) {
      this.queue.shift();
      this.open(waiting.call, waiting.retried);
    }
  }

  /** An extended CONNECT must not be sent before the peer has allowed it: RFC 8441 §3. */
  private canOpen(call: Call): boolean {
    return this.session.canOpen && (this.greeted || call.head.protocol === undefined);
  }

  private open(call: Call, retried: boolean): void {
    if (call.head.protocol !== undefined && !this.session.peerSettings.enableConnectProtocol) {
      this.host.callOver();
      call.failed({ kind: 'protocol', error: new Error('upstream does not take extended CONNECT') });
      return;
    }
    const context = new H2Call(this, call, retried);
    const stream = this.session.openStream(requestToFields(this.shared.fields, call.head, call.origin), !call.hasBody, context);
    this.wire.touch();
    if (stream === null) {
      this.host.callUnsent(call, retried);
      return;
    }
    context.stream = stream;
    call.bound(context);
  }
}
