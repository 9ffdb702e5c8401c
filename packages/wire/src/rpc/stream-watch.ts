// A Watch as a server stream. A slow reader costs no memory: while it does not take what was written, newer states replace
// older ones that it has not seen, and it then gets the way from what it last saw to what is now.
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { Watch, WatchState } from '@weft/core';

export interface StreamWatchOptions<T, Response> {
  /** The messages that lead a reader from what it last saw (undefined at first) to `next`. May be none. */
  readonly messages: (previous: T | undefined, next: T) => readonly Response[];
  /** The status a rejected Watch ends the stream with. Default UNKNOWN with the reason. */
  readonly rejected?: (state: Extract<WatchState<T>, { kind: 'rejected' }>) => { readonly code: number; readonly details: string };
  /** Ends the stream with OK, as on shutdown. */
  readonly signal?: AbortSignal;
}

/** Writes until the client cancels, the signal aborts, or the Watch becomes absent (all OK) or rejected. */
export function streamWatch<T, Request, Response>(
  call: ServerWritableStream<Request, Response>,
  watch: Watch<T>,
  options: StreamWatchOptions<T, Response>,
): void {
  const { messages, signal } = options;
  const rejected = options.rejected ?? ((state) => ({ code: 2, details: state.reason.detail ?? state.reason.code }));
  let sent: T | undefined;
  let blocked = false;
  let done = false;
  let unsubscribe: (() => void) | undefined;

  const finish = (end?: () => void): void => {
    if (done) return;
    done = true;
    unsubscribe?.();
    signal?.removeEventListener('abort', onAbort);
    end?.();
  };
  const onAbort = (): void => finish(() => call.end());
  const flush = (): void => {
    const { state } = watch;
    if (done || blocked || state.kind !== 'value' || state.value === sent) return;
    const batch = messages(sent, state.value);
    sent = state.value;
    for (const message of batch) if (!call.write(message)) blocked = true;
  };

  call.on('drain', () => {
    blocked = false;
    flush();
  });
  call.on('cancelled', () => finish());
  call.on('close', () => finish());
  call.on('error', () => finish());
  if (signal?.aborted) return onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  const stop = watch.subscribe((state) => {
    if (state.kind === 'absent') finish(() => call.end());
    else if (state.kind === 'rejected') finish(() => void call.emit('error', rejected(state)));
    else flush();
  });
  if (done) stop();
  else unsubscribe = stop;
}
