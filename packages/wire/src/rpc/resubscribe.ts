// A server stream kept alive: limits, backoff, a new call after every end. spec/wire.md, Get stream semantics; spec/proxy.md §5.3.
import type { MethodDefinition } from '@grpc/grpc-js';
import { type Clock, type ExponentialBackoff, exponentialBackoff, type Random, sleep } from '@weft/core';
import { type RpcChannel, RpcCode, RpcError } from './channel.ts';

/** In milliseconds; absent: no limit. */
export interface StreamLimits {
  /** Longest wait for the first message: the call fails with DEADLINE_EXCEEDED. */
  readonly initialMs?: number | undefined;
  /** Longest silence after that: the call is ended and made anew. */
  readonly idleMs?: number | undefined;
  /** Longest life of one call: it is ended and made anew. */
  readonly lifetimeMs?: number | undefined;
}

export interface ResubscribeOptions<Request, Response> {
  readonly channel: RpcChannel;
  readonly method: MethodDefinition<Request, Response>;
  readonly request: Request;
  readonly limits: StreamLimits;
  /** Between calls; starts again after a message was received. */
  readonly backoff: ExponentialBackoff;
  readonly clock: Clock;
  readonly random: Random;
  /** A new call begins: the next message is the first of its stream. */
  onStart?(): void;
  onMessage(message: Response): void;
  /** The call ended, with OK or not, other than by a limit on a healthy stream; another one follows after the backoff. */
  onAway(error: RpcError): void;
  /** Whether this status ends the subscription for good. Called before `onAway`, which is then not called. */
  isFinal(error: RpcError): boolean;
}

type Ending = { readonly kind: 'renew' } | { readonly kind: 'away'; readonly error: RpcError };

/** Starts calling at once, and goes on until the returned function is called or the server refuses for good. */
export function resubscribe<Request, Response>(options: ResubscribeOptions<Request, Response>): () => void {
  const stop = new AbortController();
  void run(options, stop.signal);
  return () => stop.abort();
}

async function run<Request, Response>(options: ResubscribeOptions<Request, Response>, stop: AbortSignal): Promise<void> {
  const { clock, random } = options;
  const backoff = exponentialBackoff({ ...options.backoff, random });
  for (;;) {
    const ending = await call(options, stop, () => backoff.reset());
    if (stop.aborted) return;
    if (ending.kind === 'renew') continue;
    if (options.isFinal(ending.error)) return;
    options.onAway(ending.error);
    await sleep(clock, backoff.next(), stop).catch(() => undefined);
    if (stop.aborted) return;
  }
}

/** One call, to its end. */
async function call<Request, Response>(options: ResubscribeOptions<Request, Response>, stop: AbortSignal, onHealthy: () => void): Promise<Ending> {
  const { channel, method, request, limits, clock } = options;
  const abort = new AbortController();
  let limit: Ending | undefined;
  let heard = false;
  const end = (ending: Ending): void => {
    limit ??= ending;
    abort.abort();
  };
  const onStop = (): void => abort.abort();
  stop.addEventListener('abort', onStop, { once: true });
  const after = (ms: number | undefined, ending: () => Ending) => (ms === undefined ? undefined : clock.after(ms, () => end(ending())));
  const renew = (): Ending => ({ kind: 'renew' });
  const silent = (ms: number | undefined): Ending => ({ kind: 'away', error: new RpcError(RpcCode.DEADLINE_EXCEEDED, `no first message within ${ms} ms`) });
  const initial = after(limits.initialMs, () => silent(limits.initialMs));
  // A call that never said anything has not grown old, but failed: renewing it at once could go on without a pause.
  const lifetime = after(limits.lifetimeMs, () => (heard ? renew() : silent(limits.lifetimeMs)));
  let idle = undefined as ReturnType<typeof after>;
  options.onStart?.();
  try {
    for await (const message of channel.serverStream(method, request, { signal: abort.signal })) {
      if (abort.signal.aborted) break;
      initial?.cancel();
      idle?.cancel();
      heard = true;
      idle = after(limits.idleMs, renew);
      onHealthy();
      options.onMessage(message);
    }
    return limit ?? { kind: 'away', error: new RpcError(RpcCode.OK, 'the stream ended') };
  } catch (error) {
    return limit ?? { kind: 'away', error: error instanceof RpcError ? error : new RpcError(RpcCode.INTERNAL, String(error), { cause: error }) };
  } finally {
    initial?.cancel();
    idle?.cancel();
    lifetime?.cancel();
    stop.removeEventListener('abort', onStop);
  }
}
