// A worker's end of the bridge: Watches of what the main thread knows, each a subscription there while it has one here.
import { createWatch, type Watch, type WatchSource } from '@weft/core';
import type { FromWorker, Topic, ToWorker } from './messages.ts';
import { StateUnpacker } from './packed-state.ts';

export interface RemoteWatches {
  /** Pending until the first state has come. */
  watch<T>(topic: Topic): Watch<T>;
  /** Never pending: the first subscriber waits for the state, and so does the whole thread. */
  known<T>(topic: Topic): Watch<T>;
  receive(message: Extract<ToWorker, { readonly kind: 'state' }>): void;
}

export interface RemoteWatchesOptions {
  post(message: FromWorker): void;
  /** Receives messages, standing still in between, until `done`. */
  wait(done: () => boolean): void;
}

interface Subscription {
  readonly source: WatchSource<unknown>;
  readonly unpacker: StateUnpacker;
  answered: boolean;
}

export function remoteWatches({ post, wait }: RemoteWatchesOptions): RemoteWatches {
  const subscriptions = new Map<number, Subscription>();
  let last = 0;

  const remote = (topic: Topic, waits: boolean): Watch<unknown> =>
    createWatch<unknown>({
      start(source) {
        const id = ++last;
        const subscription: Subscription = { source, unpacker: new StateUnpacker(), answered: false };
        subscriptions.set(id, subscription);
        post({ kind: 'subscribe', id, topic, waits });
        if (waits) wait(() => subscription.answered);
        return () => {
          subscriptions.delete(id);
          post({ kind: 'unsubscribe', id });
        };
      },
    }).watch;

  return {
    // What comes over the border is what its topic says: both ends are of one program.
    watch: <T>(topic: Topic) => remote(topic, false) as Watch<T>,
    known: <T>(topic: Topic) => remote(topic, true) as Watch<T>,
    receive({ id, state }) {
      const subscription = subscriptions.get(id);
      if (!subscription) return;
      subscription.answered = true;
      subscription.source.update(subscription.unpacker.unpack(state));
    },
  };
}
