// List and watch, for ever: resumes by resourceVersion, lists again where the history is gone or the watch cannot be trusted.
// Kubernetes API concepts, "Efficient detection of changes", "410 Gone responses", "Watch bookmarks".
import { type Clock, type Random, sleep } from '@weft/core';
import type { KubeClient, SelectOptions, WatchEvent } from '../client/kube-client.ts';
import { KubeError } from '../client/kube-error.ts';
import type { KubeObject } from '../resources/meta.ts';
import type { ResourceKind } from '../resources/resource-kind.ts';

export type RestartCause =
  /** The server ended the watch in good order. */
  | 'closed'
  /** The history that the watch wanted to go on from is gone. */
  | 'expired'
  /** Not a byte for too long, or no end when it was due. */
  | 'silent'
  /** The connection broke, or could not be made. */
  | 'broken'
  /** The server answered with an error. */
  | 'refused'
  /** Something came that is no event or no object: everything is listed again. */
  | 'garbage';

/** Who is told. Nothing here may throw. */
export interface ReflectorSink<T> {
  /** A whole list; not `complete` when parts of it could not be read. */
  listed(objects: readonly T[], complete: boolean): void;
  changed(event: Exclude<WatchEvent<T>, { readonly type: 'BOOKMARK' }>): void;
  /** Whether what was told is what there is. */
  fresh(isFresh: boolean): void;
  /** The watch ended; `error` unless in good order. */
  restarting(cause: RestartCause, error: KubeError | undefined, failures: number): void;
  /** Something was skipped that could not be read. */
  skipped(error: KubeError): void;
}

export interface ReflectorOptions<T extends KubeObject> {
  readonly select: SelectOptions;
  /** What is kept of a listed object, if anything. */
  readonly keep: (object: T) => T | undefined;
  readonly pageSize: number | undefined;
  readonly idleMs: number;
  readonly backoffMs: { readonly min: number; readonly max: number };
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** A server may be this late in ending a watch. */
const LATE_MS = 30_000;
/** Whatever a server asks for. */
const LONGEST_PAUSE_MS = 300_000;
/** A watch that ends sooner without an event is not asked for again at once. */
const SHORT_MS = 1000;

interface Outcome {
  readonly cause: RestartCause;
  readonly error: KubeError | undefined;
  /** Something came. */
  readonly progressed: boolean;
  /** Ended from here, when it was time to. */
  readonly planned: boolean;
}

/** Ends when the signal is aborted. */
export async function reflect<T extends KubeObject>(
  client: KubeClient,
  kind: ResourceKind<T>,
  sink: ReflectorSink<T>,
  options: ReflectorOptions<T>,
): Promise<void> {
  const { select, idleMs, backoffMs, clock, random, signal } = options;
  let version: string | undefined;
  let everListed = false;
  let failures = 0;
  let silences = 0;
  let garbageRounds = 0;

  /** Apart from the watch, so that nothing holds on to the list while that lasts. */
  const listAll = async (onGarbage: (error: KubeError) => void, sawGarbage: () => boolean): Promise<string> => {
    // The first may come from the server's cache; later ones must not lead back behind what was seen.
    const from = everListed ? {} : { resourceVersion: '0' };
    const { pageSize, keep } = options;
    const list = await client.list(kind, { ...select, ...from, ...(pageSize === undefined ? {} : { pageSize }), retries: 0, keep, onGarbage, signal });
    sink.listed(list.items, !sawGarbage());
    everListed = true;
    return list.resourceVersion;
  };

  /** One list where it is needed, and one watch until it ends. */
  const round = async (): Promise<Outcome> => {
    const ended = new AbortController();
    const onStop = (): void => ended.abort(signal.reason);
    signal.addEventListener('abort', onStop, { once: true });
    if (signal.aborted) onStop();
    let progressed = false;
    let isOpen = false;
    let due: 'silent' | 'garbage' | undefined;
    const timers: ReturnType<Clock['after']>[] = [];
    const end = (afterMs: number, why: 'silent' | 'garbage'): void => {
      timers.push(
        clock.after(afterMs, () => {
          due ??= why;
          ended.abort();
        }),
      );
    };
    let sawGarbage = false;
    const onGarbage = (error: KubeError): void => {
      sink.skipped(error);
      // What it was about is not known. Reading goes on, and soon everything is compared with a list.
      if (!sawGarbage) end(delay(++garbageRounds, backoffMs, random), 'garbage');
      sawGarbage = true;
    };
    try {
      if (version === undefined) {
        version = await listAll(onGarbage, () => sawGarbage);
        sink.fresh(true);
      }
      // Between five and ten minutes, spread, so that many stores do not come back together.
      const timeoutSeconds = Math.round(300 * (1 + random.next()));
      const onOpen = (): void => {
        isOpen = true;
        end(timeoutSeconds * 1000 + LATE_MS, 'silent');
        sink.fresh(true);
      };
      for await (const event of client.watch(kind, { ...select, resourceVersion: version, timeoutSeconds, idleMs, signal: ended.signal, onOpen, onGarbage })) {
        silences = 0;
        progressed = true;
        if (event.type !== 'BOOKMARK') sink.changed(event);
        if (event.resourceVersion !== '') version = event.resourceVersion;
      }
      return { cause: sawGarbage ? 'garbage' : 'closed', error: undefined, progressed, planned: false };
    } catch (error) {
      const known = error instanceof KubeError ? error : new KubeError('PROTOCOL', `${kind.kind} store failed`, { cause: error });
      if (due !== undefined) return { cause: due, error: undefined, progressed, planned: true };
      return { cause: sawGarbage ? 'garbage' : causeOf(known, isOpen), error: known, progressed, planned: false };
    } finally {
      signal.removeEventListener('abort', onStop);
      for (const timer of timers) timer.cancel();
    }
  };

  while (!signal.aborted) {
    const started = clock.now();
    const { cause, error, progressed, planned } = await round();
    if (signal.aborted) break;
    const lastedMs = clock.now() - started;
    // Only a watch that brought something or lasted counts as success: a server that lists but cannot watch is not asked in a tight circle.
    if (progressed || lastedMs >= backoffMs.max) failures = 0;
    if (cause !== 'garbage' && lastedMs >= backoffMs.max) garbageRounds = 0;
    if (cause === 'silent') silences++;
    // A resumed watch that is silent as well may have lost its place: only a list tells.
    if (cause === 'expired' || cause === 'garbage' || silences >= 2 || error?.code === 'BAD_REQUEST') {
      version = undefined;
      silences = 0;
    }
    if (error) sink.fresh(false);
    sink.restarting(cause, error, failures + 1);
    if (planned || (cause === 'closed' && lastedMs >= SHORT_MS)) continue;
    const first = failures++ === 0;
    // An idle watch is resumed, and forgotten history listed again, at once; the first time.
    if (first && (cause === 'expired' || cause === 'silent')) continue;
    await sleep(clock, Math.max(Math.min(error?.retryAfterMs ?? 0, LONGEST_PAUSE_MS), delay(failures, backoffMs, random)), signal).catch(() => undefined);
  }
}

function causeOf({ code, status }: KubeError, isOpen: boolean): RestartCause {
  if (code === 'EXPIRED') return 'expired';
  if (code === 'PROTOCOL') return 'garbage';
  if (code === 'TIMEOUT' && isOpen && status === undefined) return 'silent';
  return code === 'UNREACHABLE' || code === 'TIMEOUT' ? 'broken' : 'refused';
}

/** Doubling with half of it random. */
function delay(failures: number, { min, max }: ReflectorOptions<KubeObject>['backoffMs'], random: Random): number {
  const whole = Math.min(max, min * 2 ** Math.min(20, Math.max(0, failures - 1)));
  return whole * (0.5 + random.next() / 2);
}
