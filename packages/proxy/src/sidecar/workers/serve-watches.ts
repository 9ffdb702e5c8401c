// The main thread's end of the bridge: what a worker subscribes to is subscribed to here, and each state sent to it.
import type { Unsubscribe, Watch } from '@weft/core';
import type { FromWorker, Topic, ToWorker } from './messages.ts';
import { StatePacker } from './packed-state.ts';

export interface ServeWatchesOptions {
  watch(topic: Topic): Watch<unknown>;
  post(message: ToWorker): void;
  /** Wakes the worker, where it stands still. */
  ring(): void;
}

export interface ServedWatches {
  receive(message: Extract<FromWorker, { readonly kind: 'subscribe' | 'unsubscribe' }>): void;
  /** Ends all subscriptions. */
  close(): void;
}

/** As many subscriptions as the worker makes: its proxy bounds them. */
export function serveWatches({ watch, post, ring }: ServeWatchesOptions): ServedWatches {
  const subscriptions = new Map<number, Unsubscribe>();
  let closed = false;
  return {
    receive(message) {
      if (message.kind === 'unsubscribe') {
        subscriptions.get(message.id)?.();
        subscriptions.delete(message.id);
        return;
      }
      if (closed) return;
      const { id, topic } = message;
      const packer = new StatePacker();
      const unsubscribe = watch(topic).subscribe((state) => {
        if (state.kind !== 'pending') post({ kind: 'state', id, state: packer.pack(state) });
      });
      subscriptions.set(id, unsubscribe);
      if (message.waits) ring();
    },
    close() {
      closed = true;
      for (const unsubscribe of subscriptions.values()) unsubscribe();
      subscriptions.clear();
    },
  };
}
