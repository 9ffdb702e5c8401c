// Bytes between two sockets: back-pressure both ways, half-close kept. Works over TLS sockets too. spec/proxy.md §6.6.
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type ChunkReader, readWithoutBuffers } from '@weft/http';

export interface Relay {
  /** Resolves when both sockets are closed, with the error that broke one of them. Never rejects. */
  readonly closed: Promise<Error | undefined>;
  /** Closes both, resetting where possible. */
  destroy(error?: Error): void;
}

/** Takes over both sockets, which must allow half-open ends. Bytes put back by a peek are relayed first. */
export function relay(a: Socket, b: Socket): Relay {
  let failure: Error | undefined;
  let open = 2;
  let finish: (error: Error | undefined) => void = () => undefined;
  const closed = new Promise<Error | undefined>((resolve) => {
    finish = resolve;
  });
  const onClose = (): void => {
    open -= 1;
    if (open === 0) finish(failure);
  };
  const destroy = (error?: Error): void => {
    failure ??= error;
    a.destroy();
    b.destroy();
  };
  flow(a, b, destroy);
  flow(b, a, destroy);
  for (const socket of [a, b]) {
    if (socket.closed) onClose();
    else socket.once('close', onClose);
  }
  if (a.destroyed || b.destroyed) destroy();
  return { closed, destroy };
}

function flow(from: Socket, to: Socket, destroy: (error?: Error) => void): void {
  const reader: ChunkReader = {
    take(chunk) {
      if (!to.write(chunk)) from.pause();
      // Node has given the bytes to the system when nothing is pending.
      return to.writableLength === 0;
    },
  };
  if (!(from instanceof TLSSocket)) readWithoutBuffers(from, reader);
  // Bytes that were put back come this way, and all of a TLS socket's.
  from.on('data', (chunk: Buffer) => reader.take(chunk));
  to.on('drain', () => from.resume());
  // Who read the header that stood before these bytes may have met the end already; it is not told twice.
  if (from.readableEnded) to.end();
  else from.on('end', () => to.end());
  from.on('error', (error: Error) => destroy(error));
  from.on('close', () => {
    // A socket that closed without having ended was cut off; one that ended both ways leaves its peer to finish.
    if (!from.readableEnded || !from.writableFinished) destroy();
  });
  from.resume();
}
