// Kubernetes Events that a program tells of itself and of objects, such as `kubectl describe` shows them. Losing one harms nobody: their number
// is bounded, and nothing waits for them. Kubernetes API, core/v1 Event.
import { type Clock, type Logger, systemClock } from '@weft/core';
import type { KubeClient } from '../client/kube-client.ts';
import { eventKind } from '../resources/cluster.ts';
import type { ObjectReference } from '../resources/meta.ts';

export interface EventRecord {
  readonly type: 'Normal' | 'Warning';
  /** One word, such as `Unreadable`. */
  readonly reason: string;
  readonly message: string;
  readonly about: ObjectReference & { readonly kind: string; readonly name: string };
  /** What was told of the same object with the same reason and message is told again only after this long, in milliseconds. Default 0: always. */
  readonly sameAgainMs?: number;
}

export interface EventRecorder {
  record(event: EventRecord): void;
}

export interface EventRecorderOptions {
  readonly client: KubeClient;
  /** Who tells. */
  readonly component: string;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/** Events being written at a time; what comes on top is left out. */
const MOST_WRITING = 64;
/** Events that are remembered so as not to be told again. */
const MOST_TOLD = 1024;
/** What the API server takes. */
const LONGEST_MESSAGE = 1024;

export function eventRecorder({ client, component, logger, clock = systemClock() }: EventRecorderOptions): EventRecorder {
  const told = new Map<string, number>();
  let writing = 0;

  const isRepeated = ({ reason, message, about, sameAgainMs = 0 }: EventRecord): boolean => {
    if (sameAgainMs === 0) return false;
    const key = JSON.stringify([about.kind, about.namespace, about.name, about.uid, reason, message]);
    const before = told.get(key);
    if (before !== undefined && clock.now() - before < sameAgainMs) return true;
    // The latest last, so that the first is the one to be forgotten.
    told.delete(key);
    told.set(key, clock.now());
    const [oldest] = told.keys();
    if (told.size > MOST_TOLD && oldest !== undefined) told.delete(oldest);
    return false;
  };

  return {
    record(event) {
      const { type, reason, about } = event;
      if (writing >= MOST_WRITING) return logger.log('debug', 'an event was left out', { event: reason });
      if (isRepeated(event)) return;
      const message = event.message.length > LONGEST_MESSAGE ? `${event.message.slice(0, LONGEST_MESSAGE - 1)}…` : event.message;
      const now = new Date(clock.wall()).toISOString();
      writing++;
      client
        .create(eventKind, {
          // Events of what is in no namespace are in `default`.
          metadata: { generateName: `${about.name}.`, namespace: about.namespace ?? 'default' },
          involvedObject: about,
          type,
          reason,
          message,
          source: { component },
          firstTimestamp: now,
          lastTimestamp: now,
          count: 1,
        })
        .catch((error: unknown) => logger.log('debug', 'an event could not be written', { event: reason, error }))
        .finally(() => writing--);
    },
  };
}
