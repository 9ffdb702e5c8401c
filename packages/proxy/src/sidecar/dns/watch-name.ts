// The addresses of one name as they change: resolved again when an answer has grown old; while DNS fails the last ones stay in force.
// spec/proxy.md §5.3.
import {
  type Clock,
  createWatch,
  type ExponentialBackoff,
  exponentialBackoff,
  formatSocketAddress,
  type Logger,
  type Millis,
  type Random,
  reason,
  type SocketAddress,
  sleep,
  type Watch,
  type WatchSource,
} from '@weft/core';
import { type OnLookup, ResolveError, type Resolver } from './resolver.ts';

export interface WatchNameOptions {
  readonly resolver: Resolver;
  readonly host: string;
  readonly port: number;
  /** Between failures for which DNS gives no time. */
  readonly backoff: ExponentialBackoff;
  /** Each change makes it resolve again at once. Default never. */
  readonly refresh?: Watch<unknown> | undefined;
  readonly onLookup?: OnLookup | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Resolves while somebody subscribes. `rejected`: no address was ever known, for this reason; it goes on trying. */
export function watchName(options: WatchNameOptions): Watch<readonly SocketAddress[]> {
  return createWatch<readonly SocketAddress[]>({
    equal: sameAddresses,
    start: (source) => {
      const stop = new AbortController();
      void follow(options, source, stop.signal);
      return () => stop.abort();
    },
  }).watch;
}

/** Never rejects. */
async function follow(options: WatchNameOptions, source: WatchSource<readonly SocketAddress[]>, stop: AbortSignal): Promise<void> {
  const { resolver, host, port, onLookup, random, logger } = options;
  const backoff = exponentialBackoff({ ...options.backoff, random });
  while (!stop.aborted) {
    let waitMs: Millis;
    try {
      const { addresses, ttlMs } = await resolver.resolve(host, port, { signal: stop, onLookup });
      if (stop.aborted) return;
      backoff.reset();
      source.set(addresses);
      waitMs = ttlMs;
    } catch (error) {
      if (stop.aborted) return;
      waitMs = (error instanceof ResolveError ? error.negativeTtlMs : undefined) ?? backoff.next();
      const message = error instanceof Error ? error.message : String(error);
      const known = source.watch.state.kind === 'value';
      logger.log('warn', known ? 'a control-plane name cannot be resolved; its last addresses are used' : 'a control-plane name cannot be resolved', {
        host,
        error: message,
        retryInMs: Math.round(waitMs),
      });
      if (known) source.stale();
      else source.reject(reason('CONTROL_NAME_UNRESOLVED', message));
    }
    await pause(options, waitMs, stop);
  }
}

/** Until the time is over, something says that the answer may be another one, or it ends. */
async function pause({ clock, refresh }: WatchNameOptions, ms: Millis, stop: AbortSignal): Promise<void> {
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

/** DNS servers shuffle their answers: the order says nothing. */
function sameAddresses(a: readonly SocketAddress[], b: readonly SocketAddress[]): boolean {
  const [left, right] = [new Set(a.map(formatSocketAddress)), new Set(b.map(formatSocketAddress))];
  return left.size === right.size && [...left].every((address) => right.has(address));
}
