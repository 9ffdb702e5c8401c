// Something made of the newest credentials, swapped whole when they change. What was handed out before lives on.
import type { Credentials, Logger, Watch } from '@weft/core';

export interface Live<T> {
  /** Undefined until the first credentials arrived. */
  readonly current: T | undefined;
  /** Why the newest credentials could not be used. */
  readonly problem: Error | undefined;
  close(): void;
}

/** Credentials that cannot be used are logged and the former ones kept. */
export function liveFrom<T>(credentials: Watch<Credentials>, make: (value: Credentials) => T, logger: Logger): Live<T> {
  let current: T | undefined;
  let from: Credentials | undefined;
  let problem: Error | undefined;
  const close = credentials.subscribe((state) => {
    if (state.kind !== 'value' || state.value === from) return;
    try {
      current = make(state.value);
      from = state.value;
      problem = undefined;
    } catch (error) {
      problem = error instanceof Error ? error : new Error(String(error));
      logger.log('error', 'new credentials cannot be used', { identity: state.value.identity, error });
    }
  });
  return {
    get current() {
      return current;
    },
    get problem() {
      return problem;
    },
    close,
  };
}
