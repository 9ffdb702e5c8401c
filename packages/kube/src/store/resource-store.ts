// List and watch, for ever: keeps the last state while the API server is away, resumes by resourceVersion, lists again on 410.
import { type Clock, type Logger, type Random, silentLogger, sleep, systemClock, systemRandom } from '@weft/core';
import type { KubeClient, SelectOptions } from '../client/kube-client.ts';
import { KubeError } from '../client/kube-error.ts';
import type { KubeObject } from '../resources/meta.ts';
import type { ResourceKind } from '../resources/resource-kind.ts';
import { objectCache } from './object-cache.ts';
import type { ResourceStore } from './store.ts';

export interface ResourceStoreOptions extends SelectOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  /** A watch without a byte for this long is given up, in milliseconds. Bookmarks come every minute. Default 150000. */
  readonly idleMs?: number;
  /** First and longest wait between attempts, in milliseconds. Defaults 250 and 30000. */
  readonly backoffMs?: { readonly min: number; readonly max: number };
  /** Called for each break of the watch and each failed list, for a metric. */
  readonly onBreak?: (error: KubeError) => void;
}

export function resourceStore<T extends KubeObject>(client: KubeClient, kind: ResourceKind<T>, options: ResourceStoreOptions = {}): ResourceStore<T> {
  const { clock = systemClock(), random = systemRandom, idleMs = 150_000, backoffMs = { min: 250, max: 30_000 } } = options;
  const logger = (options.logger ?? silentLogger).child({ kind: kind.kind });
  const cache = objectCache<T>({ logger });
  const abort = new AbortController();
  const { signal } = abort;
  const select: SelectOptions = pick(options);
  let isSynced = false;
  let isStale = true;
  let resolveSynced: () => void = () => undefined;
  let rejectSynced: (error: Error) => void = () => undefined;
  const synced = new Promise<void>((resolve, reject) => {
    resolveSynced = resolve;
    rejectSynced = reject;
  });
  // Nobody has to wait for it: a closed store must not become an unhandled rejection.
  synced.catch(() => undefined);

  const listAll = async (): Promise<string> => {
    const list = await client.list(kind, { ...select, signal });
    cache.replace(list.items);
    isSynced = true;
    isStale = false;
    resolveSynced();
    return list.resourceVersion;
  };

  /** One watch from a version on, until it ends; answers the version to resume from. */
  const follow = async (from: string, progress: (version: string) => void): Promise<void> => {
    // Between five and ten minutes, spread, so that many stores do not come back together.
    const timeoutSeconds = Math.round(300 * (1 + random.next()));
    for await (const event of client.watch(kind, { ...select, resourceVersion: from, timeoutSeconds, idleMs, signal })) {
      isStale = false;
      if (event.type === 'DELETED') cache.remove(event.object);
      else if (event.type !== 'BOOKMARK') cache.put(event.object);
      if (event.resourceVersion !== '') progress(event.resourceVersion);
    }
  };

  const run = async (): Promise<void> => {
    let version: string | undefined;
    let failures = 0;
    let retryAfterMs = 0;
    while (!signal.aborted) {
      const started = clock.now();
      let advanced = false;
      // Only a watch that brought something or lasted counts as success: a server that lists but cannot watch is not asked in a tight circle.
      const settle = (): void => {
        if (advanced || clock.now() - started >= backoffMs.max) failures = 0;
      };
      try {
        version ??= await listAll();
        await follow(version, (next) => {
          version = next;
          advanced = true;
        });
        settle();
        if (clock.now() - started >= 1000) continue;
        failures++;
      } catch (error) {
        if (signal.aborted) break;
        settle();
        const known = error instanceof KubeError ? error : new KubeError('PROTOCOL', `${kind.kind} store failed`, { cause: error });
        isStale = true;
        options.onBreak?.(known);
        if (known.code === 'EXPIRED' || known.code === 'PROTOCOL' || known.code === 'BAD_REQUEST') version = undefined;
        const first = failures++ === 0;
        logger.log(first ? 'info' : 'warn', 'watch interrupted', { code: known.code, error: known.message, failures });
        // An idle watch is resumed, and forgotten history listed again, at once; the first time.
        if (first && (known.code === 'EXPIRED' || known.code === 'TIMEOUT')) continue;
        retryAfterMs = known.retryAfterMs ?? 0;
      }
      await sleep(clock, Math.max(retryAfterMs, delay(failures, backoffMs, random)), signal).catch(() => undefined);
      retryAfterMs = 0;
    }
  };
  void run().catch((error: unknown) => logger.log('error', 'the store stopped', { error: String(error) }));

  return {
    kind,
    synced,
    get isSynced() {
      return isSynced;
    },
    get isStale() {
      return isStale;
    },
    get: (namespace, name) => cache.get(kind.namespaced ? namespace : undefined, name),
    list: (namespace) => cache.list(kind.namespaced ? namespace : undefined),
    subscribe: (fn) => cache.subscribe(fn),
    close() {
      abort.abort(new KubeError('UNREACHABLE', 'the store is closed'));
      rejectSynced(new KubeError('UNREACHABLE', 'the store is closed'));
    },
  };
}

/** Doubling with half of it random. */
function delay(failures: number, { min, max }: { readonly min: number; readonly max: number }, random: Random): number {
  const whole = Math.min(max, min * 2 ** Math.min(20, Math.max(0, failures - 1)));
  return whole * (0.5 + random.next() / 2);
}

function pick({ namespace, labelSelector, fieldSelector }: SelectOptions): SelectOptions {
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
}
