// Reading a Watch with `for await`.
import type { Unsubscribe, Watch, WatchState } from './watch.ts';

/**
 * Yields settled states, the newest when the reader is slow. Subscribes at the first `next` and releases at `return`,
 * which also ends a `next` that waits (an async generator would wait with it).
 */
export function iterate<T>(watch: Pick<Watch<T>, 'subscribe'>): AsyncIterableIterator<WatchState<T>, undefined> {
  type Result = IteratorResult<WatchState<T>, undefined>;
  let latest: WatchState<T> | undefined;
  let unsubscribe: Unsubscribe | undefined;
  let ended = false;
  const waiting: ((result: Result) => void)[] = [];

  const onState = (state: WatchState<T>): void => {
    if (state.kind === 'pending' || ended) return;
    const next = waiting.shift();
    if (next) next({ done: false, value: state });
    else latest = state;
  };
  const end = (): Promise<Result> => {
    ended = true;
    latest = undefined;
    unsubscribe?.();
    for (const next of waiting.splice(0)) next({ done: true, value: undefined });
    return Promise.resolve({ done: true, value: undefined });
  };

  return {
    next() {
      if (ended) return Promise.resolve({ done: true, value: undefined });
      unsubscribe ??= watch.subscribe(onState);
      const value = latest;
      latest = undefined;
      if (value) return Promise.resolve({ done: false, value });
      return new Promise<Result>((resolve) => waiting.push(resolve));
    },
    return: end,
    throw: (error) => end().then(() => Promise.reject(error)),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
