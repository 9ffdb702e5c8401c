// Back-pressure: a slow reader stops the writer on the other side, whatever the versions, and memory stays bounded.
import type { Socket } from 'node:net';
import { expect } from 'vitest';
import type { Bench, Proxy, Version } from './bench.ts';
import { answerOf } from './calls.ts';
import { Sink, Source } from './numbered-bytes.ts';
import type { EngineCase } from './suite.ts';

const TOTAL = 64 * 1024 * 1024;
/** What sockets, windows and streams may hold in all while nobody reads. */
const HELD = 24 * 1024 * 1024;

/** Waits until a count stands still, and returns it. */
export async function settled(count: () => number): Promise<number> {
  let last = -1;
  let same = 0;
  while (same < 10) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    same = count() === last ? same + 1 : 0;
    last = count();
  }
  return last;
}

function buffered(proxy: Proxy): number {
  const underneath = (socket: Socket): number => (socket as { _handle?: { readonly writeQueueSize: number } | null })._handle?.writeQueueSize ?? 0;
  const held = (socket: Socket): number => Math.max(socket.writableLength, underneath(socket)) + socket.readableLength;
  return [...proxy.sockets, ...proxy.dials].reduce((sum, socket) => sum + held(socket), 0);
}

async function download(bench: Bench, client: Version, server: Version): Promise<void> {
  let source: Source | undefined;
  const origin =
    server === 'http/1'
      ? await bench.http1Origin((_request, response) => {
          response.writeHead(200, { 'content-length': TOTAL });
          source = new Source(response, TOTAL);
        })
      : (
          await bench.http2Origin((stream) => {
            stream.respond({ ':status': 200, 'content-length': TOTAL });
            source = new Source(stream, TOTAL);
          })
        ).port;
  const proxy = await bench.proxy({ client, server, origin });
  const sink = new Sink(client === 'http/1');
  if (client === 'http/1') {
    const socket = (await bench.rawClient(proxy.port)).socket;
    socket.removeAllListeners('data');
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nhost: web.test\r\n\r\n');
    await check();
    const ended = proxy.watched[0]?.ended;
    sink.read(socket);
    await ended;
    await settled(() => sink.received);
  } else {
    const stream = bench.http2Client(proxy.port).request({ ':path': '/' });
    await check();
    sink.read(stream);
    await new Promise((resolve) => stream.once('end', resolve));
  }
  expect(sink.received).toBe(TOTAL);
  expect(sink.wrongAt).toBeUndefined();

  async function check(): Promise<void> {
    const written = await settled(() => source?.written ?? 0);
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThan(HELD);
    expect(buffered(proxy)).toBeLessThan(2 * 1024 * 1024);
  }
}

async function upload(bench: Bench, client: Version, server: Version): Promise<void> {
  const sink = new Sink();
  let read: () => void = () => undefined;
  const origin =
    server === 'http/1'
      ? await bench.http1Origin((request, response) => {
          request.on('end', () => response.end('ok'));
          read = () => sink.read(request);
        })
      : (
          await bench.http2Origin((stream) => {
            stream.on('end', () => {
              stream.respond({ ':status': 200 });
              stream.end('ok');
            });
            read = () => sink.read(stream);
          })
        ).port;
  const proxy = await bench.proxy({ client, server, origin });
  let source: Source;
  let answered: Promise<unknown>;
  if (client === 'http/1') {
    const peer = await bench.rawClient(proxy.port);
    peer.send(`POST / HTTP/1.1\r\nhost: web.test\r\ncontent-length: ${TOTAL}\r\n\r\n`);
    const { socket } = peer;
    source = new Source({ write: (chunk) => socket.write(chunk), once: (event, listener) => socket.once(event, listener), end: () => undefined }, TOTAL);
    answered = peer.receive('200 OK');
  } else {
    const stream = bench.http2Client(proxy.port).request({ ':path': '/', ':method': 'POST' });
    source = new Source(stream, TOTAL);
    answered = new Promise((resolve) => stream.once('response', resolve));
  }
  answered.catch(() => undefined);
  const written = await settled(() => source.written);
  expect(written).toBeGreaterThan(0);
  expect(written).toBeLessThan(HELD);
  expect(buffered(proxy)).toBeLessThan(2 * 1024 * 1024);
  read();
  await answered;
  expect(sink.received).toBe(TOTAL);
  expect(sink.wrongAt).toBeUndefined();
}

const VERSIONS = ['http/1', 'http/2'] as const;
const PAIRS = VERSIONS.flatMap((client) => VERSIONS.map((server) => ({ client, server })));

export const flowCases: readonly EngineCase[] = [
  ...PAIRS.map(({ client, server }) => ({
    name: `stops a ${server} response that its ${client} client does not read`,
    run: async (bench: Bench) => await download(bench, client, server),
  })),
  ...PAIRS.map(({ client, server }) => ({
    name: `stops a ${client} request that its ${server} origin does not read`,
    run: async (bench: Bench) => await upload(bench, client, server),
  })),
  {
    name: 'stops a tunnel whose far end does not read',
    async run(bench) {
      const { port, peers } = await bench.rawOrigin(async (peer) => {
        await peer.receive('\r\n\r\n');
        peer.socket.pause();
        peer.send('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n');
      });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: port });
      const client = await bench.rawClient(proxy.port);
      client.send('GET / HTTP/1.1\r\nhost: web.test\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n');
      await client.receive('\r\n\r\n');
      const source = new Source(client.socket, TOTAL);
      expect(await settled(() => source.written)).toBeLessThan(HELD);
      expect(buffered(proxy)).toBeLessThan(2 * 1024 * 1024);
      const sink = new Sink();
      const far = peers[0]?.socket;
      if (far === undefined) throw new Error('the tunnel has no far end');
      far.removeAllListeners('data');
      sink.read(far);
      await new Promise((resolve) => far.once('end', resolve));
      expect(sink.received).toBe(TOTAL);
      expect(sink.wrongAt).toBeUndefined();
    },
  },
  {
    name: 'carries more exchanges on one HTTP/2 connection than its window holds at once',
    async run(bench) {
      const body = 'x'.repeat(40_000);
      const origin = await bench.http2Origin((stream) => {
        let received = 0;
        stream.on('data', (chunk: Buffer) => {
          received += chunk.length;
        });
        stream.on('end', () => {
          stream.respond({ ':status': 200 });
          stream.end(`${received} ${body}`);
        });
      });
      const proxy = await bench.proxy({ client: 'http/2', server: 'http/2', origin: origin.port });
      const session = bench.http2Client(proxy.port);
      for (let i = 0; i < 60; i += 1) {
        const stream = session.request({ ':method': 'POST', ':path': '/' });
        stream.end(body);
        expect((await answerOf(stream)).body).toBe(`40000 ${body}`);
      }
      expect(proxy.dials).toHaveLength(1);
    },
  },
  {
    name: 'lets other streams of a connection pass one that is not read',
    async run(bench) {
      const origin = await bench.http2Origin((stream, headers) => {
        stream.respond({ ':status': 200 });
        if (headers[':path'] === '/slow') void new Source(stream, TOTAL);
        else stream.end('quick');
      });
      const proxy = await bench.proxy({ client: 'http/2', server: 'http/2', origin: origin.port });
      const session = bench.http2Client(proxy.port);
      const slow = session.request({ ':path': '/slow' });
      slow.on('error', () => undefined);
      await new Promise((resolve) => slow.once('response', resolve));
      for (let i = 0; i < 5; i += 1) {
        const quick = session.request({ ':path': '/quick' });
        let body = '';
        quick.on('data', (chunk: Buffer) => {
          body += chunk.toString();
        });
        await new Promise((resolve) => quick.once('end', resolve));
        expect(body).toBe('quick');
      }
      slow.close(8);
      expect((await proxy.watched[0]?.ended)?.kind).toBe('client-gone');
    },
  },
];
