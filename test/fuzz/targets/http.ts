// The HTTP/1 server side of the engine: what it understands does not depend on how the bytes were cut, and a connection always ends.
import { duplexPair } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { weftEngine } from '@weft/http';
import { sameData } from '../same-data.ts';
import { type FuzzTarget, hold, texts } from '../target.ts';

const engine = weftEngine();
/** Far more than a connection of a few kilobytes needs. */
const STUCK_MS = 5_000;

interface Served {
  /** One text per request: its head. */
  readonly requests: readonly string[];
  readonly statuses: readonly string[];
}

async function serve(chunks: readonly Buffer[]): Promise<Served> {
  const [link, client] = duplexPair();
  const requests: string[] = [];
  let answer = '';
  for (const end of [link, client]) end.on('error', () => undefined);
  client.on('data', (bytes: Buffer) => (answer += bytes.toString('latin1')));
  const connection = engine.serve(link, { version: 'http/1', maxHeaderBytes: 4_096 }, (exchange) => {
    const { method, path, authority, headers } = exchange.request;
    requests.push(JSON.stringify([method, path, authority, headers]));
    exchange.respond({ status: 200, headers: [] });
  });
  for (const chunk of chunks) {
    client.write(chunk);
    await new Promise(setImmediate);
  }
  client.end();
  const stuck = new AbortController();
  const ended = await Promise.race([connection.closed.then(() => true), delay(STUCK_MS, false, { signal: stuck.signal })]);
  stuck.abort();
  connection.destroy();
  client.destroy();
  hold(ended, 'the connection does not end');
  return { requests, statuses: [...answer.matchAll(/^HTTP\/1\.[01] ([0-9]{3})/gm)].map((match) => match[1] ?? '') };
}

const http1: FuzzTarget = {
  name: 'http1-server',
  tokens: [
    '\r\n',
    '\n',
    '\r',
    ' ',
    '\t',
    ':',
    '\0',
    '0\r\n\r\n',
    '5\r\nhello\r\n',
    'GET / HTTP/1.1\r\n',
    'HTTP/1.0',
    'Host: a\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Content-Length: 5\r\n',
    'Content-Length: +5\r\n',
    'Connection: close\r\n',
    'Upgrade: websocket\r\n',
    'Expect: 100-continue\r\n',
  ],
  seeds: () =>
    texts(
      'GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\nGET /c HTTP/1.0\r\n\r\n',
      'PUT http://a:80/x?y HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\nhello',
      'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    ),
  async run(input) {
    const whole = await serve([input]);
    const half = Math.floor(input.length / 2);
    const cut = await serve([input.subarray(0, half), input.subarray(half, half + 1), input.subarray(half + 1)]);
    // Bytes that are refused may take with them a request before them that still waits for its turn; how many depends on the cut.
    const shared = Math.min(whole.requests.length, cut.requests.length);
    const difference = `cut bytes give other requests: ${cut.requests.join()} instead of ${whole.requests.join()}`;
    hold(sameData(cut.requests.slice(0, shared), whole.requests.slice(0, shared)), difference);
    return `${Math.min(whole.requests.length, 4)} ${whole.statuses.slice(0, 4).join(' ')}`;
  },
};

export const httpTargets = [http1];
