// A session on a real socket, as simple as can be: every turn writes what there is.
import type { Duplex } from 'node:stream';
import type { Http2Session } from '../../src/h2/session.ts';

export interface Link {
  /** Writes what the session has to say; to be called after calls into it from outside. */
  flush(): void;
}

export function link(session: Http2Session<string>, socket: Duplex): Link {
  const flush = (): void => {
    for (let part = session.takeOutput(); part !== null; part = session.takeOutput()) socket.write(part);
  };
  socket.on('data', (bytes: Buffer) => {
    session.receive(bytes);
    flush();
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => session.disconnected());
  flush();
  return { flush };
}
