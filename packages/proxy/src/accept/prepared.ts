// Where the original destination has to be read from the connection itself, that comes before everything else.
import { type Reason, reasonOf } from '@weft/core';
import type { Listener } from '../config.ts';
import type { OriginalDst } from '../ports.ts';
import type { Connection } from './connections.ts';

export type Accept = (connection: Connection, listener: Listener) => Promise<void>;

/** `accept` itself where the source needs no preparation. A connection that cannot be prepared is refused alone. */
export function prepared(source: OriginalDst, accept: Accept, onRefused: (why: Reason) => void): Accept {
  if (!source.prepare) return accept;
  return async (connection, listener) => {
    try {
      await source.prepare?.(connection.socket);
    } catch (error) {
      if (!connection.signal.aborted) onRefused(reasonOf(error));
      connection.socket.destroy();
      return;
    }
    await accept(connection, listener);
  };
}
