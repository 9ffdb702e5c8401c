// What is no valid HTTP/1 request, or no valid response, and what happens to it (spec/proxy.md §4.3).
import { expect } from 'vitest';
import type { EngineCase } from './suite.ts';

const BAD_TARGETS = ['CONNECT /origin', 'CONNECT /', 'CONNECT http://test/bar', 'CONNECT http://test', 'CONNECT *', 'GET test'];

const BAD_MESSAGES: Readonly<Record<string, string>> = {
  'bare LF': 'GET / HTTP/1.1\nhost: a\n\n',
  'space before the colon': 'GET / HTTP/1.1\r\nhost : a\r\n\r\n',
  'length and chunked': 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  'two lengths': 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc',
  'signed length': 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +3\r\n\r\nabc',
  'unknown last coding': 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n',
  'two hosts': 'GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n',
  'no HTTP': 'hello\r\n\r\n',
  'folded line': 'GET / HTTP/1.1\r\nhost: a\r\n b\r\nx: y\r\n\r\n',
};

export const badRequestCases: readonly EngineCase[] = [
  {
    name: 'answers 400 to targets in the wrong form, in the version of the request, and closes',
    async run(bench) {
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: 1, onExchange: () => expect.unreachable() });
      for (const target of BAD_TARGETS) {
        const client = await bench.rawClient(proxy.port);
        client.send(`${target} HTTP/1.1\r\nhost: web.test\r\n\r\n`);
        expect(`${target}: ${await client.over()}`).toContain(`${target}: HTTP/1.1 400 Bad Request\r\n`);
      }
      const old = await bench.rawClient(proxy.port);
      old.send('CONNECT web.test:80 HTTP/1.0\r\nhost: web.test\r\n\r\n');
      expect(await old.over()).toMatch(/^HTTP\/1\.0 400 Bad Request\r\n/);
    },
  },
  {
    name: 'answers 400 to ambiguous messages',
    async run(bench) {
      for (const [what, text] of Object.entries(BAD_MESSAGES)) {
        const proxy = await bench.proxy({
          client: 'http/1',
          server: 'http/1',
          origin: 1,
          onExchange: (exchange) => exchange.respond({ status: 200, headers: [] }),
        });
        const client = await bench.rawClient(proxy.port);
        client.send(text);
        expect(`${what}: ${await client.over()}`).toContain(`${what}: HTTP/1.1 400 Bad Request\r\n`);
      }
    },
  },
  {
    name: 'answers what came before an invalid request first',
    async run(bench) {
      const proxy = await bench.proxy({
        client: 'http/1',
        server: 'http/1',
        origin: 1,
        onExchange: (exchange) => setImmediate(() => exchange.respond({ status: 200, headers: [] })),
      });
      const client = await bench.rawClient(proxy.port);
      client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\nnonsense\r\n\r\n');
      const text = await client.over();
      expect(text.indexOf('HTTP/1.1 200 OK')).toBe(0);
      expect(text.lastIndexOf('HTTP/1.1 400 Bad Request')).toBeGreaterThan(0);
    },
  },
  {
    name: 'answers 400 to a body that breaks its framing',
    async run(bench) {
      const origin = await bench.rawOrigin(() => undefined);
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: origin.port });
      const client = await bench.rawClient(proxy.port);
      client.send('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n');
      await origin.peers[0]?.receive('abc');
      client.send('zz\r\n');
      expect(await client.over()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
      expect((await proxy.watched[0]?.ended)?.kind).toBe('client-gone');
      await origin.peers[0]?.over();
      expect(origin.peers[0]?.text).not.toContain('0\r\n\r\n');
    },
  },
  {
    name: 'answers 431 to a head beyond the limit, and serves one below it',
    async run(bench) {
      const onExchange = (exchange: { respond: (response: { status: number; headers: string[] }) => void }): void =>
        exchange.respond({ status: 200, headers: [] });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: 1, onExchange });
      const client = await bench.rawClient(proxy.port);
      client.send(`GET / HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(100 * 1024)}\r\n\r\n`);
      await client.receive('\r\n\r\n');
      expect(client.take()).toMatch(/^HTTP\/1\.1 200 /);
      client.send(`GET / HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(200 * 1024)}\r\n\r\n`);
      expect(await client.over()).toMatch(/^HTTP\/1\.1 431 /);
      const small = await bench.proxy({ client: 'http/1', server: 'http/1', origin: 1, onExchange, serve: { maxHeaderBytes: 2048 } });
      const second = await bench.rawClient(small.port);
      second.send(`GET / HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(4096)}\r\n\r\n`);
      expect(await second.over()).toMatch(/^HTTP\/1\.1 431 /);
    },
  },
  {
    name: 'serves a head of many fields whole',
    async run(bench) {
      let count = 0;
      const proxy = await bench.proxy({
        client: 'http/1',
        server: 'http/1',
        origin: 1,
        onExchange: (exchange) => {
          count = exchange.request.headers.length / 2;
          exchange.respond({ status: 200, headers: [] });
        },
      });
      const client = await bench.rawClient(proxy.port);
      client.send(`GET / HTTP/1.1\r\nhost: a\r\n${'a: b\r\n'.repeat(5000)}\r\n`);
      await client.receive('\r\n\r\n');
      expect(count).toBe(5001);
    },
  },
  {
    name: 'reports a response that cannot be parsed as a protocol failure',
    async run(bench) {
      for (const text of [
        'nonsense\r\n\r\n',
        'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
        'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
      ]) {
        const origin = await bench.rawOrigin(async (peer) => {
          await peer.receive('\r\n\r\n');
          peer.send(text);
        });
        const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: origin.port });
        const client = await bench.rawClient(proxy.port);
        client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
        expect(await client.receive('\r\n\r\n')).toContain('HTTP/1.1 502 Bad Gateway\r\nl5d-proxy-error: protocol\r\n');
        expect(proxy.watched[0]?.calls.at(-1)).toBe('end failed');
      }
    },
  },
  {
    name: 'forwards a method that is not registered',
    async run(bench) {
      const origin = await bench.rawOrigin(async (peer) => {
        await peer.receive('\r\n\r\n');
        peer.send('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: origin.port });
      const client = await bench.rawClient(proxy.port);
      client.send('BREW / HTTP/1.1\r\nhost: a\r\n\r\n');
      expect(await client.receive('\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
    },
  },
];
