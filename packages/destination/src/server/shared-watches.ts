// Watches that are computed from others and from topics, one per distinct question: shared by all who ask it, gone with the last of them.
import { createWatch, type Logger, type Reason, type Unsubscribe, type Watch } from '@weft/core';

/** What a question has as its answer now; `keep`: what it had before, or still none. */
export type Outcome<T> =
  | { readonly kind: 'value'; readonly value: T }
  /** The subject is gone: streams end, and clients ask again. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'rejected'; readonly reason: Reason }
  | { readonly kind: 'keep' };

export const KEEP: Outcome<never> = { kind: 'keep' };

export interface Derivation<T> {
  compute(): Outcome<T>;
  /** Releases what it is computed from. */
  readonly stops: readonly Unsubscribe[];
}

export interface Question {
  /** To be called whenever the answer may be another; may be called at once. */
  update(): void;
  /** How many ask it now. */
  references(): number;
}

export interface SharedWatches {
  /** `derive` is called when the first one subscribes. */
  watch<T>(key: string, derive: (question: Question) => Derivation<T>): Watch<T>;
  /** Questions that are being watched. */
  readonly size: number;
}

export function sharedWatches(logger: Logger): SharedWatches {
  const shared = new Map<string, Watch<unknown>>();
  return {
    get size() {
      return shared.size;
    },
    watch<T>(key: string, derive: (question: Question) => Derivation<T>): Watch<T> {
      const known = shared.get(key);
      if (known) return known as Watch<T>;
      const { watch } = createWatch<T>({
        onIdle: 'forget',
        start(source) {
          let derivation: Derivation<T> | undefined;
          const update = (): void => {
            if (!derivation) return;
            try {
              const outcome = derivation.compute();
              if (outcome.kind === 'value') source.set(outcome.value);
              else if (outcome.kind === 'absent') source.absent();
              else if (outcome.kind === 'rejected') source.reject(outcome.reason);
            } catch (error) {
              // A defect in one computation must not end the streams of others: the last state stays.
              logger.log('error', 'an update could not be computed', { key, error });
            }
          };
          shared.set(key, watch);
          derivation = derive({ update, references: () => source.references });
          update();
          return () => {
            if (shared.get(key) === watch) shared.delete(key);
            for (const stop of derivation?.stops ?? []) stop();
            derivation = undefined;
          };
        },
      });
      return watch;
    },
  };
}
