// Tells the cluster of objects that discovery skips: an Event of each, on the object itself.
import { type EventRecorder, type KubeError, type KubeObject } from '@weft/kube';

/** Called for each object that is skipped; without one, what came was no object. */
export type OnSkipped = (error: KubeError, object: KubeObject | undefined) => void;

const SAME_AGAIN_MS = 300_000;

/** Lists show the same again and again: that is told once in five minutes. */
export function skippedObjects(events: EventRecorder): OnSkipped {
  return (error, object) => {
    if (!object) return;
    const { apiVersion, kind, metadata } = object;
    const { name, namespace, uid, resourceVersion } = metadata;
    events.record({
      type: 'Warning',
      reason: 'Unreadable',
      message: `service discovery skips this object, and what was known of it stays: ${error.message}`,
      about: {
        apiVersion,
        kind,
        name,
        ...(namespace !== undefined && { namespace }),
        ...(uid !== undefined && { uid }),
        ...(resourceVersion !== undefined && { resourceVersion }),
      },
      sameAgainMs: SAME_AGAIN_MS,
    });
  };
}
