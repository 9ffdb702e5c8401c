// Requests whose bodies nobody wants any more: the client gets its response whole, then learns that it may stop (RFC 9113 §8.1, RFC 9112 §9.6).
import { constants, type ServerHttp2Stream } from 'node:http2';
import { expect } from 'vitest';
import type { Bench } from './bench.ts';
import type { EngineCase } from './suite.ts';

const { NGHTTP2_NO_ERROR } = constants;

/** Longer than what a client takes at once. */
const LONG = 'abcdefgh'.repeat(30_000);

/** Answers, and wants no more of the request. */
function answerOnly(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200 });
  stream.end(LONG);
  stream.close(NGHTTP2_NO_ERROR);
}

/** A request that would go on for ever, to the end that its server makes of it. */
async function upload(bench: Bench, port: number): Promise<{ readonly whole: boolean; readonly code: number | undefined; readonly trailers: unknown }> {
  const stream = bench.http2Client(port).request({ ':method': 'POST', ':path': '/' });
  let body = '';
  let trailers: unknown;
  stream.on('data', (chunk: Buffer) => {
    body += chunk.toString();
  });
  stream.on('trailers', (received) => {
    trailers = received;
  });
  stream.on('error', () => undefined);
  stream.write('first');
  await new Promise((resolve) => stream.once('close', resolve));
  return { whole: body === LONG, code: stream.rstCode, trailers };
}

const UPLOAD = 'POST / HTTP/1.1\r\nhost: web.test\r\ncontent-length: 10000000\r\n\r\nfirst';

export const unwantedCases: readonly EngineCase[] = [
  {
    name: 'stops an HTTP/2 client whose HTTP/2 upstream has answered and stopped it, after the whole response',
    async run(bench) {
      const origin = await bench.http2Origin(answerOnly);
      const proxy = await bench.proxy({ client: 'http/2', server: 'http/2', origin: origin.port });
      expect(await upload(bench, proxy.port)).toMatchObject({ whole: true, code: NGHTTP2_NO_ERROR });
      expect(proxy.watched[0]?.outcome).toEqual({ kind: 'complete' });
      expect(proxy.upstream.inFlight).toBe(0);
    },
  },
  {
    name: 'stops it also where trailers end the response',
    async run(bench) {
      const origin = await bench.http2Origin((stream) => {
        stream.respond({ ':status': 200 }, { waitForTrailers: true });
        stream.on('wantTrailers', () => {
          stream.sendTrailers({ 'x-end': 'there' });
          setImmediate(() => stream.close(NGHTTP2_NO_ERROR));
        });
        stream.end(LONG);
      });
      const proxy = await bench.proxy({ client: 'http/2', server: 'http/2', origin: origin.port });
      expect(await upload(bench, proxy.port)).toMatchObject({ whole: true, code: NGHTTP2_NO_ERROR, trailers: { 'x-end': 'there' } });
    },
  },
  {
    name: 'stops an HTTP/2 client whose HTTP/1 upstream has answered and closed the connection',
    async run(bench) {
      const { port } = await bench.rawOrigin(async (peer) => {
        await peer.receive('first');
        peer.send(`HTTP/1.1 200 OK\r\ncontent-length: ${LONG.length}\r\nconnection: close\r\n\r\n${LONG}`);
        peer.socket.end();
      });
      const proxy = await bench.proxy({ client: 'http/2', server: 'http/1', origin: port });
      expect(await upload(bench, proxy.port)).toMatchObject({ whole: true, code: NGHTTP2_NO_ERROR });
    },
  },
  {
    name: 'stops an HTTP/2 client that is answered here',
    async run(bench) {
      const proxy = await bench.proxy({
        client: 'http/2',
        server: 'http/2',
        origin: 1,
        onExchange: (exchange) => exchange.respond({ status: 403, headers: [], body: Buffer.from(LONG) }),
      });
      expect(await upload(bench, proxy.port)).toMatchObject({ whole: true, code: NGHTTP2_NO_ERROR });
    },
  },
  {
    name: 'serves the other streams of a client that it stopped',
    async run(bench) {
      const proxy = await bench.proxy({
        client: 'http/2',
        server: 'http/2',
        origin: 1,
        onExchange: (exchange) => exchange.respond({ status: 403, headers: [] }),
      });
      const session = bench.http2Client(proxy.port);
      for (let i = 0; i < 30; i += 1) {
        const stream = session.request({ ':method': 'POST', ':path': '/' });
        stream.on('error', () => undefined);
        // In all more than the window of the connection.
        stream.write(Buffer.alloc(60_000));
        stream.resume();
        const [head] = await new Promise<readonly unknown[]>((resolve) => stream.once('response', (...all) => resolve(all)));
        expect(head).toMatchObject({ ':status': 403 });
        await new Promise((resolve) => stream.once('close', resolve));
      }
      expect(session.closed).toBe(false);
    },
  },
  {
    name: 'ends the connection of an HTTP/1 client whose HTTP/2 upstream has answered and stopped it, after the whole response',
    async run(bench) {
      const origin = await bench.http2Origin(answerOnly);
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/2', origin: origin.port });
      const client = await bench.rawClient(proxy.port);
      client.send(UPLOAD);
      const text = await client.over();
      expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(text).toContain('\r\n0\r\n\r\n');
      client.socket.end();
      await client.whenClosed();
      expect(client.error).toBeUndefined();
    },
  },
  {
    name: 'ends the connection of an HTTP/1 client that is answered here, and says so',
    async run(bench) {
      const proxy = await bench.proxy({
        client: 'http/1',
        server: 'http/1',
        origin: 1,
        onExchange: (exchange) => exchange.respond({ status: 403, headers: [] }),
      });
      const client = await bench.rawClient(proxy.port);
      client.send(UPLOAD);
      expect(await client.over()).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n(?:.*\r\n)*connection: close\r\n/);
    },
  },
  {
    name: 'reads a short request of HTTP/1 to its end instead, and serves the next',
    async run(bench) {
      const origin = await bench.http2Origin(answerOnly);
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/2', origin: origin.port });
      const client = await bench.rawClient(proxy.port);
      for (let i = 0; i < 2; i += 1) {
        client.send('POST / HTTP/1.1\r\nhost: web.test\r\ncontent-length: 10\r\n\r\nfirst');
        await client.receive('\r\n0\r\n\r\n');
        expect(client.take()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
        client.send('12345');
      }
    },
  },
];
