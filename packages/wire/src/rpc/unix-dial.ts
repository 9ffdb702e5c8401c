// Connections to a gRPC server that listens on a Unix socket.
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';

/** For `GrpcChannelOptions.dial`: connects to the socket at `path`. The target of the channel is then only its authority, by custom `localhost`. */
export function unixDial(path: string): (signal: AbortSignal) => Promise<Duplex> {
  return (signal) =>
    new Promise((resolve, reject) => {
      const socket = connect({ path });
      const onAbort = (): void => void socket.destroy(new Error('aborted'));
      const settle = (): void => signal.removeEventListener('abort', onAbort);
      const onError = (error: Error): void => {
        settle();
        reject(error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      socket.once('error', onError);
      socket.once('connect', () => {
        settle();
        socket.off('error', onError);
        resolve(socket);
      });
      if (signal.aborted) onAbort();
    });
}
