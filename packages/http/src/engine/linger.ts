// How a connection is ended so that its peer gets to read what was written last. RFC 9112 §9.6.
import type { EngineTimers } from '../exchange/timers.ts';
import type { Wire } from './wire.ts';

/** How long a closing connection is read on: a reset, for what the peer still sends, could overtake the response. */
const LINGER_MS = 1000;

/** Ends it after what was written; `quiet`: nothing more is expected from the peer. */
export function endAndLinger(wire: Wire, quiet: boolean, timers: EngineTimers): void {
  const { link } = wire;
  if (link.destroyed) return;
  const cancel = timers.after(LINGER_MS, () => wire.destroy());
  link.once('close', cancel);
  const destroy = (): void => void link.destroy();
  if (quiet || wire.ended) link.once('finish', destroy);
  else link.once('end', () => (link.writableFinished ? destroy() : link.once('finish', destroy)));
  wire.end();
  wire.resume();
}
