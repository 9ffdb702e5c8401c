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

/**
 * A Watch of `fn(value)`; started by the first subscriber, so an unused one costs nothing (and stays pending).
 * `fn` is called once per value: the same value gives the same result, whoever subscribes and when.
 */
export function mapWatch<A, B>(watch: Watch<A>, fn: (value: A) => B): Watch<B> {
  let last: { readonly from: A; readonly to: B } | undefined;
  const map = (value: A): B => {
    if (!last || !Object.is(last.from, value)) last = { from: value, to: fn(value) };
    return last.to;
  };
  return createWatch<B>({
    start: (out) => watch.subscribe((state) => out.update(state.kind === 'value' ? { ...state, value: map(state.value) } : state)),
  }).watch;
}
