// Reading and transforming Watches.
import { createWatch, type Watch, type WatchState } from './watch.ts';

/** The last known value, also while stale; undefined in every other state. */
export function valueOf<T>(watch: Watch<T>): T | undefined {
  const { state } = watch;
  return state.kind === 'value' ? state.value : undefined;
}

/** Resolves with the first state that is not pending; rejects with the signal's reason when aborted. */
export function settled<T>(watch: Watch<T>, signal?: AbortSignal): Promise<Exclude<WatchState<T>, { kind: 'pending' }>> {
  return new Promise((resolve, reject) => {
    let unsubscribe: (() => void) | undefined;
    let done = false;
    const finish = (): void => {
      done = true;
      signal?.removeEventListener('abort', onAbort);
      unsubscribe?.();
    };
    const onAbort = (): void => {
      finish();
      reject(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    if (signal?.aborted) return onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    unsubscribe = watch.subscribe((state) => {
      if (state.kind === 'pending' || done) return;
      finish();
      resolve(state);
    });
    if (done) unsubscribe();
    return undefined;
  });
}

/** A Watch of `fn(value)`; started by the first subscriber, so an unused one costs nothing. */
export function mapWatch<A, B>(watch: Watch<A>, fn: (value: A) => B): Watch<B> {
  return createWatch<B>({
    start: (out) =>
      watch.subscribe((state) => {
        if (state.kind === 'value') {
          out.set(fn(state.value));
          if (state.stale) out.stale();
        } else if (state.kind === 'absent') {
          out.absent();
          if (state.stale) out.stale();
        } else if (state.kind === 'rejected') out.reject(state.reason);
      }),
  }).watch;
}
