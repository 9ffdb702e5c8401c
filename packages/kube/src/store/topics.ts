// News by name, delivered once per turn: however many objects changed, a subscriber is told once.
import type { Unsubscribe } from '@weft/core';

export interface Topics {
  publish(topic: string): void;
  subscribe(topic: string, fn: () => void): Unsubscribe;
}

export interface TopicsOptions {
  /** A subscriber threw; the others are told all the same. Default: it is thrown on, outside of the round. */
  readonly onError?: (error: unknown) => void;
}

export function createTopics({ onError = rethrow }: TopicsOptions = {}): Topics {
  const subscribers = new Map<string, Set<() => void>>();
  const dirty = new Set<string>();
  let scheduled = false;
  const deliver = (): void => {
    scheduled = false;
    const due = new Set([...dirty].flatMap((topic) => [...(subscribers.get(topic) ?? [])]));
    dirty.clear();
    for (const fn of due) {
      try {
        fn();
      } catch (error) {
        onError(error);
      }
    }
  };
  return {
    publish(topic) {
      if (!subscribers.has(topic)) return;
      dirty.add(topic);
      if (scheduled) return;
      scheduled = true;
      setImmediate(deliver);
    },
    subscribe(topic, fn) {
      const set = subscribers.get(topic) ?? new Set();
      subscribers.set(topic, set.add(fn));
      return () => {
        set.delete(fn);
        if (set.size === 0 && subscribers.get(topic) === set) subscribers.delete(topic);
      };
    },
  };
}

function rethrow(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
