// The addresses of one control-plane name as they change; while DNS fails the last ones stay in force. spec/proxy.md §5.3.
import {
  type Clock,
  createWatch,
  type ExponentialBackoff,
  formatSocketAddress,
  type Logger,
  type Random,
  reason,
  type SocketAddress,
  type Watch,
} from '@weft/core';
import { follow } from './follow.ts';
import type { OnLookup, Resolver } from './resolver.ts';

export interface WatchNameOptions {
  readonly resolver: Pick<Resolver, 'resolve'>;
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
  const { resolver, host, port, onLookup, logger } = options;
  return createWatch<readonly SocketAddress[]>({
    equal: sameAddresses,
    start: (source) =>
      follow({
        ...options,
        async attempt(signal) {
          const { addresses, ttlMs } = await resolver.resolve(host, port, { signal, onLookup });
          if (!signal.aborted) source.set(addresses);
          return ttlMs;
        },
        onFailure({ message }, retryInMs) {
          const known = source.watch.state.kind === 'value';
          logger.log('warn', known ? 'a control-plane name cannot be resolved; its last addresses are used' : 'a control-plane name cannot be resolved', {
            host,
            error: message,
            retryInMs: Math.round(retryInMs),
          });
          if (known) source.stale();
          else source.reject(reason('CONTROL_NAME_UNRESOLVED', message));
        },
      }),
  }).watch;
}

/** DNS servers shuffle their answers: the order says nothing. */
function sameAddresses(a: readonly SocketAddress[], b: readonly SocketAddress[]): boolean {
  const [left, right] = [new Set(a.map(formatSocketAddress)), new Set(b.map(formatSocketAddress))];
  return left.size === right.size && [...left].every((address) => right.has(address));
}
