// A name that is resolved again whenever its answer has grown old, and with backoff while there is none. spec/proxy.md §5.3.
import { type Clock, type ExponentialBackoff, exponentialBackoff, type Millis, type Random, sleep, type Watch } from '@weft/core';
import { ResolveError } from './resolver.ts';

export interface FollowOptions {
  /** Resolves once and takes what is found; says how long that holds. May reject. */
  readonly attempt: (signal: AbortSignal) => Promise<Millis>;
  /** An attempt was rejected, and the next one comes after this time. Must not throw. */
  readonly onFailure: (error: Error, retryInMs: Millis) => void;
  /** Between failures for which DNS gives no time. */
  readonly backoff: ExponentialBackoff;
  /** Each change makes it resolve again at once. Default never. */
  readonly refresh?: Watch<unknown> | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/** Begins at once. Returns what ends it. */
export function follow(options: FollowOptions): () => void {
  const stop = new AbortController();
  void run(options, stop.signal);
  return () => stop.abort();
}

/** Never rejects. */
async function run(options: FollowOptions, stop: AbortSignal): Promise<void> {
  const backoff = exponentialBackoff({ ...options.backoff, random: options.random });
  while (!stop.aborted) {
    let waitMs: Millis;
    try {
      waitMs = await options.attempt(stop);
      backoff.reset();
    } catch (thrown) {
      if (stop.aborted) return;
      waitMs = (thrown instanceof ResolveError ? thrown.negativeTtlMs : undefined) ?? backoff.next();
      options.onFailure(thrown instanceof Error ? thrown : new Error(String(thrown)), waitMs);
    }
    if (!stop.aborted) await pause(options, waitMs, stop);
  }
}

/** Until the time is over, something says that the answer may be another one, or it ends. */
async function pause({ clock, refresh }: FollowOptions, ms: Millis, stop: AbortSignal): Promise<void> {
  const wake = new AbortController();
  let subscribed = false;
  const release = refresh?.subscribe(() => {
    if (subscribed) wake.abort();
  });
  subscribed = true;
  const signal = AbortSignal.any([stop, wake.signal]);
  await (Number.isFinite(ms) ? sleep(clock, ms, signal).catch(() => undefined) : aborted(signal));
  release?.();
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
