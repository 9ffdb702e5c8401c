// The objects of one kind as a list-and-watch keeps them: the last state stays while the API server is away, and gets whole again.
import { type Clock, type Logger, type MetricRegistry, type Random, silentLogger, systemClock, systemRandom } from '@weft/core';
import type { KubeClient, SelectOptions } from '../client/kube-client.ts';
import { KubeError } from '../client/kube-error.ts';
import type { KubeObject } from '../resources/meta.ts';
import type { ResourceKind } from '../resources/resource-kind.ts';
import { type Check, type Unfit, unfitText } from '../shape/shape.ts';
import { lastWrittenAt, withoutManagedFields } from './lean-object.ts';
import { objectCache } from './object-cache.ts';
import { type ReflectorSink, reflect } from './reflector.ts';
import type { ResourceStore } from './store.ts';
import { storeMetrics } from './store-metrics.ts';

export interface ResourceStoreOptions<T extends KubeObject = KubeObject> extends SelectOptions {
  /** What the reader needs. An object that does not have it is skipped: what was known of it stays, and others are not affected. Default: everything will do. */
  readonly check?: Check;
  /** Leaves out what the reader does not need, before an object is kept. Field ownership is never kept. */
  readonly trim?: (object: T) => T;
  /** Default: the client's. */
  readonly registry?: MetricRegistry;
  /** Label of the metrics. Default `local`. */
  readonly cluster?: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  /** Objects per request of a list. Default 500. */
  readonly pageSize?: number;
  /** A watch without a byte for this long is given up and resumed; the second time in a row everything is listed. Milliseconds. Bookmarks come every minute. Default 150000. */
  readonly idleMs?: number;
  /** First and longest wait between attempts, in milliseconds. Defaults 250 and 30000. */
  readonly backoffMs?: { readonly min: number; readonly max: number };
  /** Called for each break of the watch and each failed list. */
  readonly onBreak?: (error: KubeError) => void;
  /** Called for each event and each object that was skipped: PROTOCOL where it could not be read at all, UNREADABLE where `check` found the `object` wanting. */
  readonly onSkipped?: (error: KubeError, object: KubeObject | undefined) => void;
}

export function resourceStore<T extends KubeObject>(client: KubeClient, kind: ResourceKind<T>, options: ResourceStoreOptions<T> = {}): ResourceStore<T> {
  const { clock = systemClock(), random = systemRandom, idleMs = 150_000, backoffMs = { min: 250, max: 30_000 }, trim, check, cluster = 'local' } = options;
  const logger = (options.logger ?? silentLogger).child({ kind: kind.kind });
  const registry = options.registry ?? client.registry;
  const metrics = registry && storeMetrics(registry, kind, cluster);
  const cache = objectCache<T>({ logger });
  const abort = new AbortController();
  const { signal } = abort;
  let isSynced = false;
  let isStale = true;
  const { promise: synced, resolve: resolveSynced, reject: rejectSynced } = deferred();

  const knownOf = ({ metadata }: T): T | undefined => cache.get(kind.namespaced ? metadata.namespace : undefined, metadata.name);
  /** When what is held was last written, as far as a lag is measured. */
  const written = new WeakMap<T, number>();
  /** What is known of it stays, in lists too, where what is missing is gone. */
  const keep = (object: T): T | undefined => {
    const found = check?.(object);
    if (found) {
      skip(unreadable(kind, object, found), object);
      return knownOf(object);
    }
    const lean = withoutManagedFields(object);
    const kept = trim ? trim(lean) : lean;
    const at = metrics && lastWrittenAt(object);
    if (at !== undefined) written.set(kept, at);
    return kept;
  };
  const counted = <R>(change: () => R): R => {
    const before = cache.size;
    const result = change();
    metrics?.resized(cache.size - before);
    return result;
  };

  const safely = (call: () => void): void => {
    try {
      call();
    } catch (error) {
      logger.log('error', 'a callback threw', { error: String(error) });
    }
  };
  const skip = (error: KubeError, object: T | undefined): void => {
    metrics?.skipped();
    safely(() => options.onSkipped?.(error, object));
    logger.log('warn', object ? 'skipped an object, of which what was known stays' : 'skipped what is no object', { error: error.message });
  };
  const sink: ReflectorSink<T> = {
    listed(objects, complete) {
      const differed = counted(() => cache.replace(objects, complete));
      if (isSynced) metrics?.missed(differed);
      isSynced = true;
      resolveSynced();
    },
    changed({ type, object }) {
      if (type === 'DELETED') return counted(() => cache.remove(object));
      const old = knownOf(object);
      const kept = keep(object);
      if (!kept || kept === old) return;
      const at = written.get(kept);
      if (old && at !== undefined && at !== written.get(old)) metrics?.lag(Math.max(0, clock.wall() - at) / 1000);
      counted(() => cache.put(kept));
    },
    fresh(isFresh) {
      if (isStale !== isFresh) return;
      isStale = !isFresh;
      metrics?.stale(isFresh ? -1 : 1);
    },
    restarting(cause, error, failures) {
      metrics?.restarted(cause);
      if (!error) return;
      safely(() => options.onBreak?.(error));
      logger.log(failures === 1 ? 'info' : 'warn', 'watch interrupted', { cause, code: error.code, error: error.message, failures });
    },
    skipped: (error) => skip(error, undefined),
  };
  metrics?.stale(1);
  const reflecting = reflect(client, kind, sink, { select: pick(options), keep, pageSize: options.pageSize, idleMs, backoffMs, clock, random, signal });
  void reflecting.catch((error: unknown) => logger.log('error', 'the store stopped', { error: String(error) }));

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
    by: (keys) => cache.by(keys),
    subscribe: (fn) => cache.subscribe(fn),
    close() {
      if (signal.aborted) return;
      abort.abort(new KubeError('UNREACHABLE', 'the store is closed'));
      rejectSynced(new KubeError('UNREACHABLE', 'the store is closed'));
      metrics?.resized(-cache.size);
      if (isStale) metrics?.stale(-1);
    },
  };
}

function unreadable({ kind }: ResourceKind, { metadata: { namespace, name } }: KubeObject, found: Unfit): KubeError {
  return new KubeError('UNREADABLE', `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}: ${unfitText(found)}`);
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void; readonly reject: (error: Error) => void } {
  let resolve: () => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Nobody has to wait for it: a closed store must not become an unhandled rejection.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

function pick({ namespace, labelSelector, fieldSelector }: SelectOptions): SelectOptions {
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
}
