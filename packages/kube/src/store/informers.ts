// The stores of one process: who asks for a kind that is watched already shares its watch and its objects.
import type { Clock, Logger, MetricRegistry, Random } from '@weft/core';
import type { KubeClient, SelectOptions } from '../client/kube-client.ts';
import { KubeError } from '../client/kube-error.ts';
import type { KubeObject } from '../resources/meta.ts';
import { apiVersionOf, type ResourceKind } from '../resources/resource-kind.ts';
import { type ResourceStoreOptions, resourceStore } from './resource-store.ts';
import type { ResourceStore } from './store.ts';

export interface InformersOptions {
  readonly registry?: MetricRegistry;
  /** Label of the metrics. Default `local`. */
  readonly cluster?: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

export interface Informers {
  /** A share of the store of this kind and selection. Closing it gives the share back; the last one closes the watch. Throws KubeError UNREACHABLE when closed. */
  store<T extends KubeObject>(kind: ResourceKind<T>, select?: SelectOptions): ResourceStore<T>;
  /** Resolves when everything that is watched now was listed. */
  readonly synced: Promise<void>;
  readonly isSynced: boolean;
  readonly isStale: boolean;
  /** Ends every watch. Idempotent. */
  close(): void;
}

interface Shared {
  readonly store: ResourceStore<KubeObject>;
  shares: number;
}

export function informers(client: KubeClient, options: InformersOptions = {}): Informers {
  const shared = new Map<string, Shared>();
  let closed = false;
  const stores = (): ResourceStore<KubeObject>[] => [...shared.values()].map(({ store }) => store);

  return {
    store<T extends KubeObject>(kind: ResourceKind<T>, select: SelectOptions = {}) {
      if (closed) throw new KubeError('UNREACHABLE', `${kind.kind}: the informers are closed`);
      const { namespace, labelSelector, fieldSelector } = select;
      const key = JSON.stringify([apiVersionOf(kind), kind.plural, kind.metadataOnly === true, namespace, labelSelector, fieldSelector]);
      let entry = shared.get(key);
      if (!entry) {
        const store = resourceStore(client, kind, { ...options, ...select } as ResourceStoreOptions<T>);
        // The kind is part of the key, so whoever finds it asked for the same type.
        shared.set(key, (entry = { store: store as unknown as ResourceStore<KubeObject>, shares: 0 }));
      }
      const held = entry;
      held.shares++;
      return share(held.store as unknown as ResourceStore<T>, () => {
        if (--held.shares > 0) return;
        held.store.close();
        shared.delete(key);
      });
    },
    get synced() {
      const all = Promise.all(stores().map((store) => store.synced)).then(() => undefined);
      all.catch(() => undefined);
      return all;
    },
    get isSynced() {
      return stores().every((store) => store.isSynced);
    },
    get isStale() {
      return stores().some((store) => store.isStale);
    },
    close() {
      closed = true;
      for (const store of stores()) store.close();
      shared.clear();
    },
  };
}

function share<T extends KubeObject>(store: ResourceStore<T>, release: () => void): ResourceStore<T> {
  const held = new Set<() => void>();
  let released = false;
  return {
    kind: store.kind,
    synced: store.synced,
    get isSynced() {
      return store.isSynced;
    },
    get isStale() {
      return store.isStale;
    },
    get: (namespace, name) => store.get(namespace, name),
    list: (namespace) => store.list(namespace),
    by(keys) {
      const index = store.by(keys);
      held.add(index.close);
      return index;
    },
    subscribe(fn) {
      const unsubscribe = store.subscribe(fn);
      held.add(unsubscribe);
      return () => {
        held.delete(unsubscribe);
        unsubscribe();
      };
    },
    close() {
      if (released) return;
      released = true;
      for (const end of held) end();
      release();
    },
  };
}
