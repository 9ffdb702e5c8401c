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
        request.resume();
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
  {
    name: 'keeps the framing of request bodies, trailers included',
    async run(bench) {
      const { client, origin } = await pair(bench, OK);
      client.send('POST /1 HTTP/1.1\r\nhost: web.test\r\ncontent-length: 5\r\n\r\nhello');
      await client.receive('ok');
      client.take();
      client.send('POST /2 HTTP/1.1\r\nhost: web.test\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-end: 1\r\n\r\n');
      await client.receive('ok');
      const first = 'POST /1 HTTP/1.1\r\nhost: web.test\r\ncontent-length: 5\r\n\r\nhello';
      const second = 'POST /2 HTTP/1.1\r\nhost: web.test\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-end: 1\r\n\r\n';
      expect(await origin.peers[0]?.receive('x-end: 1\r\n\r\n')).toBe(first + second);
    },
  },
  {
    name: 'adds no framing to requests without a body',
    async run(bench) {
      const { client, origin } = await pair(bench, OK);
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        client.send(`${method} / HTTP/1.1\r\nhost: web.test\r\n\r\n`);
        await client.receive('ok');
        client.take();
      }
      client.send('POST /zero HTTP/1.1\r\nhost: web.test\r\ncontent-length: 0\r\n\r\n');
      await client.receive('ok');
      const seen = origin.peers[0]?.text ?? '';
      expect(seen).not.toContain('transfer-encoding');
      expect(seen.match(/content-length/g)).toHaveLength(1);
      expect(seen).toContain('POST /zero HTTP/1.1\r\nhost: web.test\r\ncontent-length: 0\r\n\r\n');
    },
  },
  {
    name: 'relays chunked responses with trailers',
    async run(bench) {
      const { client } = await pair(bench, 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-end: 1\r\n\r\n');
      client.send('GET / HTTP/1.1\r\nhost: web.test\r\n\r\n');
      expect(await client.receive('x-end: 1\r\n\r\n')).toBe('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-end: 1\r\n\r\n');
    },
  },
  {
    name: 'adds no framing to responses without a body',
    async run(bench) {
      const origin = await bench.rawOrigin(async (peer) => {
        for (;;) {
          const text = await peer.receive('\r\n\r\n');
          peer.take();
          const status = /^\w+ \/(\d+)/.exec(text)?.[1];
          peer.send(`HTTP/1.1 ${status} X\r\nx-status: ${status}\r\n\r\n`);
        }
      });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: origin.port });
      const client = await bench.rawClient(proxy.port);
      for (const [method, status] of [
        ['GET', 204],
        ['GET', 304],
        ['HEAD', 200],
      ] as const) {
        client.send(`${method} /${status} HTTP/1.1\r\nhost: web.test\r\n\r\n`);
        await client.receive('\r\n\r\n');
        expect(client.take()).toBe(`HTTP/1.1 ${status} X\r\nx-status: ${status}\r\n\r\n`);
      }
    },
  },
  {
    name: 'keeps the content-length of a HEAD response, and the connection',
    async run(bench) {
      const { client } = await pair(bench, 'HTTP/1.1 200 OK\r\ncontent-length: 55\r\n\r\n');
      for (let i = 0; i < 2; i += 1) {
        client.send('HEAD / HTTP/1.1\r\nhost: web.test\r\n\r\n');
        await client.receive('\r\n\r\n');
        expect(client.take()).toBe('HTTP/1.1 200 OK\r\ncontent-length: 55\r\n\r\n');
      }
    },
  },
  {
    name: 'reads a response to the end of its connection, for HTTP/1.0 and 1.1 clients',
    async run(bench) {
      const origin = await bench.rawOrigin(async (peer) => {
        await peer.receive('\r\n\r\n');
        peer.send(`HTTP/${peer.text.includes('HTTP/1.0') ? '1.0' : '1.1'} 200 OK\r\n\r\nbody till eof`);
        peer.socket.end();
      });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: origin.port });
      const old = await bench.rawClient(proxy.port);
      old.send('GET / HTTP/1.0\r\n\r\n');
      expect(await old.over()).toBe('HTTP/1.0 200 OK\r\n\r\nbody till eof');
      const client = await bench.rawClient(proxy.port);
      client.send('GET / HTTP/1.1\r\nhost: web.test\r\n\r\n');
      expect(await client.receive('0\r\n\r\n')).toContain('transfer-encoding: chunked\r\n\r\nd\r\nbody till eof\r\n0\r\n\r\n');
    },
  },
  {
    name: 'serves HTTP/1.0 with and without Host, in its version',
    async run(bench) {
      const { client, origin, port } = await pair(bench, 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok');
      client.send('GET / HTTP/1.0\r\n\r\n');
      expect(await client.over()).toBe('HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok');
      expect(origin.peers[0]?.text).toBe('GET / HTTP/1.0\r\n\r\n');
      const second = await bench.rawClient(port);
      second.send('GET / HTTP/1.0\r\nhost: web.test\r\nconnection: keep-alive\r\n\r\n');
      expect(await second.receive('ok')).toBe('HTTP/1.0 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nok');
      second.take();
      second.send('GET / HTTP/1.0\r\nhost: web.test\r\n\r\n');
      expect(await second.over()).toBe('HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok');
      expect(origin.peers).toHaveLength(3);
    },
  },
  {
    name: 'keeps the form of the target, and a Host that differs from it',
    async run(bench) {
      const { client, origin } = await pair(bench, OK);
      for (const target of ['/origin?q', 'http://other.test:81/absolute?q', '*']) {
        client.send(`OPTIONS ${target} HTTP/1.1\r\nhost: web.test\r\n\r\n`);
        await client.receive('ok');
        client.take();
      }
      expect(origin.peers.map((peer) => peer.text).join('')).toBe(
        'OPTIONS /origin?q HTTP/1.1\r\nhost: web.test\r\n\r\nOPTIONS * HTTP/1.1\r\nhost: web.test\r\n\r\n' +
          'OPTIONS http://other.test:81/absolute?q HTTP/1.1\r\nhost: web.test\r\n\r\n',
      );
    },
  },
  {
    name: 'gives the pipeline the parts of a request head',
    async run(bench) {
      const heads: unknown[] = [];
      const proxy = await bench.proxy({
        client: 'http/1',
        server: 'http/1',
        origin: 1,
        onExchange: (exchange) => {
          heads.push({ ...exchange.request });
          exchange.respond({ status: 200, headers: [] });
        },
      });
      const client = await bench.rawClient(proxy.port);
      client.send('GET HTTP://a.test:1?x HTTP/1.1\r\nHost: b.test\r\n\r\n');
      await client.receive('\r\n\r\n');
      client.take();
      client.send('GET /p HTTP/1.1\r\nHost: b.test\r\n\r\n');
      expect(await client.receive('\r\n\r\n')).toBe('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      expect(heads).toEqual([
        { method: 'GET', version: '1.1', form: 'absolute', path: '/?x', scheme: 'http', authority: 'a.test:1', headers: ['host', 'b.test'], upgrade: false },
        { method: 'GET', version: '1.1', form: 'origin', path: '/p', scheme: undefined, authority: 'b.test', headers: ['host', 'b.test'], upgrade: false },
      ]);
    },
  },
  {
    name: 'removes hop-by-hop fields and those that connection names, both ways',
    async run(bench) {
      const { client, origin } = await pair(
        bench,
        'HTTP/1.1 200 OK\r\nconnection: x-res, keep-alive\r\nx-res: 1\r\nkeep-alive: timeout=5\r\nproxy-connection: a\r\nupgrade: b\r\ncontent-length: 2\r\n\r\nok',
      );
      client.send(
        'GET / HTTP/1.1\r\nhost: web.test\r\nconnection: X-Req\r\nx-req: 1\r\nkeep-alive: 5\r\nproxy-connection: a\r\nupgrade: foo\r\nx-kept: 1\r\n\r\n',
      );
      expect(await client.receive('ok')).toBe(OK);
      expect(origin.peers[0]?.text).toBe('GET / HTTP/1.1\r\nhost: web.test\r\nx-kept: 1\r\n\r\n');
    },
  },
  {
    name: 'passes an expectation, interim responses and the body end to end',
    async run(bench) {
      const origin = await bench.rawOrigin(async (peer) => {
        await peer.receive('\r\n\r\n');
        peer.send('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n');
        await peer.receive('hello');
        peer.send(OK);
      });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: origin.port });
      const client = await bench.rawClient(proxy.port);
      client.send('POST / HTTP/1.1\r\nhost: web.test\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n');
      await client.receive('100 Continue\r\n\r\n');
      expect(origin.peers[0]?.text).toContain('expect: 100-continue\r\n');
      expect(client.take()).toBe('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n');
      client.send('hello');
      expect(await client.receive('ok')).toBe(OK);
    },
  },
  {
    name: 'closes after a final answer to an expectation that was never met',
    async run(bench) {
      const { client } = await pair(bench, 'HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n');
      client.send('POST / HTTP/1.1\r\nhost: web.test\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n');
      expect(await client.over()).toBe('HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    },
  },
  {
    name: 'lets a response come before the end of its request',
    async run(bench) {
      const origin = await bench.rawOrigin(async (peer) => {
        await peer.receive('one');
        peer.send('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nONE\r\n');
        await peer.receive('two');
        peer.send('3\r\nTWO\r\n0\r\n\r\n');
      });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: origin.port });
      const client = await bench.rawClient(proxy.port);
      client.send('POST / HTTP/1.1\r\nhost: web.test\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n');
      await client.receive('ONE');
      client.send('3\r\ntwo\r\n0\r\n\r\n');
      await client.receive('0\r\n\r\n');
      client.take();
      client.send('GET /next HTTP/1.1\r\nhost: web.test\r\n\r\n');
      expect(await origin.peers[0]?.receive('/next')).toContain('0\r\n\r\nGET /next');
    },
  },
  {
    name: 'keeps the reason phrase and an unknown status',
    async run(bench) {
      const { client } = await pair(bench, 'HTTP/1.1 799 Very Odd\r\ncontent-length: 0\r\n\r\n');
      client.send('GET / HTTP/1.1\r\nhost: web.test\r\n\r\n');
      expect(await client.receive('\r\n\r\n')).toBe('HTTP/1.1 799 Very Odd\r\ncontent-length: 0\r\n\r\n');
    },
  },
  {
    name: 'closes the connection when the client or a rule asks for it',
    async run(bench) {
      const { client, origin } = await pair(bench, OK);
      client.send('GET / HTTP/1.1\r\nhost: web.test\r\nconnection: close\r\n\r\n');
      expect(await client.over()).toBe('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok');
      expect(origin.peers[0]?.text).toBe('GET / HTTP/1.1\r\nhost: web.test\r\n\r\n');
      const proxy = await bench.proxy({
        client: 'http/1',
        server: 'http/1',
        origin: origin.peers[0]?.socket.localPort ?? 0,
        rules: { response: (head) => void head.headers.push('connection', 'close') },
      });
      const second = await bench.rawClient(proxy.port);
      second.send('GET / HTTP/1.1\r\nhost: web.test\r\n\r\n');
      expect(await second.over()).toContain('connection: close\r\n\r\nok');
    },
  },
  {
    name: 'lets rules edit both heads once, and overrides the authority',
    async run(bench) {
      const { origin } = await pair(bench, OK);
      let calls = 0;
      const direct = await bench.rawOrigin(async (peer) => {
        await peer.receive('\r\n\r\n');
        peer.send(OK);
      });
      const proxy = await bench.proxy({
        client: 'http/1',
        server: 'http/1',
        origin: direct.port,
        rules: {
          authorityOverride: 'real.test:80',
          request: (head) => {
            calls += 1;
            head.headers.push('x-added', '1');
          },
          response: (head, request) => {
            calls += 1;
            head.headers.push('x-path', request.path);
          },
        },
      });
      const client = await bench.rawClient(proxy.port);
      client.send('GET /p HTTP/1.1\r\nhost: web.test\r\nl5d-dst-canonical: web.test:80\r\n\r\n');
      expect(await client.receive('ok')).toContain('x-path: /p\r\n');
      expect(direct.peers[0]?.text).toBe('GET /p HTTP/1.1\r\nx-added: 1\r\nhost: real.test:80\r\n\r\n');
      expect(calls).toBe(2);
      expect(origin.peers).toHaveLength(0);
    },
  },
  {
    name: 'answers locally, and drops the request body',
    async run(bench) {
      const proxy = await bench.proxy({
        client: 'http/1',
        server: 'http/1',
        origin: 1,
        onExchange: (exchange) => exchange.respond({ status: 403, headers: ['x', '1'], body: Buffer.from('no'), close: exchange.request.path === '/close' }),
      });
      const client = await bench.rawClient(proxy.port);
      client.send(`POST / HTTP/1.1\r\nhost: web.test\r\ncontent-length: 200000\r\n\r\n${'x'.repeat(200_000)}HEAD / HTTP/1.1\r\nhost: web.test\r\n\r\n`);
      const head = 'HTTP/1.1 403 Forbidden\r\nx: 1\r\ncontent-length: 2\r\n';
      await client.receive((text) => text.split('\r\n\r\n').length === 3);
      expect(client.take()).toBe(`${head}\r\nno${head}\r\n`);
      client.send('GET /close HTTP/1.1\r\nhost: web.test\r\n\r\n');
      expect(await client.over()).toBe(`${head}connection: close\r\n\r\nno`);
    },
  },
];
