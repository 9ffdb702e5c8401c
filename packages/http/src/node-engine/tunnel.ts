// Bytes both ways after an upgrade or CONNECT, each direction ending on its own (spec/proxy.md §4.3).
import type { Readable, Writable } from 'node:stream';
import type { TunnelEnd } from './sides.ts';

export interface TunnelCounts {
  /** From the client. */
  readonly bytesRead: number;
  /** To the client. */
  readonly bytesWritten: number;
}

/** `done` is called once, when both directions have ended or either end broke. */
export function runTunnel(client: TunnelEnd, server: TunnelEnd, done: (counts: TunnelCounts) => void): void {
  let open = 2;
  let finished = false;
  let bytesRead = 0;
  let bytesWritten = 0;
  const finish = (): void => {
    if (finished) return;
    finished = true;
    client.destroy();
    server.destroy();
    done({ bytesRead, bytesWritten });
  };
  const directionEnded = (): void => {
    open -= 1;
    if (open === 0) finish();
  };
  for (const { readable, writable } of [client, server]) {
    readable.on('error', finish);
    writable.on('error', finish);
    // What was read stays deliverable after the connection it came from has closed in good order.
    readable.once('close', () => (readable.readableEnded ? undefined : finish()));
    writable.once('close', () => (writable.writableFinished ? undefined : finish()));
  }
  const upward = (bytes: number): void => {
    bytesRead += bytes;
  };
  const downward = (bytes: number): void => {
    bytesWritten += bytes;
  };
  copy(client.readable, server.writable, upward, directionEnded);
  copy(server.readable, client.writable, downward, directionEnded);
}

/** `ended` is called when the source has ended and all of it is written. */
function copy(from: Readable, to: Writable, count: (bytes: number) => void, ended: () => void): void {
  from.on('data', (chunk: Buffer) => {
    count(chunk.length);
    if (!to.destroyed && !to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.once('end', () => (to.destroyed ? ended() : to.end(ended)));
  from.resume();
}
