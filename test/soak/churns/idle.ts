// Silence: connections that never speak, heads that never end, and clients that come back when the pools have let go.
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ask } from '../ask.ts';
import type { Churn } from '../churn.ts';

/** Longer than the timeouts that the world sets. */
export const SILENCE_MS = 6_000;

export const idle: Churn = {
  name: 'idle',
  rounds: 5_000,
  width: 500,
  start({ impatientPair, impatientPlain }) {
    const agents: Agent[] = [];
    return {
      async round(index) {
        const port = index % 2 === 0 ? impatientPair : impatientPlain;
        const way = index % 3;
        if (way === 0) await silent(port);
        else if (way === 1) await unfinished(port);
        else {
          const agent = new Agent({ keepAlive: true, maxSockets: 1 });
          agents.push(agent);
          for (let turn = 0; turn < 2; turn++) {
            const answer = await ask({ port, path: '/64', agent });
            if (answer.status !== 200 || answer.bytes !== 64) throw new Error(`after silence: ${JSON.stringify(answer)}`);
            if (turn === 0) await delay(SILENCE_MS);
          }
          agent.destroy();
        }
      },
      close: () => agents.forEach((agent) => agent.destroy()),
    };
  },
};

/** Says nothing until detection has given up, then leaves. */
async function silent(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  await delay(SILENCE_MS);
  socket.destroy();
}

/** Half a head; the proxy must answer 408 and close. */
function unfinished(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
    socket.on('error', () => undefined);
    socket.on('connect', () => socket.write('GET /64 HTTP/1.1\r\nHost: ser'));
    socket.on('close', () => (answer.startsWith('HTTP/1.1 408 ') ? resolve() : reject(new Error(`half a head is answered ${JSON.stringify(answer)}`))));
  });
}
