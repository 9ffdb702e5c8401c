// One listening socket, and what comes in by it.
import { createServer, type Server, type Socket } from 'node:net';
import { type SocketAddress, socketAddressOf } from '@weft/core';
import type { Listener } from '../config.ts';

export interface OpenedListener {
  /** Resolves when it accepts; rejects when it cannot be bound. */
  readonly opened: Promise<void>;
  /** Undefined before it is open. */
  readonly address: SocketAddress | undefined;
  /** Stops accepting. Connections live on. */
  close(): void;
}

/** Accepted sockets are not read yet, send without delay and keep half-open ends. */
export type OpenListener = (listener: Listener, backlog: number | undefined, onSocket: (socket: Socket) => void) => OpenedListener;

/** Binds the address of the listener. */
export const openListener: OpenListener = ({ listen }, backlog, onSocket) => serveSockets({ host: listen.ip, port: listen.port, backlog }, onSocket);

/** Where to listen: an address, or a descriptor that is bound already. */
export type ListenAt = { readonly backlog: number | undefined } & ({ readonly host: string; readonly port: number } | { readonly fd: number });

export function serveSockets(at: ListenAt, onSocket: (socket: Socket) => void): OpenedListener {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
  server.on('connection', onSocket);
  return {
    opened: opened(server, at),
    get address() {
      const bound = server.address();
      return bound !== null && typeof bound === 'object' ? socketAddressOf(bound.address, bound.port) : undefined;
    },
    close: () => void server.close(),
  };
}

function opened(server: Server, at: ListenAt): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at, () => {
      server.off('error', reject);
      // An accept() error (out of descriptors, say) must not stop the loop.
      server.on('error', () => undefined);
      resolve();
    });
  });
}
