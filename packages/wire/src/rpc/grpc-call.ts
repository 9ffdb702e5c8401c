// One call on one HTTP/2 stream: a single request message, and messages back until the status.
import { type ClientHttp2Stream, constants, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import type { MethodDefinition } from '@grpc/grpc-js';
import type { Clock, Timer } from '@weft/core';
import type { CallObserver, CallOutcome } from './call-observer.ts';
import { type CallOptions, RpcCode, RpcError } from './channel.ts';
import { frameMessage, MessageReader } from './grpc-framing.ts';
import { errorOf, isGrpc } from './grpc-status.ts';
import type { Caller, Lease, Leases } from './lease.ts';

/** Receives what the peer sends; `end` is called exactly once and last. */
export interface CallSink<Response> {
  message(response: Response): void;
  end(error: RpcError | undefined): void;
}

export interface CallContext {
  readonly leases: Leases;
  readonly authority: string;
  readonly userAgent: string;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly maxMessageBytes: number;
  readonly clock: Clock;
  /** A call begins. Default: nobody wants to know. */
  readonly observe?: (() => CallObserver) | undefined;
}

/** A running call. Its start is asynchronous: it may wait for a connection, and be cancelled meanwhile. */
export class GrpcCall<Request, Response> implements Caller {
  ended = false;
  readonly #context: CallContext;
  readonly #method: MethodDefinition<Request, Response>;
  readonly #sink: CallSink<Response>;
  readonly #reader: MessageReader;
  readonly #signal: AbortSignal | undefined;
  readonly #timeoutMs: number | undefined;
  #timer: Timer | undefined;
  #stream: ClientHttp2Stream | undefined;
  #headers: IncomingHttpHeaders | undefined;
  #trailers: IncomingHttpHeaders | undefined;
  #failure: unknown;
  #paused = false;
  #observer: CallObserver | undefined;
  #sawBody = false;

  constructor(context: CallContext, method: MethodDefinition<Request, Response>, options: CallOptions, sink: CallSink<Response>) {
    this.#context = context;
    this.#method = method;
    this.#sink = sink;
    this.#reader = new MessageReader(context.maxMessageBytes);
    this.#signal = options.signal;
    this.#timeoutMs = options.timeoutMs;
  }

  start(request: Request): void {
    const timeoutMs = this.#timeoutMs;
    this.#observer = this.#context.observe?.();
    if (this.#signal?.aborted) return this.#onAbort();
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (timeoutMs !== undefined) {
      this.#timer = this.#context.clock.after(timeoutMs, () => {
        const still = this.#stream ? '' : `, still waiting for ${this.#context.leases.waitsFor}`;
        this.cancel(new RpcError(RpcCode.DEADLINE_EXCEEDED, `no answer within ${timeoutMs} ms${still}`));
      });
    }
    const deadline = timeoutMs === undefined ? undefined : this.#context.clock.now() + timeoutMs;
    void this.#run(request, deadline).catch((error: unknown) => {
      this.#end(error instanceof RpcError ? error : new RpcError(RpcCode.INTERNAL, error instanceof Error ? error.message : String(error), { cause: error }));
    });
  }

  /** Ends the call with this error, telling the peer. Without effect when it has ended. */
  cancel(error: RpcError): void {
    if (this.ended) return;
    this.#stream?.close(constants.NGHTTP2_CANCEL);
    this.#end(error);
  }

  /** Stops reading: flow control stops the peer. */
  pause(): void {
    this.#paused = true;
    this.#stream?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#stream?.resume();
  }

  readonly #onAbort = (): void => {
    this.cancel(new RpcError(RpcCode.CANCELLED, 'the call was aborted', { cause: this.#signal?.reason }));
  };

  async #run(request: Request, deadline: number | undefined): Promise<void> {
    const frame = frameMessage(this.#method.requestSerialize(request));
    for (;;) {
      const lease = await this.#context.leases.acquire(this);
      if (this.ended) return lease.release();
      const stream = this.#open(lease, deadline);
      if (!stream) continue;
      this.#listen(stream, lease);
      stream.end(frame);
      return;
    }
  }

  /** Undefined when the connection went away between its choice and now. */
  #open(lease: Lease, deadline: number | undefined): ClientHttp2Stream | undefined {
    const headers: OutgoingHttpHeaders = {
      ...this.#context.metadata,
      ':method': 'POST',
      ':scheme': 'http',
      ':authority': this.#context.authority,
      ':path': this.#method.path,
      te: 'trailers',
      'content-type': 'application/grpc',
      'user-agent': this.#context.userAgent,
    };
    if (deadline !== undefined) headers['grpc-timeout'] = formatTimeout(deadline - this.#context.clock.now());
    try {
      return lease.session.request(headers);
    } catch (error) {
      lease.release();
      if (lease.session.closed || lease.session.destroyed) return undefined;
      throw error;
    }
  }

  #listen(stream: ClientHttp2Stream, lease: Lease): void {
    this.#stream = stream;
    stream.on('response', (headers) => {
      this.#headers = headers;
      lease.answered();
    });
    stream.on('trailers', (trailers) => {
      this.#trailers = trailers;
    });
    stream.on('error', (error) => {
      this.#failure ??= error;
    });
    stream.on('data', (chunk: Buffer) => {
      lease.received();
      this.#onData(chunk);
    });
    stream.once('close', () => {
      lease.release();
      this.#onClose(stream, lease);
    });
    if (this.#paused) stream.pause();
  }

  #onData(chunk: Buffer): void {
    this.#onFirstByte();
    // The body of an answer that is not gRPC is read away.
    if (this.ended || !this.#headers || !isGrpc(this.#headers)) return;
    try {
      for (const message of this.#reader.push(chunk)) {
        const response = this.#method.responseDeserialize(message);
        if (!this.ended) this.#sink.message(response);
      }
    } catch (error) {
      this.cancel(error instanceof RpcError ? error : new RpcError(RpcCode.INTERNAL, 'a message could not be decoded', { cause: error }));
    }
  }

  #onClose(stream: ClientHttp2Stream, { session }: Lease): void {
    if (this.ended) return;
    const error = errorOf({
      headers: this.#headers,
      trailers: this.#trailers,
      resetCode: stream.rstCode ?? 0,
      connectionLost: session.destroyed,
      cause: this.#failure,
    });
    if (!error && this.#reader.pending > 0) return this.#end(new RpcError(RpcCode.INTERNAL, 'the answer ended inside a message'));
    this.#end(error);
  }

  #end(error: RpcError | undefined): void {
    if (this.ended) return;
    if (this.#observer) this.#observe(this.#observer, error);
    this.ended = true;
    this.#timer?.cancel();
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#sink.end(error);
  }

  #onFirstByte(): void {
    if (this.#sawBody || !this.#observer || this.ended) return;
    this.#sawBody = true;
    this.#observer.firstByte(this.#httpStatus ?? 0);
  }

  #observe(observer: CallObserver, error: RpcError | undefined): void {
    const httpStatus = this.#httpStatus;
    if (httpStatus !== undefined) this.#onFirstByte();
    const sent = this.#trailers?.['grpc-status'] ?? this.#headers?.['grpc-status'];
    const said = sent !== undefined && /^\d{1,2}$/.test(String(sent)) ? Number(sent) : undefined;
    observer.ended({ httpStatus, grpcStatus: said, error: error && said === undefined ? this.#interruption(error) : undefined });
  }

  get #httpStatus(): number | undefined {
    return this.#headers && Number(this.#headers[':status']);
  }

  /** What ended a call of which the server said nothing. */
  #interruption(error: RpcError): CallOutcome['error'] {
    if (error.code === RpcCode.DEADLINE_EXCEEDED) return 'timeout';
    if (this.#signal?.aborted || error.code === RpcCode.CANCELLED) return 'cancelled';
    if (this.#stream?.session?.destroyed ?? true) return 'lost';
    return this.#stream?.rstCode ? 'reset' : 'invalid';
  }
}

/** `grpc-timeout`: at most eight digits and a unit. */
export function formatTimeout(ms: number): string {
  const whole = Math.max(1, Math.ceil(ms));
  return whole < 100_000_000 ? `${whole}m` : `${Math.min(99_999_999, Math.ceil(whole / 1000))}S`;
}
