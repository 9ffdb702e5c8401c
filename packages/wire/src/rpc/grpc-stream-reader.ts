// The messages of one call as an async iterator, with a bounded number waiting for their reader.
import { RpcCode, RpcError } from './channel.ts';
import type { CallSink } from './grpc-call.ts';

/** What the reader needs of its call. */
export interface ReadableCall {
  start(): void;
  pause(): void;
  resume(): void;
  cancel(error: RpcError): void;
}

/** Messages that wait before the peer is stopped. One chunk may carry some more. */
const MAX_WAITING = 16;

interface Reader<Response> {
  readonly resolve: (result: IteratorResult<Response, undefined>) => void;
  readonly reject: (error: RpcError) => void;
}

/** The call starts with the first `next`. Its error is thrown once, after the messages before it. `return` cancels the call. */
export class GrpcStreamReader<Response> implements AsyncIterator<Response, undefined>, CallSink<Response> {
  readonly #call: ReadableCall;
  readonly #messages: Response[] = [];
  readonly #readers: Reader<Response>[] = [];
  #started = false;
  #ended = false;
  #error: RpcError | undefined;

  constructor(open: (sink: CallSink<Response>) => ReadableCall) {
    this.#call = open(this);
  }

  message(response: Response): void {
    if (this.#ended) return;
    const reader = this.#readers.shift();
    if (reader) reader.resolve({ done: false, value: response });
    else if (this.#messages.push(response) >= MAX_WAITING) this.#call.pause();
  }

  end(error: RpcError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    const [first, ...others] = this.#readers.splice(0);
    if (!first) this.#error = error;
    else if (error) first.reject(error);
    else first.resolve({ done: true, value: undefined });
    for (const reader of others) reader.resolve({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<Response, undefined>> {
    if (!this.#started && !this.#ended) {
      this.#started = true;
      this.#call.start();
    }
    if (this.#messages.length > 0) {
      const value = this.#messages.shift() as Response;
      if (this.#messages.length === MAX_WAITING / 2) this.#call.resume();
      return Promise.resolve({ done: false, value });
    }
    if (this.#ended) {
      const error = this.#error;
      this.#error = undefined;
      return error ? Promise.reject(error) : Promise.resolve({ done: true, value: undefined });
    }
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<Response, undefined>> {
    this.end(undefined);
    this.#error = undefined;
    this.#messages.length = 0;
    this.#call.cancel(new RpcError(RpcCode.CANCELLED, 'the reader left'));
    return Promise.resolve({ done: true, value: undefined });
  }
}
