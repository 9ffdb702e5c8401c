// CONNECT and Upgrade: HTTP until the switch, bytes after it (spec/proxy.md §4.3).

import { createServer } from 'node:http';
import { expect } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { Bench, Proxy } from './bench.ts';
import type { Peer } from './peer.ts';
import type { EngineCase } from './suite.ts';

const UPGRADE = 'GET /chat HTTP/1.1\r\nhost: web.test\r\nconnection: Upgrade\r\nupgrade: foo\r\n\r\n';
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n';

async function tunnelled(bench: Bench, request: string, answer: string): Promise<{ client: Peer; origin: Peer; proxy: Proxy }> {
  const { port, peers } = await bench.rawOrigin(async (peer) => {
    await peer.receive('\r\n\r\n');
    peer.send(answer);
  });
  const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: port });
  const client = await bench.rawClient(proxy.port);
  client.send(request);
  await client.receive('\r\n\r\n');
  const [origin] = peers;
  if (origin === undefined) throw new Error('no connection to the origin');
  return { client, origin, proxy };
}

export const tunnelCases: readonly EngineCase[] = [
  {
    name: 'becomes a byte tunnel after 101, each side ending on its own',
    async run(bench) {
      const { client, origin, proxy } = await tunnelled(bench, UPGRADE, `${SWITCH}early`);
      expect(origin.take()).toBe(UPGRADE);
      expect(await client.receive('early')).toBe(`${SWITCH}early`);
      client.take();
      client.send('\x00\xff ping');
      await origin.receive('\x00\xff ping');
      client.socket.end();
      await origin.over();
      origin.send('after half-close');
      expect(await client.receive('after half-close')).toBe('after half-close');
      origin.socket.end();
      await client.over();
      expect(await proxy.watched[0]?.ended).toEqual({ kind: 'tunnel', bytesRead: 7, bytesWritten: 21 });
      expect(proxy.watched[0]?.calls).toEqual(['sent', 'requestEnd', 'head 101', 'end tunnel']);
      await proxy.connections[0]?.closed;
      expect(proxy.upstream.inFlight).toBe(0);
    },
  },
  {
    name: 'keeps bytes that a client sends with its upgrade request',
    async run(bench) {
      const { origin } = await tunnelled(bench, `${UPGRADE}hasty`, SWITCH);
      expect(await origin.receive('hasty')).toBe(`${UPGRADE}hasty`);
    },
  },
  {
    name: 'becomes a byte tunnel after 2xx to CONNECT, without the framing fields of the answer',
    async run(bench) {
      const request = 'CONNECT db.test:5432 HTTP/1.1\r\nhost: db.test:5432\r\n\r\n';
      const { client, origin } = await tunnelled(bench, request, 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\nx: 1\r\n\r\n');
      expect(origin.text).toBe(request);
      expect(client.text).toBe('HTTP/1.1 200 OK\r\nx: 1\r\n\r\n');
      origin.send('server first');
      await client.receive('server first');
      client.send('client second');
      await origin.receive('client second');
    },
  },
  {
    name: 'goes on with HTTP when an upgrade or CONNECT is refused',
    async run(bench) {
      const answer = 'HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno';
      const origin = await bench.rawOrigin(async (peer) => {
        for (;;) {
          await peer.receive('\r\n\r\n');
          peer.take();
          peer.send(answer);
        }
      });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: origin.port });
      const client = await bench.rawClient(proxy.port);
      client.send(UPGRADE);
      expect(await client.receive('no')).toBe(answer);
      client.take();
      client.send('CONNECT db.test:5432 HTTP/1.1\r\nhost: db.test:5432\r\n\r\n');
      expect(await client.receive('no')).toBe(answer);
      client.take();
      client.send('GET / HTTP/1.1\r\nhost: web.test\r\n\r\n');
      expect(await client.receive('no')).toBe(answer);
      expect(proxy.watched.map((one) => one.outcome?.kind)).toEqual(['complete', 'complete', 'complete']);
    },
  },
  {
    name: 'does not take h2c or HTTP/1.0 for an upgrade',
    async run(bench) {
      const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
      const { client, origin } = await tunnelled(
        bench,
        'GET /a HTTP/1.1\r\nhost: web.test\r\nconnection: upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAM\r\nx: 1\r\n\r\n',
        answer,
      );
      expect(await client.receive('ok')).toBe(answer);
      expect(origin.take()).toBe('GET /a HTTP/1.1\r\nhost: web.test\r\nx: 1\r\n\r\n');
      client.take();
      client.send('POST /b HTTP/1.0\r\nhost: web.test\r\nconnection: upgrade\r\nupgrade: foo\r\ncontent-length: 3\r\n\r\nabc');
      expect(await client.over()).toMatch(/^HTTP\/1\.0 200 OK\r\n/);
    },
  },
  {
    name: 'serves an upgrade request with a body as an ordinary request',
    async run(bench) {
      const { port, peers } = await bench.rawOrigin(async (peer) => {
        await peer.receive('body!');
        peer.send('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
      });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: port });
      const client = await bench.rawClient(proxy.port);
      client.send('POST / HTTP/1.1\r\nhost: web.test\r\nconnection: upgrade\r\nupgrade: foo\r\ncontent-length: 5\r\n\r\nbo');
      client.send('dy!');
      await client.receive('ok');
      expect(peers[0]?.text).toBe('POST / HTTP/1.1\r\nhost: web.test\r\ncontent-length: 5\r\n\r\nbody!');
    },
  },
  {
    name: 'answers an upgrade after the requests before it',
    async run(bench) {
      const { port } = await bench.rawOrigin(async (peer) => {
        await peer.receive('\r\n\r\n');
        peer.send(peer.text.startsWith('GET /first') ? 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst' : SWITCH);
      });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: port });
      const client = await bench.rawClient(proxy.port);
      client.send(`GET /first HTTP/1.1\r\nhost: web.test\r\n\r\n${UPGRADE}`);
      expect(await client.receive('upgrade: foo')).toMatch(/^HTTP\/1\.1 200 OK[^]*firstHTTP\/1\.1 101 /);
    },
  },
  {
    name: 'breaks a tunnel on one side when the other breaks',
    async run(bench) {
      const { client, origin, proxy } = await tunnelled(bench, UPGRADE, SWITCH);
      client.socket.resetAndDestroy();
      await origin.over();
      expect((await proxy.watched[0]?.ended)?.kind).toBe('tunnel');
      await proxy.connections[0]?.closed;
    },
  },
  {
    name: 'carries WebSocket messages both ways',
    async run(bench) {
      const http = createServer();
      const sockets = new WebSocketServer({ server: http });
      sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`echo ${(data as Buffer).toString()}`)));
      const { port } = await bench.listen((socket) => void http.emit('connection', socket));
      bench.defer(() => sockets.close());
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: port });
      const client = new WebSocket(`ws://127.0.0.1:${proxy.port}/chat`);
      bench.defer(() => client.terminate());
      const received: string[] = [];
      await new Promise<void>((resolve, reject) => {
        client.on('error', reject);
        client.on('open', () => {
          client.send('one');
          client.send('x'.repeat(200_000));
        });
        client.on('message', (data) => {
          received.push((data as Buffer).toString());
          if (received.length === 2) client.close(1000);
        });
        client.on('close', (code) => (code === 1000 ? resolve() : reject(new Error(`closed with ${code}`))));
      });
      expect(received).toEqual(['echo one', `echo ${'x'.repeat(200_000)}`]);
      expect((await proxy.watched[0]?.ended)?.kind).toBe('tunnel');
    },
  },
];
