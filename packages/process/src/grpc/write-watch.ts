// A Watch written to a server stream. A slow client costs one state: while its stream is full, newer states replace the waiting one.
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { Unsubscribe, Watch, WatchState } from '@weft/core';

export type Settled<T> = Exclude<WatchState<T>, { kind: 'pending' }>;

/** Messages to send, none when nothing changed for this client; or a status that ends the stream (code 0: OK). */
export type Encoded<M> = readonly M[] | { readonly code: number; readonly details: string };

export interface WatchToCallOptions<T, M> {
  readonly call: ServerWritableStream<never, M> | ServerWritableStream<unknown, M>;
  readonly watch: Watch<T>;
  /** Called per state that is sent, with the state that was encoded before it: states between may be skipped, so compute differences from there. */
  readonly encode: (state: Settled<T>, previous: Settled<T> | undefined) => Encoded<M>;
}

/** Subscribes until the client leaves or the stream ends. Returns the same release, for servers that stop earlier. */
export function writeWatch<T, M>(options: WatchToCallOptions<T, M>): Unsubscribe {
  const { watch, encode } = options;
  const call = options.call as ServerWritableStream<unknown, M>;
  let waiting: Settled<T> | undefined;
  let previous: Settled<T> | undefined;
  let full = false;
  let ended = false;
  let unsubscribe: Unsubscribe | undefined;

  const release = (): void => {
    ended = true;
    waiting = undefined;
    unsubscribe?.();
  };
  const flush = (): void => {
    while (waiting && !full && !ended) {
      const state = waiting;
      waiting = undefined;
      const encoded = encode(state, previous);
      previous = state;
      if ('code' in encoded) {
        release();
        if (encoded.code === 0) call.end();
        else call.emit('error', encoded);
        return;
      }
      for (const message of encoded) if (!call.writableEnded && !call.destroyed) full = !call.write(message) || full;
    }
  };

  call.on('drain', () => {
    full = false;
    guarded(call, release, flush);
  });
  for (const event of ['cancelled', 'close', 'finish', 'error']) call.once(event, release);
  unsubscribe = watch.subscribe((state) => {
    if (state.kind === 'pending' || ended) return;
    waiting = state;
    guarded(call, release, flush);
  });
  if (ended || call.cancelled) release();
  return release;
}

/** An encoder that throws ends its own stream and nobody else's. */
function guarded(call: ServerWritableStream<unknown, unknown>, release: () => void, flush: () => void): void {
  try {
    flush();
  } catch (error) {
    release();
    const code = error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : 13;
    call.emit('error', { code, details: error instanceof Error ? error.message : String(error) });
  }
}
