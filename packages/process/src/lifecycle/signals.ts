// SIGTERM and SIGINT: the first begins the shutdown, the second forces it.
import type { EventEmitter } from 'node:events';
import type { Shutdown } from './shutdown.ts';

/** Returns the removal of the handlers. */
export function handleSignals(shutdown: Shutdown, source: Pick<EventEmitter, 'on' | 'off'> = process): () => void {
  let seen = false;
  const onSignal = (signal: unknown): void => {
    const reason = String(signal);
    if (seen) shutdown.force(`second signal ${reason}`);
    else void shutdown.begin(reason);
    seen = true;
  };
  source.on('SIGTERM', onSignal);
  source.on('SIGINT', onSignal);
  return () => {
    source.off('SIGTERM', onSignal);
    source.off('SIGINT', onSignal);
  };
}
