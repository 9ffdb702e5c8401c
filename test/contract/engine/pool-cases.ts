// HTTP/1 connections to an upstream: who shares one, how long an idle one lives, and what happens when it is found dead (spec/proxy.md §4.2).
import { expect } from 'vitest';
import type { Bench, Proxy, ProxyOptions } from './bench.ts';
import { http1 } from './calls.ts';
import type { Peer } from './peer.ts';
import type { EngineCase } from './suite.ts';

/** Answers every request; the body says which connection and which request on it this was. */
async function counting(bench: Bench, options: Partial<ProxyOptions> = {}): Promise<{ proxy: Proxy; peers: readonly Peer[] }> {
  const { port, peers } = await bench.rawOrigin(async (peer, index) => {
    for (let request = 0; ; request += 1) {
      await peer.receive('\r\n\r\n');
      peer.take();
      peer.send(`HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n${index}.${request}`);
    }
  });
  return { proxy: await bench.proxy({ client: 'http/1', server: 'http/1', origin: port, ...options }), peers };
}

export const poolCases: readonly EngineCase[] = [
  {
    name: 'keeps one connection per host, and one per target form',
    async run(bench) {
      const { proxy } = await counting(bench);
      const bodies: string[] = [];
      for (const [host, path] of [
        ['a', '/'],
        ['b', '/'],
        ['a', '/'],
        ['b', '/'],
        ['a', 'http://a/'],
        ['a', 'http://a/'],
      ] as const) {
        bodies.push((await http1(proxy.port, { path, headers: { host } })).body);
      }
      expect(bodies).toEqual(['0.0', '1.0', '0.1', '1.1', '2.0', '2.1']);
    },
  },
  {
    name: 'never shares a connection for requests without Host or in HTTP/1.0',
    async run(bench) {
      const { proxy, peers } = await counting(bench);
      for (const head of ['GET / HTTP/1.1\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n', 'GET / HTTP/1.1\r\nhost:\r\n\r\n', 'GET / HTTP/1.0\r\nhost: a\r\n\r\n']) {
        const client = await bench.rawClient(proxy.port);
        client.send(head);
        await client.receive(/\d\.\d/);
      }
      expect(peers).toHaveLength(4);
    },
  },
  {
    name: 'gives up an idle connection after its time',
    async run(bench) {
      const { proxy, peers } = await counting(bench, { upstream: { poolIdleMs: 5 } });
      expect((await http1(proxy.port)).body).toBe('0.0');
      await peers[0]?.over();
      expect((await http1(proxy.port)).body).toBe('1.0');
    },
  },
  {
    name: 'keeps no more idle connections than allowed',
    async run(bench) {
      const { proxy, peers } = await counting(bench, { upstream: { maxIdle: 1 } });
      await http1(proxy.port, { headers: { host: 'a' } });
      await http1(proxy.port, { headers: { host: 'b' } });
      await peers[1]?.over();
      expect((await http1(proxy.port, { headers: { host: 'a' } })).body).toBe('0.1');
    },
  },
  {
    name: 'does not reuse a connection that the origin closes or that says more than asked',
    async run(bench) {
      const { port } = await bench.rawOrigin(async (peer, index) => {
        await peer.receive('\r\n\r\n');
        if (index === 0) peer.send('HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\n0');
        else if (index === 1) peer.send('HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil');
        else peer.send(`HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n${index}`);
      });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: port });
      for (const expected of ['0', '1', '2']) expect((await http1(proxy.port)).body).toBe(expected);
    },
  },
  {
    name: 'sends an idempotent request once more when a reused connection dies without an answer',
    async run(bench) {
      const { port, peers } = await bench.rawOrigin(async (peer, index) => {
        for (let request = 0; ; request += 1) {
          await peer.receive('\r\n\r\n');
          peer.take();
          if (index === 0 && request === 1) peer.socket.resetAndDestroy();
          else peer.send(`HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n${index}.${request}`);
        }
      });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: port });
      expect((await http1(proxy.port)).body).toBe('0.0');
      expect((await http1(proxy.port)).body).toBe('1.0');
      expect(peers).toHaveLength(2);
      expect(proxy.watched[1]?.calls).toEqual(['sent', 'requestEnd', 'head 200', 'data', 'end complete']);
    },
  },
  {
    name: 'does not send a request again that may have had an effect',
    async run(bench) {
      const { port, peers } = await bench.rawOrigin(async (peer) => {
        for (let request = 0; ; request += 1) {
          await peer.receive('\r\n\r\n');
          peer.take();
          if (request === 1) peer.socket.resetAndDestroy();
          else peer.send('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
        }
      });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: port });
      await http1(proxy.port);
      expect((await http1(proxy.port, { method: 'POST' })).status).toBe(502);
      expect(peers).toHaveLength(1);
      expect(proxy.failures.map((failure) => failure.kind)).toEqual(['closed']);
    },
  },
  {
    name: 'does not send a request again whose body has gone out in part',
    async run(bench) {
      const { port, peers } = await bench.rawOrigin(async (peer, index) => {
        await peer.receive('\r\n\r\n');
        peer.take();
        peer.send('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst');
        if (index > 0) return;
        await peer.receive('part of');
        peer.socket.resetAndDestroy();
      });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: port });
      const client = await bench.rawClient(proxy.port);
      client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
      await client.receive('first');
      client.send('PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\npart of');
      await client.receive('502');
      expect(peers).toHaveLength(1);
      expect(proxy.failures.map((failure) => failure.kind)).toEqual(['closed']);
    },
  },
  {
    name: 'does not begin on an idle connection that was destroyed in the same turn',
    async run(bench) {
      const { proxy, peers } = await counting(bench, {
        onExchange: (exchange, { dials, forward }) => {
          dials[0]?.destroy();
          forward(exchange);
        },
      });
      expect((await http1(proxy.port, { method: 'POST' })).body).toBe('0.0');
      expect((await http1(proxy.port, { method: 'POST' })).body).toBe('1.0');
      expect(peers).toHaveLength(2);
      expect(proxy.failures).toEqual([]);
    },
  },
  {
    name: 'reports a failed dial to the exchange that waited for it, and dials again for the next',
    async run(bench) {
      for (const version of ['http/1', 'http/2'] as const) {
        let dials = 0;
        const proxy = await bench.proxy({
          client: 'http/1',
          server: version,
          origin: 1,
          upstream: {
            dial: async () => {
              dials += 1;
              throw new Error(`refused ${dials}`);
            },
          },
        });
        for (let i = 0; i < 2; i += 1) expect((await http1(proxy.port)).headers['l5d-proxy-error']).toBe('connect');
        expect(proxy.failures).toMatchObject([
          { kind: 'connect', error: { message: 'refused 1' } },
          { kind: 'connect', error: { message: 'refused 2' } },
        ]);
        expect(proxy.upstream.inFlight).toBe(0);
      }
    },
  },
  {
    name: 'finishes what is in flight and takes nothing new once closed',
    async run(bench) {
      let answer: () => void = () => undefined;
      const { port, peers } = await bench.rawOrigin(async (peer) => {
        await peer.receive('\r\n\r\n');
        answer = () => peer.send('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
      });
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: port });
      const first = http1(proxy.port);
      while (peers[0]?.text.includes('\r\n\r\n') !== true) await new Promise((resolve) => setImmediate(resolve));
      expect(proxy.upstream.inFlight).toBe(1);
      proxy.upstream.close();
      expect((await http1(proxy.port)).headers['l5d-proxy-error']).toBe('closed');
      answer();
      expect((await first).body).toBe('ok');
      await peers[0]?.over();
      expect(proxy.upstream.inFlight).toBe(0);
    },
  },
];
