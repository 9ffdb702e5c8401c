// Real ports for virtual ones: taken from blocks below the ephemeral range, each tried by binding, never handed out twice.
// A block is guarded by a listener on its first port, so that several meshes on one machine do not meet.
import { createServer, type Server } from 'node:net';
import { type Random, randomInt, systemRandom } from '@weft/core';

export interface PortAllocator {
  /** A port that nothing listens on. Throws when the range is used up. */
  take(): Promise<number>;
  close(): Promise<void>;
}

const FIRST_PORT = 18_000;
const BLOCK_SIZE = 200;
const BLOCKS = 73;

export function portAllocator(options: { readonly random?: Random } = {}): PortAllocator {
  const random = options.random ?? systemRandom;
  const guards: Server[] = [];
  const first = randomInt(random, BLOCKS);
  let tried = 0;
  let next = 0;
  let end = 0;
  let turn: Promise<unknown> = Promise.resolve();

  const openBlock = async (): Promise<void> => {
    for (; tried < BLOCKS; ) {
      const base = FIRST_PORT + ((first + tried) % BLOCKS) * BLOCK_SIZE;
      tried += 1;
      const guard = await bind(base);
      if (!guard) continue;
      guards.push(guard);
      next = base + 1;
      end = base + BLOCK_SIZE;
      return;
    }
    throw new Error(`no free port left between ${FIRST_PORT} and ${FIRST_PORT + BLOCKS * BLOCK_SIZE}`);
  };

  const take = async (): Promise<number> => {
    for (;;) {
      if (next >= end) await openBlock();
      const port = next;
      next += 1;
      const probe = await bind(port);
      if (!probe) continue;
      await closeServer(probe);
      return port;
    }
  };

  return {
    take() {
      const result = turn.then(take);
      turn = result.catch(() => undefined);
      return result;
    },
    async close() {
      await Promise.all(guards.splice(0).map(closeServer));
    },
  };
}

function bind(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => {
      server.unref();
      resolve(server);
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
