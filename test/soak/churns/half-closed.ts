// Opaque TCP: a client that ends its side and reads on, one that never sends, one that goes without waiting for the answer.
import { connect } from 'node:net';
import type { Churn } from '../churn.ts';

export const halfClosed: Churn = {
  name: 'half-closed',
  rounds: 30_000,
  width: 16,
  start: ({ tcp }) => ({
    round(index) {
      const bytes = index % 10 === 0 ? 100_000 : 20;
      const way = index % 3;
      return new Promise((resolve, reject) => {
        const socket = connect({ port: tcp, host: '127.0.0.1', allowHalfOpen: true });
        let received = 0;
        socket.on('data', (chunk: Buffer) => (received += chunk.length));
        socket.on('connect', () => {
          if (way === 0) socket.destroy();
          else if (way === 1) socket.write('\x01 and then nothing', () => socket.destroy());
          else socket.end(Buffer.alloc(bytes, 1));
        });
        socket.on('error', () => undefined);
        socket.on('close', () => {
          if (way !== 2 || received === bytes) resolve();
          else reject(new Error(`${received} of ${bytes} bytes came back`));
        });
      });
    },
    close: () => undefined,
  }),
};
