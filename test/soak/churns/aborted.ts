// Clients that go away: before the request is whole, while the body is sent, before the response, while it is received.
import { connect } from 'node:net';
import type { Churn } from '../churn.ts';

const HEAD = 'Host: server\r\n';

/** What is sent, and after how many received bytes the client goes; 0: right after sending. */
const WAYS: readonly (readonly [sent: string, goAfter: number])[] = [
  ['', 0],
  ['GE', 0],
  [`GET /64 HTTP/1.1\r\n${HEAD}`, 0],
  [`GET /64 HTTP/1.1\r\n${HEAD}\r\n`, 0],
  [`POST /64 HTTP/1.1\r\n${HEAD}Content-Length: 100000\r\n\r\n${'x'.repeat(5_000)}`, 0],
  [`POST /64 HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhel`, 0],
  [`GET /1000000 HTTP/1.1\r\n${HEAD}\r\n`, 1],
  [`GET /1000000 HTTP/1.1\r\n${HEAD}\r\n`, 200_000],
  ['\x01\x02 not HTTP', 0],
];

export const aborted: Churn = {
  name: 'aborted',
  rounds: 30_000,
  width: 16,
  start: ({ pair, plain }) => ({
    round(index) {
      const [sent, goAfter] = WAYS[index % WAYS.length] ?? ['', 0];
      return new Promise((resolve) => {
        const socket = connect(index % 4 === 0 ? plain : pair, '127.0.0.1');
        let received = 0;
        const go = (): void => void (index % 2 === 0 ? socket.destroy() : socket.resetAndDestroy());
        socket.on('data', (chunk: Buffer) => {
          received += chunk.length;
          if (received >= goAfter) go();
        });
        socket.on('error', () => undefined);
        socket.on('close', () => resolve());
        socket.on('connect', () => socket.write(sent, 'latin1', () => goAfter === 0 && setImmediate(go)));
      });
    },
    close: () => undefined,
  }),
};
