// An RpcChannel in memory whose calls a test drives: for clients under a manual clock.
import type { MethodDefinition } from '@grpc/grpc-js';
import { type CallOptions, type RpcChannel, RpcCode, RpcError } from './channel.ts';

/** One call that a client made. */
export interface ScriptedCall {
  readonly path: string;
  readonly request: unknown;
  /** The client left, or its signal was aborted. */
  readonly cancelled: boolean;
  send(message: unknown): void;
  /** Ends the call; code 0 ends a stream well. */
  end(code: number, message?: string): void;
}

export interface ScriptedChannel extends RpcChannel {
  /** Every call so far, the ended ones too. */
  readonly calls: readonly ScriptedCall[];
  /** The newest one; throws when there is none. */
  readonly last: ScriptedCall;
  readonly closed: boolean;
}

export function scriptedChannel(): ScriptedChannel {
  const calls: Call[] = [];
  let closed = false;
  const open = <Q, R>(method: MethodDefinition<Q, R>, request: Q, options: CallOptions): Call => {
    const call = new Call(method.path, request, options.signal);
    calls.push(call);
    return call;
  };
  return {
    calls,
    get last() {
      const call = calls.at(-1);
      if (!call) throw new Error('no call was made');
      return call;
    },
    get closed() {
      return closed;
    },
    async unary<Q, R>(method: MethodDefinition<Q, R>, request: Q, options: CallOptions = {}): Promise<R> {
      for await (const message of open(method, request, options).messages()) return message as R;
      throw new RpcError(RpcCode.INTERNAL, 'ended without a message');
    },
    serverStream: <Q, R>(method: MethodDefinition<Q, R>, request: Q, options: CallOptions = {}) =>
      open(method, request, options).messages() as AsyncIterable<R>,
    close() {
      closed = true;
      for (const call of calls) call.end(RpcCode.CANCELLED, 'the channel was closed');
    },
  };
}

class Call implements ScriptedCall {
  readonly path: string;
  readonly request: unknown;
  cancelled = false;
  readonly #queue: unknown[] = [];
  #ending: RpcError | undefined;
  #wake: (() => void) | undefined;

  constructor(path: string, request: unknown, signal: AbortSignal | undefined) {
    this.path = path;
    this.request = request;
    signal?.addEventListener('abort', () => this.#cancel(), { once: true });
    if (signal?.aborted) this.#cancel();
  }

  send(message: unknown): void {
    this.#queue.push(message);
    this.#wake?.();
  }

  end(code: number, message = `status ${code}`): void {
    this.#ending ??= new RpcError(code, message);
    this.#wake?.();
  }

  async *messages(): AsyncGenerator<unknown, void, undefined> {
    try {
      for (;;) {
        while (this.#queue.length > 0 && !this.cancelled) yield this.#queue.shift();
        if (this.#ending?.code === RpcCode.OK) return;
        if (this.#ending) throw this.#ending;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.cancelled ||= this.#ending === undefined;
    }
  }

  #cancel(): void {
    this.cancelled = true;
    this.end(RpcCode.CANCELLED, 'cancelled');
  }
}
