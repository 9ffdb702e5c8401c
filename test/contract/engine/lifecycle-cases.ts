// Drains, deaths and garbage: how connections end, and that one's end is nobody else's (spec/proxy.md §1.5).
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { answerOf, http1, http2 } from './calls.ts';
import type { EngineCase } from './suite.ts';

const GET = 'GET / HTTP/1.1\r\nhost: web.test\r\n\r\n';

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** A small deterministic generator (mulberry32), so that a failure can be repeated. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A valid message with some bytes changed, cut or doubled. */
function mutated(bytes: Buffer, random: () => number): Buffer {
  const parts = [Buffer.from(bytes)];
  const [copy = Buffer.alloc(0)] = parts;
  for (let i = 0; i < 1 + random() * 8; i += 1) copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256);
  const cut = copy.subarray(0, Math.floor(copy.length * random()) + 1);
  return random() < 0.3 ? cut : random() < 0.5 ? Buffer.concat([copy, cut]) : copy;
}

const REQUEST = Buffer.from(
  'POST /a HTTP/1.1\r\nhost: web.test\r\ntransfer-encoding: chunked\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n5\r\nhello\r\n0\r\nx: 1\r\n\r\n',
);
const RESPONSE = Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n5\r\nhello\r\n0\r\nx: 1\r\n\r\n');
/** Preface, SETTINGS, and HEADERS of GET / in HPACK's static table. */
const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from('000000040000000000', 'hex'),
  Buffer.from('000004010500000001828684', 'hex'),
  Buffer.from('41000000080000000000', 'hex'),
]);
const SERVER_FRAMES = Buffer.from('0000000400000000000000000401000000000000010104000000018800000500010000000168656c6c6f', 'hex');

export const lifecycleCases: readonly EngineCase[] = [
  {
    name: 'drains HTTP/1: idle connections close at once, busy ones after the response',
    async run(bench) {
      let answer: (() => void) | undefined;
      const { port } = await bench.rawOrigin(async (peer) => {
        for (let request = 0; ; request += 1) {
          await peer.receive('\r\n\r\n');
          peer.take();
          const send = (): void => peer.send('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
          if (request === 1) answer = send;
          else send();
        }
      });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: port });
      const fresh = await bench.rawClient(proxy.port);
      while (proxy.connections.length < 1) await turn();
      proxy.connections[0]?.drain();
      await fresh.over();
      const client = await bench.rawClient(proxy.port);
      client.send(GET);
      await client.receive('ok');
      client.take();
      client.send(GET);
      while (answer === undefined) await turn();
      proxy.connections[1]?.drain();
      proxy.connections[1]?.drain();
      answer();
      expect(await client.over()).toBe('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok');
      await Promise.all(proxy.connections.map(async (connection) => await connection.closed));
      const idle = await bench.rawClient(proxy.port);
      idle.send(GET);
      await idle.receive('ok');
      proxy.connections[2]?.drain();
      await idle.over();
      await proxy.connections[2]?.closed;
    },
  },
  {
    name: 'drains HTTP/1 with a request that has begun: it is served, then the connection closes',
    async run(bench) {
      const proxy = await bench.proxy({
        client: 'http/1',
        server: 'http/1',
        origin: 1,
        onExchange: (exchange) => exchange.respond({ status: 200, headers: [] }),
      });
      const client = await bench.rawClient(proxy.port);
      client.send(GET.slice(0, 20));
      while (proxy.sockets[0]?.bytesRead !== 20) await turn();
      proxy.connections[0]?.drain();
      client.send(GET.slice(20));
      expect(await client.over()).toBe('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    },
  },
  {
    name: 'drains HTTP/2: GOAWAY, and the streams under way are finished',
    async run(bench) {
      let finish: () => void = () => undefined;
      const origin = await bench.http2Origin((stream) => {
        stream.respond({ ':status': 200 });
        stream.write('begun ');
        finish = () => stream.end('done');
      });
      const proxy = await bench.proxy({ client: 'http/2', server: 'http/2', origin: origin.port });
      const session = bench.http2Client(proxy.port);
      const stream = session.request({ ':path': '/' });
      const answer = answerOf(stream);
      await new Promise((resolve) => stream.once('data', resolve));
      const goaway = new Promise((resolve) => session.once('goaway', resolve));
      proxy.connections[0]?.drain();
      expect(await goaway).toBe(0);
      finish();
      expect((await answer).body).toMatch(/done$/);
      await proxy.connections[0]?.closed;
      const idle = bench.http2Client(proxy.port);
      await new Promise((resolve) => idle.once('remoteSettings', resolve));
      const gone = new Promise((resolve) => idle.once('goaway', resolve));
      proxy.connections[1]?.drain();
      expect(await gone).toBe(0);
      await proxy.connections[1]?.closed;
    },
  },
  {
    name: 'waits for tunnels when draining',
    async run(bench) {
      const { port } = await bench.rawOrigin(async (peer) => {
        await peer.receive('\r\n\r\n');
        peer.send('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n');
        peer.socket.pipe(peer.socket);
      });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: port });
      const client = await bench.rawClient(proxy.port);
      client.send('GET / HTTP/1.1\r\nhost: web.test\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n');
      await client.receive('\r\n\r\n');
      let closed = false;
      const done = proxy.connections[0]?.closed.then(() => {
        closed = true;
      });
      proxy.connections[0]?.drain();
      client.send('still here');
      await client.receive('still here');
      expect(closed).toBe(false);
      client.socket.end();
      await done;
    },
  },
  {
    name: 'keeps an idle HTTP/1 connection open without a time limit of its own',
    async run(bench) {
      const proxy = await bench.proxy({
        client: 'http/1',
        server: 'http/1',
        origin: 1,
        onExchange: (exchange) => exchange.respond({ status: 200, headers: [] }),
      });
      const client = await bench.rawClient(proxy.port);
      client.send('GET / HTTP/1.1\r\nhost:');
      await new Promise((resolve) => setTimeout(resolve, 300));
      client.send(' web.test\r\n\r\n');
      await client.receive('200 OK');
      client.take();
      await new Promise((resolve) => setTimeout(resolve, 300));
      client.send(GET);
      expect(await client.receive('200 OK')).toContain('200 OK');
    },
  },
  {
    name: 'gives up an upstream request whose HTTP/1 client is gone',
    async run(bench) {
      const { port, peers } = await bench.rawOrigin(() => undefined);
      const h2Closed: Promise<number>[] = [];
      const origin = await bench.http2Origin((stream) => h2Closed.push(new Promise((resolve) => stream.once('close', () => resolve(stream.rstCode)))));
      for (const [server, target] of [
        ['http/1', port],
        ['http/2', origin.port],
      ] as const) {
        for (const how of ['destroy', 'end'] as const) {
          const proxy = await bench.proxy({ client: 'http/1', server, origin: target, rules: { origProto: 'encode' } });
          const client = await bench.rawClient(proxy.port);
          client.send(GET);
          await bench.until(() => proxy.watched[0]?.calls.includes('requestEnd') === true);
          client.socket[how]();
          expect(await proxy.watched[0]?.ended).toEqual({ kind: 'client-gone' });
          expect(proxy.upstream.inFlight).toBe(0);
          await proxy.connections[0]?.closed;
        }
      }
      await Promise.all(peers.map(async (peer) => await peer.over()));
      expect(await Promise.all(h2Closed)).toEqual(h2Closed.map(() => 8));
    },
  },
  {
    name: 'never ends a response cleanly that its upstream did not end',
    async run(bench) {
      for (const answer of [
        'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\npart',
        'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n',
        'HTTP/1.1 200 OK\r\n\r\npart',
      ]) {
        const { port } = await bench.rawOrigin(async (peer) => {
          await peer.receive('\r\n\r\n');
          peer.socket.write(answer, () => setTimeout(() => peer.socket.resetAndDestroy(), 20));
        });
        const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: port });
        const client = await bench.rawClient(proxy.port);
        client.send('GET / HTTP/1.0\r\nhost: web.test\r\n\r\n');
        await client.whenClosed();
        // Without a length only a reset tells the client that something is missing.
        expect(client.error?.code ?? (answer.includes('content-length') ? 'ECONNRESET' : 'none')).toBe('ECONNRESET');
        expect(proxy.watched[0]?.outcome?.kind).toBe('failed');
      }
    },
  },
  {
    name: 'hands on what came of a response before its upstream broke',
    async run(bench) {
      const { port } = await bench.rawOrigin(async (peer) => {
        await peer.receive('\r\n\r\n');
        peer.send('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nlast\r\n');
        peer.socket.end();
      });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: port });
      const client = await bench.rawClient(proxy.port);
      client.send('GET / HTTP/1.1\r\nhost: web.test\r\n\r\n');
      expect(await client.receive('last')).not.toContain('0\r\n\r\n');
      await client.whenClosed();
    },
  },
  {
    name: 'answers once when an upstream dies without a response',
    async run(bench) {
      for (const version of ['http/1', 'http/2'] as const) {
        const { port } = await bench.rawOrigin(async (peer) => {
          await peer.receive('\r\n\r\n');
          peer.socket.destroy();
        });
        const proxy = await bench.proxy({ client: 'http/1', server: version, origin: port });
        expect((await http1(proxy.port)).headers['l5d-proxy-error']).toBe('closed');
        expect(proxy.watched[0]?.calls.filter((call) => call.startsWith('end'))).toEqual(['end failed']);
        expect(proxy.upstream.inFlight).toBe(0);
      }
    },
  },
  {
    name: 'ends every exchange exactly once when its upstream is destroyed',
    async run(bench) {
      for (const version of ['http/1', 'http/2'] as const) {
        const { port } = await bench.rawOrigin(() => undefined);
        const proxy = await bench.proxy({ client: 'http/2', server: version, origin: port });
        const session = bench.http2Client(proxy.port);
        const answers = Promise.allSettled([http2(session), http2(session), http2(session)]);
        await bench.until(() => proxy.watched.filter((one) => one.calls.includes('sent')).length === 3);
        expect(proxy.upstream.inFlight).toBe(3);
        proxy.upstream.destroy(new Error('gone'));
        for (const result of await answers) expect(result).toMatchObject({ status: 'fulfilled', value: { status: 502 } });
        expect(proxy.watched.map((one) => one.calls.filter((call) => call.startsWith('end')))).toEqual([['end failed'], ['end failed'], ['end failed']]);
        expect(proxy.upstream.inFlight).toBe(0);
      }
    },
  },
  {
    name: 'closes its exchanges when a connection is destroyed',
    async run(bench) {
      const { port } = await bench.rawOrigin(() => undefined);
      for (const client of ['http/1', 'http/2'] as const) {
        const proxy = await bench.proxy({ client, server: 'http/1', origin: port });
        if (client === 'http/1') (await bench.rawClient(proxy.port)).send(GET);
        else void http2(bench.http2Client(proxy.port)).catch(() => undefined);
        while (proxy.watched[0]?.calls.includes('sent') !== true) await turn();
        proxy.connections[0]?.destroy();
        await proxy.connections[0]?.closed;
        expect((await proxy.watched[0]?.ended)?.kind).toBe('client-gone');
      }
    },
  },
  {
    name: 'says that a client is gone before anything was forwarded',
    async run(bench) {
      let aborted: () => boolean = () => false;
      const proxy = await bench.proxy({
        client: 'http/1',
        server: 'http/1',
        origin: 1,
        onExchange: (exchange, self) => {
          aborted = () => exchange.aborted;
          void self.connections.at(-1)?.closed.then(() => self.forward(exchange));
        },
      });
      const client = await bench.rawClient(proxy.port);
      client.send(GET);
      client.socket.resetAndDestroy();
      while (proxy.connections.length === 0) await turn();
      await proxy.connections[0]?.closed;
      while (proxy.watched.length === 0 && aborted()) await turn();
      if (proxy.watched.length > 0) expect(proxy.watched[0]?.calls).toEqual(['end client-gone']);
      expect(proxy.dials).toHaveLength(0);
    },
  },
  {
    name: 'lets garbage from clients harm only their own connections',
    async run(bench) {
      const random = seeded(20);
      const origin = await bench.http1Origin((request, response) => {
        request.on('error', () => undefined);
        request.resume();
        response.end('ok');
      });
      for (const client of ['http/1', 'http/2'] as const) {
        const proxy = await bench.proxy({ client, server: 'http/1', origin });
        const peers = await Promise.all(
          Array.from({ length: 60 }, async (_, i) => {
            const peer = await bench.rawClient(proxy.port);
            const base = client === 'http/1' ? REQUEST : PREFACE;
            peer.socket.write(i % 6 === 0 ? randomBytes(1 + Math.floor(random() * 3000)) : mutated(base, random));
            if (i % 3 === 0) setImmediate(() => peer.socket.destroy());
            return peer;
          }),
        );
        if (client === 'http/1') expect((await http1(proxy.port)).body).toBe('ok');
        else expect((await http2(bench.http2Client(proxy.port))).body).toBe('ok');
        for (const peer of peers) peer.socket.destroy();
        await Promise.all(proxy.connections.slice(0, 60).map(async (connection) => await connection.closed));
        for (const one of proxy.watched) expect(one.calls.filter((call) => call.startsWith('end'))).toHaveLength(1);
        expect(proxy.upstream.inFlight).toBe(0);
      }
    },
  },
  {
    name: 'lets garbage from upstreams harm only their own exchanges',
    async run(bench) {
      const random = seeded(21);
      for (const server of ['http/1', 'http/2'] as const) {
        const { port } = await bench.rawOrigin(async (peer, i) => {
          await peer.receive('\r\n\r\n');
          peer.socket.write(i % 6 === 0 ? randomBytes(1 + Math.floor(random() * 3000)) : mutated(server === 'http/1' ? RESPONSE : SERVER_FRAMES, random));
          if (i % 2 === 0) peer.socket.end();
          else setTimeout(() => peer.socket.destroy(), 5);
        });
        const proxy = await bench.proxy({ client: 'http/1', server, origin: port, upstream: { poolIdleMs: 1 } });
        for (let i = 0; i < 60; i += 1) {
          const client = await bench.rawClient(proxy.port);
          client.send('GET / HTTP/1.1\r\nhost: web.test\r\nconnection: close\r\n\r\n');
          await client.over();
          client.socket.destroy();
        }
        expect(proxy.watched).toHaveLength(60);
        expect(proxy.watched.map((one) => one.calls.filter((call) => call.startsWith('end')).length)).toEqual(Array.from({ length: 60 }, () => 1));
        expect(proxy.upstream.inFlight).toBe(0);
      }
    },
  },
];
