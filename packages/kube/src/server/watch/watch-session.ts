// One held watch: what is asked of it, filtered changes, bookmarks, and an end in good order. Kubernetes API concepts, "Watch events", "Streaming lists".
import type { Clock, Timer } from '@weft/core';
import { type ApiError, expired } from '../errors/api-error.ts';
import type { KindDefinition } from '../kinds/kind-definition.ts';
import type { AnswerForm, StreamOut } from '../rest/api-request.ts';
import type { ObjectTest } from '../select/field-selector.ts';
import type { Change, Revision } from '../storage/collection.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { bookmarkText, eventText } from '../table/table.ts';

export interface WatchSessionOptions {
  readonly store: ObjectStore;
  readonly kind: KindDefinition;
  readonly namespace: string | undefined;
  readonly selects: ObjectTest;
  readonly form: AnswerForm;
  readonly includeObject: string | null;
  /** Resume behind this version; undefined: begin with everything that is there. */
  readonly from: number | undefined;
  /** Say by a bookmark that what was there at the beginning is complete. */
  readonly marksInitialEnd: boolean;
  readonly bookmarks: boolean;
  readonly bookmarkMs: number;
  readonly timeoutMs: number | undefined;
  /** Aborted when the kind is served no more, or otherwise than when the watch began. */
  readonly ended: AbortSignal | undefined;
  /** A reader this far behind is cut off; it can resume or list again. */
  readonly maxLagBytes: number;
  readonly clock: Clock;
}

/** Throws ApiError 410 before anything is written when the version is no longer known. */
export function prepareWatch(options: WatchSessionOptions): (out: StreamOut) => void {
  const { store, kind, from } = options;
  const collection = store.collection(kind.resource);
  const tooOld = (): ApiError => expired(`too old resource version: ${String(from)} (${store.version})`);
  if (from !== undefined && collection.since(from) === 'expired') throw tooOld();
  return (out) => {
    const initial = from === undefined ? collection.list(options.namespace) : [];
    const backlog = from === undefined ? [] : collection.since(from);
    const { version } = store;
    // What is there now is told of as soon as it is kept; what comes later is heard of after that.
    store.whenKept((error) => {
      if (error) return out.destroy();
      if (backlog === 'expired') {
        out.write(`${JSON.stringify({ type: 'ERROR', object: tooOld().status })}\n`);
        return out.end();
      }
      startSession(options, out, initial, backlog, version);
    });
  };
}

function startSession(options: WatchSessionOptions, out: StreamOut, initial: readonly Revision[], backlog: readonly Change[], version: number): void {
  const { store, kind, selects, form, clock, includeObject } = options;
  let done = false;
  const timers: (Timer | undefined)[] = [];
  const stop = (): void => {
    done = true;
    unlisten();
    options.ended?.removeEventListener('abort', end);
    for (const timer of timers) timer?.cancel();
  };
  const end = (): void => {
    if (done) return;
    stop();
    out.end();
  };
  const write = (text: string): void => {
    out.write(text);
    if (out.waiting <= options.maxLagBytes) return;
    stop();
    out.destroy();
  };
  const send = (type: Change['type'], revision: Revision): void => write(eventText(type, revision, { kind, form, includeObject, nowMs: clock.wall() }));
  const pass = (change: Change): void => {
    if (done) return;
    const now = change.type !== 'DELETED' && selects(change.now.object);
    const before = change.type !== 'ADDED' && selects(change.before.object);
    // Leaving or entering what is selected looks like being deleted or added.
    if (now) send(before ? 'MODIFIED' : 'ADDED', change.now);
    else if (before) send('DELETED', change.now);
  };
  const unlisten = store.collection(kind.resource).listen(pass);
  out.onClose(end);
  options.ended?.addEventListener('abort', end, { once: true });
  for (const revision of initial) if (!done && selects(revision.object)) send('ADDED', revision);
  for (const change of backlog) pass(change);
  if (options.marksInitialEnd && !done) write(bookmarkText(kind, version, form, { 'k8s.io/initial-events-end': 'true' }));
  if (options.bookmarks) {
    const again = (): void => {
      if (done) return;
      const { version: newest } = store;
      // Behind everything that it speaks for.
      store.whenKept((error) => {
        if (!error && !done) write(bookmarkText(kind, newest, form));
      });
      timers[0] = clock.after(options.bookmarkMs, again);
    };
    timers[0] = clock.after(options.bookmarkMs, again);
  }
  if (options.timeoutMs !== undefined && !done) timers[1] = clock.after(options.timeoutMs, end);
}
