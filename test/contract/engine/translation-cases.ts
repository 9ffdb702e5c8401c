// Between versions: HTTP/1 carried in HTTP/2 from proxy to proxy (spec/proxy.md §4.1), and plain translation.
import type { Socket } from 'node:net';
import { expect } from 'vitest';
import type { Bench, Proxy } from './bench.ts';
import { http1, http2 } from './calls.ts';
import { dialPort, type Peer } from './peer.ts';
import type { EngineCase } from './suite.ts';

interface Pair {
  readonly outbound: Proxy;
  readonly inbound: Proxy;
  /** Heads that the inbound side received, fields only. */
  readonly between: { readonly request: string[]; readonly response: string[] };
}

/** An application's client in HTTP/1, a proxy, HTTP/2, a proxy, the application's server in HTTP/1. */
async function proxies(bench: Bench, origin: number): Promise<Pair> {
  const request: string[] = [];
  const response: string[] = [];
  const inbound: Proxy = await bench.proxy({
    client: 'http/2',
    server: 'http/1',
    origin,
    onExchange: (exchange, proxy) => {
      request.push(...exchange.request.headers);
      proxy.forward(exchange);
    },
    rules: { origProto: 'decode', response: (head) => void response.push(`version ${head.version}`, ...head.headers) },
  });
  const outbound = await bench.proxy({ client: 'http/1', server: 'http/2', origin: inbound.port, rules: { origProto: 'encode' } });
  return { outbound, inbound, between: { request, response } };
}

async function exchange(
  bench: Bench,
  request: string,
  answer: string,
  until: string | RegExp,
): Promise<{ seen: string; got: string; between: Pair['between'] }> {
  const { port, peers } = await bench.rawOrigin(async (peer: Peer) => {
    await peer.receive('\r\n\r\n');
    peer.send(answer);
    if (!/content-length|chunked/i.test(answer)) peer.socket.end();
  });
  const { outbound, between } = await proxies(bench, port);
  const client = await bench.rawClient(outbound.port);
  client.send(request);
  const got = await client.receive(until);
  return { seen: peers[0]?.text ?? '', got, between };
}

export const translationCases: readonly EngineCase[] = [
  {
    name: 'carries HTTP/1.1 through HTTP/2 without a trace',
    async run(bench) {
      const { seen, got, between } = await exchange(
        bench,
        'GET /a HTTP/1.1\r\nHost: web.test\r\nx: 1\r\n\r\n',
        'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ny: 2\r\n\r\nok',
        'ok',
      );
      expect(seen).toContain('GET /a HTTP/1.1\r\n');
      expect(seen).toContain('host: web.test\r\nx: 1\r\n\r\n');
      expect(seen).not.toContain('l5d-orig-proto');
      expect(got).toBe('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ny: 2\r\n\r\nok');
      expect(between.request).toEqual(expect.arrayContaining(['l5d-orig-proto', 'HTTP/1.1']));
      expect(between.response.join(' ')).toContain('version 2');
      expect(between.response.join(' ')).toContain('l5d-orig-proto HTTP/1.1');
    },
  },
  {
    name: 'carries HTTP/1.0 and absolute form through HTTP/2',
    async run(bench) {
      const old = await exchange(bench, 'GET /a HTTP/1.0\r\nhost: web.test\r\n\r\n', 'HTTP/1.0 200 OK\r\n\r\nto the end', 'to the end');
      expect(old.seen).toBe('GET /a HTTP/1.0\r\nhost: web.test\r\n\r\n');
      expect(old.got).toBe('HTTP/1.0 200 OK\r\n\r\nto the end');
      expect(old.between.request).toEqual(expect.arrayContaining(['l5d-orig-proto', 'HTTP/1.0']));
      const absolute = await exchange(
        bench,
        'GET http://other.test/b?c HTTP/1.1\r\nhost: web.test\r\n\r\n',
        'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
        'ok',
      );
      expect(absolute.seen).toBe('GET http://other.test/b?c HTTP/1.1\r\nhost: web.test\r\n\r\n');
      expect(absolute.between.request).toEqual(expect.arrayContaining(['l5d-orig-proto', 'HTTP/1.1; absolute-form']));
    },
  },
  {
    name: 'carries chunked bodies and trailers through HTTP/2 both ways',
    async run(bench) {
      const { seen, got } = await exchange(
        bench,
        'POST / HTTP/1.1\r\nhost: web.test\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-req: 1\r\n\r\n',
        'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\ndef\r\n0\r\nx-res: 2\r\n\r\n',
        'x-res',
      );
      expect(seen).toMatch(/transfer-encoding: chunked\r\n\r\n/);
      expect(got).toBe('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\ndef\r\n0\r\nx-res: 2\r\n\r\n');
    },
  },
  {
    name: 'adds no framing to bodiless messages on the way through HTTP/2',
    async run(bench) {
      for (const [method, answer] of [
        ['POST', 'HTTP/1.1 204 No Content\r\nx: 1\r\n\r\n'],
        ['GET', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n'],
        ['HEAD', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n'],
        ['DELETE', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'],
      ] as const) {
        const { seen, got } = await exchange(bench, `${method} / HTTP/1.1\r\nhost: web.test\r\n\r\n`, answer, '\r\n\r\n');
        expect(seen).toBe(`${method} / HTTP/1.1\r\nhost: web.test\r\n\r\n`);
        expect(got).toBe(answer);
      }
    },
  },
  {
    name: 'reports a reset of an upgraded request, so that an HTTP/1 client gets an answer',
    async run(bench) {
      const origin = await bench.http2Origin((stream, headers) => {
        if (headers[':path'] === '/late') {
          stream.respond({ ':status': 200 }, { waitForTrailers: true });
          stream.write('part', () => stream.close(8));
        } else stream.close(11);
      });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/2', origin: origin.port, rules: { origProto: 'encode' } });
      expect((await http1(proxy.port)).status).toBe(502);
      expect(proxy.failures).toEqual([{ kind: 'reset', code: 11 }]);
      const client = await bench.rawClient(proxy.port);
      client.send('GET /late HTTP/1.1\r\nhost: web.test\r\n\r\n');
      expect(await client.over()).not.toContain('0\r\n\r\n');
    },
  },
  {
    name: 'leaves HTTP/2 alone where requests are decoded, and takes the version of the request where the peer says none',
    async run(bench) {
      const origin = await bench.http2Origin((stream, headers) => {
        stream.respond({ ':status': 200, 'x-orig': String(headers['l5d-orig-proto']), date: 'today' });
        stream.end('ok');
      });
      const decoding = await bench.proxy({ client: 'http/2', server: 'http/2', origin: origin.port, rules: { origProto: 'decode' } });
      expect((await http2(bench.http2Client(decoding.port))).headers).toMatchObject({ 'x-orig': 'undefined' });
      const encoding = await bench.proxy({ client: 'http/1', server: 'http/2', origin: origin.port, rules: { origProto: 'encode' } });
      const client = await bench.rawClient(encoding.port);
      client.send('GET / HTTP/1.1\r\nhost: web.test\r\n\r\n');
      expect(await client.receive('ok')).toMatch(/^HTTP\/1\.1 200 OK\r\nx-orig: HTTP\/1\.1\r\n/);
    },
  },
  {
    name: 'translates HTTP/1 to HTTP/2 without the header of the mesh',
    async run(bench) {
      const seen: Record<string, unknown>[] = [];
      const origin = await bench.http2Origin((stream, headers) => {
        seen.push(headers);
        stream.respond({ ':status': 200, date: 'today' }, { endStream: true });
      });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/2', origin: origin.port });
      const client = await bench.rawClient(proxy.port);
      client.send('GET /a HTTP/1.1\r\nhost: web.test:81\r\nte: trailers, gzip\r\nconnection: te\r\nx: 1\r\n\r\n');
      expect(await client.receive('\r\n\r\n')).toBe('HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 0\r\n\r\n');
      expect(seen[0]).toMatchObject({ ':authority': 'web.test:81', ':path': '/a', ':scheme': 'http', x: '1' });
      expect(Object.keys(seen[0] ?? {})).not.toContain('host');
    },
  },
  {
    name: 'translates HTTP/2 to HTTP/1, joining cookies and setting Host',
    async run(bench) {
      const { port, peers } = await bench.rawOrigin(async (peer) => {
        await peer.receive(/abc\r\n0\r\n\r\n|\r\n\r\n$/);
        peer.send('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nkeep-alive: 5\r\n\r\n2\r\nok\r\n0\r\nx-end: 1\r\n\r\n');
      });
      const proxy = await bench.proxy({ client: 'http/2', server: 'http/1', origin: port });
      const session = bench.http2Client(proxy.port);
      const answer = await http2(session, { headers: { ':method': 'POST', ':path': '/a', cookie: ['a=1', 'b=2'] }, body: 'abc' });
      expect(answer).toMatchObject({ status: 200, body: 'ok', trailers: { 'x-end': '1' } });
      expect(Object.keys(answer.headers)).not.toContain('keep-alive');
      expect(peers[0]?.text).toBe('POST /a HTTP/1.1\r\ncookie: a=1; b=2\r\nhost: web.test\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n');
    },
  },
  {
    name: 'resets an HTTP/2 client when an HTTP/1 upstream cuts its response short',
    async run(bench) {
      for (const answer of ['HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\npart', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\npart']) {
        const { port } = await bench.rawOrigin(async (peer) => {
          await peer.receive('\r\n\r\n');
          peer.send(answer);
          peer.socket.end();
        });
        const proxy = await bench.proxy({ client: 'http/2', server: 'http/1', origin: port });
        await expect(http2(bench.http2Client(proxy.port))).rejects.toMatchObject({ rstCode: 2 });
        expect(proxy.watched[0]?.outcome).toMatchObject({ kind: 'failed', failure: { kind: 'closed' } });
      }
    },
  },
  {
    name: 'relays an empty body whose end was there before the upstream was',
    async run(bench) {
      const bodies: string[] = [];
      const http1Port = await bench.http1Origin((request, response) => {
        request.on('data', (chunk: Buffer) => bodies.push(chunk.toString()));
        request.on('end', () => response.end('ended'));
      });
      const http2Origin = await bench.http2Origin((stream) => {
        stream.on('data', (chunk: Buffer) => bodies.push(chunk.toString()));
        stream.on('end', () => {
          stream.respond({ ':status': 200 });
          stream.end('ended');
        });
      });
      for (const client of ['http/1', 'http/2'] as const) {
        for (const [server, origin] of [
          ['http/1', http1Port],
          ['http/2', http2Origin.port],
        ] as const) {
          const dial = async (): Promise<Socket> => {
            await new Promise((resolve) => setTimeout(resolve, 20));
            return await dialPort(origin);
          };
          const proxy = await bench.proxy({ client, server, origin, upstream: { dial } });
          if (client === 'http/2') expect((await http2(bench.http2Client(proxy.port), { headers: { ':method': 'POST' }, body: '' })).body).toBe('ended');
          else expect((await http1(proxy.port, { method: 'POST', headers: { 'transfer-encoding': 'chunked' } })).body).toBe('ended');
        }
      }
      expect(bodies).toEqual([]);
    },
  },
];
