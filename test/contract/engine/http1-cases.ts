// HTTP/1 through the engine: messages keep their bytes where no rule changes them (RFC 9112; spec/proxy.md §4.2, §4.3).
import { expect } from 'vitest';
import type { Bench } from './bench.ts';
import type { Peer } from './peer.ts';
import type { EngineCase } from './suite.ts';

/** An origin that answers each request head with the same bytes, and a client of a proxy in front of it. */
async function pair(bench: Bench, answer: string): Promise<{ client: Peer; origin: { readonly peers: readonly Peer[] }; port: number }> {
  const origin = await bench.rawOrigin(async (peer) => {
    for (let seen = 0; ; ) {
      await peer.receive((text) => text.indexOf('\r\n\r\n', seen) >= 0);
      seen = peer.text.indexOf('\r\n\r\n', seen) + 4;
      peer.send(answer);
    }
  });
  const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: origin.port });
  return { client: await bench.rawClient(proxy.port), origin, port: proxy.port };
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

export const http1Cases: readonly EngineCase[] = [
  {
    name: 'relays a request and its response with nothing added',
    async run(bench) {
      const { client, origin } = await pair(bench, OK);
      client.send('GET /a?b=c HTTP/1.1\r\nHost: web.test\r\nX-One: 1\r\n\r\n');
      expect(await client.receive('ok')).toBe(OK);
      expect(origin.peers[0]?.text).toBe('GET /a?b=c HTTP/1.1\r\nhost: web.test\r\nx-one: 1\r\n\r\n');
    },
  },
  {
    name: 'keeps duplicate fields in order and values in latin1',
    async run(bench) {
      const { client, origin } = await pair(bench, 'HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nx: \xe9\r\nset-cookie: b=2\r\ncontent-length: 0\r\n\r\n');
      client.send('GET / HTTP/1.1\r\nhost: web.test\r\naccept: a\r\nx: \xfc\r\naccept: b\r\n\r\n');
      const answer = await client.receive('\r\n\r\n');
      expect(answer).toContain('set-cookie: a=1\r\nx: \xe9\r\nset-cookie: b=2\r\n');
      expect(origin.peers[0]?.text).toContain('accept: a\r\nx: \xfc\r\naccept: b\r\n');
    },
  },
  {
    name: 'serves one connection after another request, and pools the upstream connection',
    async run(bench) {
      const { client, origin } = await pair(bench, OK);
      for (let i = 0; i < 3; i += 1) {
        client.send(`GET /${i} HTTP/1.1\r\nhost: web.test\r\n\r\n`);
        await client.receive('ok');
        client.take();
      }
      expect(origin.peers).toHaveLength(1);
    },
  },
  {
    name: 'answers pipelined requests in order',
    async run(bench) {
      const origin = await bench.http1Origin((request, response) => {
        const delay = request.url === '/0' ? 3 : 1;
        let turns = delay;
        const answer = (): void => {
          turns -= 1;
          if (turns > 0) setImmediate(answer);
          else response.end(`<${request.url}>`);
        };
        answer();
      });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin });
      const client = await bench.rawClient(proxy.port);
      const count = 40;
      let text = '';
      for (let i = 0; i < count; i += 1) text += `GET /${i} HTTP/1.1\r\nhost: web.test\r\n\r\n`;
      client.send(text);
      const answers = await client.receive(`</${count - 1}>`);
      expect([...answers.matchAll(/<\/(\d+)>/g)].map((match) => Number(match[1]))).toEqual(Array.from({ length: count }, (_, i) => i));
    },
  },
];
