// Serves one HTTP/2 connection (RFC 9113; spec/proxy.md §4.5, §1.5).
import type { Exchange, ServerConnection } from '../exchange/engine.ts';
import type { Field } from '../field/field.ts';
import { H1_LIMITS } from '../h1/limits.ts';
import type { ResetCause } from '../h2/handler.ts';
import { ErrorCode } from '../h2/protocol.ts';
import type { Http2Stream } from '../h2/stream.ts';
import type { ListExcess } from '../hpack/decoder.ts';
import { listOf } from './edge.ts';
import { WeftExchange } from './exchange.ts';
import { H2Connection, type H2ConnectionOptions } from './h2-connection.ts';
import { requestFromFields } from './h2-heads.ts';
import { H2ServerStream } from './h2-server-stream.ts';

export interface H2ServeOptions extends H2ConnectionOptions {
  readonly onExchange: (exchange: Exchange) => void;
}

export class H2ServerConnection extends H2Connection<H2ServerStream> implements ServerConnection {
  readonly closed: Promise<void>;
  private readonly headLimit: number;
  private readonly onExchange: (exchange: Exchange) => void;
  private resolveClosed: () => void = () => undefined;

  constructor(options: H2ServeOptions) {
    super('server', options);
    this.onExchange = options.onExchange;
    this.headLimit = options.maxHeaderBytes ?? H1_LIMITS.maxHeadBytes;
    this.closed = new Promise((resolve) => {
      this.resolveClosed = resolve;
    });
  }

  drain(): void {
    this.session.drain();
    this.wire.touch();
  }

  onHeaders(stream: Http2Stream<H2ServerStream>, fields: Field[], endStream: boolean): void {
    const request = requestFromFields(fields);
    const end = new H2ServerStream(this, stream, request.method === 'HEAD');
    stream.context = end;
    end.exchange = new WeftExchange(end, request, !endStream, fields);
    this.onExchange(end.exchange);
  }

  onHeadersTooLarge(stream: Http2Stream<H2ServerStream>, excess: ListExcess, _endStream: boolean): void {
    const end = new H2ServerStream(this, stream, false);
    stream.context = end;
    end.refuse(431, `head exceeds ${this.headLimit} bytes; largest field: ${excess.largestName} (${excess.largestBytes} bytes)\n`);
  }

  onInformational(): void {
    // Comes to clients only.
  }

  onData(stream: Http2Stream<H2ServerStream>, bytes: Buffer, start: number, end: number, endStream: boolean): void {
    const { context } = stream;
    if (context?.exchange === null || context === null) this.session.grantCredit(stream, end - start);
    else context.exchange.requestData(bytes.subarray(start, end), endStream);
  }

  override onSent(stream: Http2Stream<H2ServerStream>, bytes: number): void {
    super.onSent(stream, bytes);
    if (stream.localEnded) stream.context?.stopIfAnswered();
  }

  onTrailers(stream: Http2Stream<H2ServerStream>, fields: Field[]): void {
    stream.context?.exchange?.requestEnd(listOf(fields));
  }

  onReset(stream: Http2Stream<H2ServerStream>, code: number, cause: ResetCause): void {
    // A client that gives up without a reason still gives up.
    stream.context?.exchange?.clientGone(cause !== 'peer' ? undefined : code === ErrorCode.noError ? ErrorCode.cancel : code);
  }

  onClosed(): void {
    // What ends with a stream has been told through its exchange.
  }

  onSettings(): void {
    // Nothing waits for the client's settings.
  }

  onGoaway(): void {
    // A client that goes away ends the connection when its streams are done.
  }

  protected lost(): void {
    this.resolveClosed();
  }
}
