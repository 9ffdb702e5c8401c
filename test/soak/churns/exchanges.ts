// Whole HTTP exchanges: kept connections and fresh ones, small and large bodies both ways, endpoints that come and go.
import { Agent, request } from 'node:http';
import type { Churn } from '../churn.ts';

const BODY = Buffer.alloc(64 * 1024, 'x');

export const exchanges: Churn = {
  name: 'exchanges',
  rounds: 20_000,
  width: 16,
  start({ httpPort, rotateEndpoints }) {
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    return {
      round(index) {
        if (index % 100 === 50) rotateEndpoints();
        const bytes = index % 20 === 0 ? 100_000 : 64;
        const upload = index % 7 === 0;
        return new Promise((resolve, reject) => {
          const call = request(
            {
              host: '127.0.0.1',
              port: httpPort,
              path: `/${bytes}`,
              method: upload ? 'POST' : 'GET',
              agent: index % 5 === 0 ? false : agent,
            },
            (response) => {
              let received = 0;
              response.on('data', (chunk: Buffer) => (received += chunk.length));
              response.on('error', reject);
              response.on('end', () => {
                if (response.statusCode === 200 && received === bytes) resolve();
                else reject(new Error(`status ${response.statusCode}, ${received} of ${bytes} bytes, ${String(response.headers['l5d-proxy-error'])}`));
              });
            },
          );
          call.on('error', reject);
          call.end(upload ? BODY : undefined);
        });
      },
      close: () => agent.destroy(),
    };
  },
};
