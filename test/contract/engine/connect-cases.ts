// CONNECT over HTTP/2, extended or not: bytes as bodies of a stream (RFC 9113 §8.5, RFC 8441).
import { createServer } from 'node:http';
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2, constants, createServer as createHttp2Server } from 'node:http2';
import { expect } from 'vitest';
import { type ClientOptions, WebSocket, WebSocketServer } from 'ws';
import type { Bench, ProxyOptions } from './bench.ts';
import type { EngineCase } from './suite.ts';

const EXTENDED = {
  ':method': 'CONNECT',
  ':protocol': 'websocket',
  ':scheme': 'http',
  ':path': '/chat',
  ':authority': 'web.test',
  'sec-websocket-version': '13',
};
const WELCOME = { serve: { http2: { extendedConnect: true } } } as const;

/** Bytes of one stream as its client sees them. */
class Bytes {
  readonly stream: ClientHttp2Stream;
  readonly status: Promise<number>;
  /** RST_STREAM's code, 0 for a clean end. */
  readonly over: Promise<number>;
  private readonly bench: Bench;
  private text = '';

  constructor(bench: Bench, stream: ClientHttp2Stream) {
    this.bench = bench;
    this.stream = stream;
    stream.on('data', (chunk: Buffer) => (this.text += chunk.toString('latin1')));
    stream.on('error', () => undefined);
    this.status = new Promise((resolve, reject) => {
      stream.once('response', (headers) => resolve(Number(headers[':status'])));
      stream.once('close', () => reject(new Error(`closed with ${stream.rstCode}`)));
    });
    this.status.catch(() => undefined);
    this.over = new Promise((resolve) => void stream.once('close', () => resolve(stream.rstCode)));
  }

  async receive(text: string): Promise<void> {
    await this.bench.until(() => this.text.endsWith(text));
  }
}

/** A client that has seen the settings of the proxy. */
async function client(bench: Bench, port: number): Promise<ClientHttp2Session> {
  const session = bench.http2Client(port);
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  return session;
}

/** An HTTP/2 origin that announces extended CONNECT, or not, and echoes. */
async function echoOrigin(bench: Bench, enableConnectProtocol: boolean): Promise<{ readonly port: number; readonly seen: Record<string, unknown>[] }> {
  const seen: Record<string, unknown>[] = [];
  const server = createHttp2Server({ settings: { enableConnectProtocol } });
  server.on('session', (session) => {
    session.on('error', () => undefined);
    bench.defer(() => session.destroy());
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    seen.push(headers);
    stream.respond({ ':status': 200 });
    stream.pipe(stream);
  });
  const { port } = await bench.listen((socket) => void server.emit('connection', socket));
  return { port, seen };
}

/** The package takes null for a WebSocket over a stream that somebody else opened; its types do not say so. */
const NO_ADDRESS = null as unknown as string;

/** A proxy whose clients may use extended CONNECT, in front of an HTTP/1 origin. */
const toHttp1 = (origin: number): ProxyOptions => ({ client: 'http/2', server: 'http/1', origin, ...WELCOME });

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n';

export const connectCases: readonly EngineCase[] = [
  {
    name: 'relays an extended CONNECT between peers that speak HTTP/2',
    async run(bench) {
      const origin = await echoOrigin(bench, true);
      const proxy = await bench.proxy({ client: 'http/2', server: 'http/2', origin: origin.port, ...WELCOME });
      const session = await client(bench, proxy.port);
      expect(session.remoteSettings.enableConnectProtocol).toBe(true);
      const bytes = new Bytes(bench, session.request(EXTENDED, { endStream: false }));
      expect(await bytes.status).toBe(200);
      expect(origin.seen[0]).toMatchObject(EXTENDED);
      bytes.stream.write('ping \x00');
      await bytes.receive('ping \x00');
      bytes.stream.end('bye');
      await bytes.receive('bye');
      expect(await bytes.over).toBe(0);
      expect((await proxy.watched[0]?.ended)?.kind).toBe('complete');
    },
  },
  {
    name: 'resets an extended CONNECT that it did not invite',
    async run(bench) {
      const origin = await echoOrigin(bench, true);
      const proxy = await bench.proxy({ client: 'http/2', server: 'http/2', origin: origin.port });
      const session = await client(bench, proxy.port);
      expect(session.remoteSettings.enableConnectProtocol).toBe(false);
      expect(await new Bytes(bench, session.request(EXTENDED, { endStream: false })).over).toBe(constants.NGHTTP2_PROTOCOL_ERROR);
      expect(proxy.watched).toEqual([]);
    },
  },
  {
    name: 'fails an extended CONNECT whose upstream does not take it',
    async run(bench) {
      const origin = await echoOrigin(bench, false);
      const proxy = await bench.proxy({ client: 'http/2', server: 'http/2', origin: origin.port, ...WELCOME });
      const session = await client(bench, proxy.port);
      expect(await new Bytes(bench, session.request(EXTENDED, { endStream: false })).status).toBe(502);
      expect(proxy.failures).toMatchObject([{ kind: 'protocol', error: { message: 'upstream does not take extended CONNECT' } }]);
      expect(origin.seen).toEqual([]);
      expect(proxy.upstream.inFlight).toBe(0);
    },
  },
  {
    name: 'carries WebSocket over HTTP/2 to a server that speaks HTTP/1',
    async run(bench) {
      const http = createServer();
      const sockets = new WebSocketServer({ server: http });
      sockets.on('connection', (socket, request) => socket.on('message', (data) => socket.send(`${request.url} ${(data as Buffer).toString()}`)));
      const { port } = await bench.listen((socket) => void http.emit('connection', socket));
      bench.defer(() => sockets.close());
      const proxy = await bench.proxy(toHttp1(port));
      const session = await client(bench, proxy.port);
      const stream = session.request(EXTENDED, { endStream: false });
      expect(await new Bytes(bench, stream).status).toBe(200);
      // Without an address it takes itself for a server; over HTTP/2 nothing else makes a client of it. It has then no default for the time
      // that the closing handshake may take, and would give up after a millisecond.
      const options: ClientOptions & { closeTimeout: number } = { closeTimeout: 30_000 };
      const socket = Object.assign(new WebSocket(NO_ADDRESS, undefined, options), { _isServer: false });
      bench.defer(() => socket.terminate());
      socket.on('error', () => undefined);
      const received: string[] = [];
      const closed = new Promise((resolve) => socket.on('close', resolve));
      socket.on('message', (data) => {
        received.push((data as Buffer).toString());
        if (received.length === 2) socket.close(1000);
      });
      // The way that the package gives to users of HTTP/2; its types leave it out.
      (socket as unknown as { setSocket(stream: ClientHttp2Stream, head: Buffer, options: object): void }).setSocket(stream, Buffer.alloc(0), {
        allowSynchronousEvents: true,
        maxPayload: 1 << 20,
        skipUTF8Validation: false,
      });
      socket.send('one');
      socket.send('x'.repeat(300_000));
      expect(await closed).toBe(1000);
      expect(received).toEqual(['/chat one', `/chat ${'x'.repeat(300_000)}`]);
      expect((await proxy.watched[0]?.ended)?.kind).toBe('complete');
      await bench.until(() => proxy.upstream.inFlight === 0);
    },
  },
  {
    name: 'asks an HTTP/1 server for another protocol by its name, and does not give it bytes early',
    async run(bench) {
      const { port, peers } = await bench.rawOrigin(async (peer) => {
        await peer.receive('\r\n\r\n');
        peer.send('HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n');
        await bench.until(() => proxy.sockets.length > 0 && released);
        peer.send(`${SWITCH.replace('websocket', 'foo')}server first`);
      });
      let released = false;
      const proxy = await bench.proxy(toHttp1(port));
      const session = await client(bench, proxy.port);
      const bytes = new Bytes(bench, session.request({ ...EXTENDED, ':protocol': 'foo', ':path': '/p?q' }, { endStream: false }));
      bytes.stream.write('hasty');
      await new Promise((resolve) => bytes.stream.once('headers', resolve));
      expect(peers[0]?.take()).toBe('GET /p?q HTTP/1.1\r\nsec-websocket-version: 13\r\nhost: web.test\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n');
      released = true;
      expect(await bytes.status).toBe(200);
      await bytes.receive('server first');
      await peers[0]?.receive('hasty');
      bytes.stream.end(' last');
      expect(await peers[0]?.over()).toBe('hasty last');
      peers[0]?.send('after half-close');
      await bytes.receive('after half-close');
      peers[0]?.socket.end();
      expect(await bytes.over).toBe(0);
    },
  },
  {
    name: 'tunnels a CONNECT of HTTP/2 through an HTTP/1 upstream',
    async run(bench) {
      const { port, peers } = await bench.rawOrigin(async (peer) => {
        await peer.receive('\r\n\r\n');
        peer.send('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n');
      });
      const proxy = await bench.proxy({ client: 'http/2', server: 'http/1', origin: port });
      const session = await client(bench, proxy.port);
      const bytes = new Bytes(bench, session.request({ ':method': 'CONNECT', ':authority': 'db.test:5432' }, { endStream: false }));
      expect(await bytes.status).toBe(200);
      expect(peers[0]?.take()).toBe('CONNECT db.test:5432 HTTP/1.1\r\nhost: db.test:5432\r\n\r\n');
      const much = 'y'.repeat(200_000);
      bytes.stream.write(much);
      await peers[0]?.receive(much);
      peers[0]?.send(much);
      await bytes.receive(much);
      peers[0]?.socket.resetAndDestroy();
      expect(await bytes.over).toBe(constants.NGHTTP2_CONNECT_ERROR);
      expect(proxy.upstream.inFlight).toBe(0);
    },
  },
  {
    name: 'goes on with HTTP when an HTTP/1 server refuses a CONNECT of HTTP/2',
    async run(bench) {
      let connections = 0;
      const origin = await bench.rawOrigin(async (peer) => {
        connections += 1;
        for (;;) {
          await peer.receive('\r\n\r\n');
          peer.take();
          peer.send('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno');
        }
      });
      const proxy = await bench.proxy(toHttp1(origin.port));
      const session = await client(bench, proxy.port);
      const bytes = new Bytes(bench, session.request(EXTENDED, { endStream: false }));
      bytes.stream.write('z'.repeat(60_000));
      expect(await bytes.status).toBe(403);
      await bytes.receive('no');
      // More than a window, so that it only passes when it is taken and thrown away.
      bytes.stream.end('z'.repeat(100_000));
      expect(await bytes.over).toBe(0);
      expect((await proxy.watched[0]?.ended)?.kind).toBe('complete');
      expect(proxy.upstream.inFlight).toBe(0);
      expect(connections).toBe(1);
    },
  },
  {
    name: 'does not take an answer for a WebSocket that does not prove it',
    async run(bench) {
      const origin = await bench.rawOrigin(async (peer) => {
        await peer.receive('\r\n\r\n');
        peer.send(SWITCH);
      });
      const proxy = await bench.proxy(toHttp1(origin.port));
      const session = await client(bench, proxy.port);
      expect(await new Bytes(bench, session.request(EXTENDED, { endStream: false })).status).toBe(502);
      expect(proxy.failures[0]).toMatchObject({ kind: 'protocol' });
      expect(proxy.upstream.inFlight).toBe(0);
    },
  },
  {
    name: 'closes the connection of a CONNECT whose HTTP/2 client is gone',
    async run(bench) {
      const { port, peers } = await bench.rawOrigin(async (peer) => {
        await peer.receive('\r\n\r\n');
        peer.send('HTTP/1.1 200 OK\r\n\r\n');
      });
      const proxy = await bench.proxy({ client: 'http/2', server: 'http/1', origin: port });
      const session = connectHttp2(`http://127.0.0.1:${proxy.port}`);
      session.on('error', () => undefined);
      const bytes = new Bytes(bench, session.request({ ':method': 'CONNECT', ':authority': 'db.test:5432' }, { endStream: false }));
      await bytes.status;
      session.destroy();
      await peers[0]?.over();
      expect((await proxy.watched[0]?.ended)?.kind).toBe('client-gone');
      await bench.until(() => proxy.upstream.inFlight === 0);
    },
  },
];
