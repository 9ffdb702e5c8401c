// Two connections joined: bytes both ways, half-close kept, an error on either side ends both.
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export function join(a: Duplex, b: Duplex): void {
  const end = (): void => {
    a.destroy();
    b.destroy();
  };
  a.on('error', end);
  b.on('error', end);
  a.on('close', () => b.destroy());
  b.on('close', () => a.destroy());
  a.pipe(b);
  b.pipe(a);
}

export interface Forwarder {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on loopback and joins each connection with a freshly dialed one. */
export async function forwarder(options: { readonly port?: number; readonly dial: () => Promise<Socket> }): Promise<Forwarder> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    options.dial().then(
      (target) => (socket.destroyed ? target.destroy() : join(socket, target)),
      () => socket.resetAndDestroy(),
    );
  });
  const port = await listen(server, options.port ?? 0);
  return {
    host: '127.0.0.1',
    port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1' }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
}
