// Upgrades and CONNECT: bytes both ways, then an end by the client, an end by the application, or a reset; and refused upgrades.
import { request } from 'node:http';
import type { Socket } from 'node:net';
import type { Churn } from '../churn.ts';

export const tunnels: Churn = {
  name: 'tunnels',
  rounds: 15_000,
  width: 16,
  start: ({ pair, plain }) => ({
    async round(index) {
      const port = index % 3 === 0 ? plain : pair;
      const way = index % 5;
      if (way === 4) return refused(port);
      const socket = await opened(port, index % 2 === 0);
      const answer = new Promise<void>((resolve) => socket.once('data', () => resolve()));
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      socket.write(way === 1 ? 'end' : 'echo');
      await answer;
      if (way === 0) socket.end();
      else if (way === 2) socket.resetAndDestroy();
      else if (way === 3) socket.destroy();
      // Where the application ends its side, the client does so, too.
      await closed;
    },
    close: () => undefined,
  }),
};

function opened(port: number, connects: boolean): Promise<Socket> {
  const method = connects ? { method: 'CONNECT', path: 'somewhere.test:80' } : { headers: { connection: 'Upgrade', upgrade: 'bytes' }, path: '/tunnel' };
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, agent: false, ...method });
    const established = (response: { statusCode?: number | undefined }, socket: Socket): void => {
      socket.on('error', () => undefined);
      if (response.statusCode === (connects ? 200 : 101)) resolve(socket);
      else reject(new Error(`a tunnel is answered with ${response.statusCode}`));
    };
    call.on('upgrade', established);
    call.on('connect', (response, socket) => established(response, socket as Socket));
    call.on('response', ({ statusCode }) => reject(new Error(`an upgrade is answered with ${statusCode}`)));
    call.on('error', reject);
    call.end();
  });
}

function refused(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { connection: 'Upgrade', upgrade: 'bytes' };
    const call = request({ host: '127.0.0.1', port, agent: false, path: '/refused', headers }, (response) => {
      response.resume();
      response.on('close', () => (response.statusCode === 403 ? resolve() : reject(new Error(`a refused upgrade is answered with ${response.statusCode}`))));
    });
    call.on('error', reject);
    call.end();
  });
}
