// Whole HTTP/1 exchanges: kept connections and fresh ones, small and large bodies both ways, endpoints that come and go.
import { Agent } from 'node:http';
import { ask } from '../ask.ts';
import type { Churn, ChurnWorld } from '../churn.ts';

const BODY = Buffer.alloc(64 * 1024, 'x');

export const exchanges: Churn = churn('exchanges', 345_000, (world) => world.pair);
export const plainExchanges: Churn = churn('plain-exchanges', 150_000, (world) => world.plain);

function churn(name: string, rounds: number, portOf: (world: ChurnWorld) => number): Churn {
  return {
    name,
    rounds,
    width: 16,
    start(world) {
      const agent = new Agent({ keepAlive: true, maxSockets: 16 });
      const port = portOf(world);
      return {
        async round(index) {
          if (index % 1000 === 500) world.rotateEndpoints();
          const bytes = index % 50 === 0 ? 100_000 : 64;
          const options = { port, path: `/${bytes}`, agent: index % 25 === 0 ? (false as const) : agent };
          const answer = await ask(index % 20 === 0 ? { ...options, method: 'POST', body: BODY } : options);
          if (answer.status !== 200 || answer.bytes !== bytes) throw new Error(`${bytes} bytes were asked for: ${JSON.stringify(answer)}`);
        },
        close: () => agent.destroy(),
      };
    },
  };
}
