// The request of an exchange that is tried again: what of its body is kept, and that each upstream gets it whole or not at all
// (spec/proxy.md §7.6).
import { expect } from 'vitest';
import type { Bench, Version } from './bench.ts';
import { answerOf, http1, http2, type StreamReset } from './calls.ts';
import { settled } from './flow-cases.ts';
import { dialPort, type Peer } from './peer.ts';
import { ask, origin, pending, tries, VERSIONS } from './retry-scene.ts';
import type { EngineCase } from './suite.ts';

async function triesAgain(bench: Bench, version: Version): Promise<void> {
  const { port, bodies } = await origin(bench, version, [500, 503, 200]);
  const proxy = await tries(bench, { client: version, origins: [port] });
  expect(await ask(bench, version, proxy.port, 'the body')).toMatchObject({ status: 200, body: 'answer 3' });
  expect(bodies).toEqual(['the body', 'the body', 'the body']);
  expect(proxy.watched.map((one) => one.requestBytes)).toEqual([8, 8, 8]);
  expect(await ask(bench, version, proxy.port)).toMatchObject({ status: 200, body: 'answer 4' });
  await proxy.watched[3]?.ended;
  expect(proxy.watched.map((one) => one.calls.filter((call) => call.startsWith('head') || call.startsWith('end')))).toEqual([
    ['head 500', 'end complete'],
    ['head 503', 'end complete'],
    ['head 200', 'end complete'],
    ['head 200', 'end complete'],
  ]);
  expect(proxy.relayed).toEqual([200, 200]);
}

export const replayCases: readonly EngineCase[] = [
  ...VERSIONS.map((version) => ({
    name: `tries a ${version} request with its body again, and relays the answer that is let through`,
    run: async (bench: Bench) => await triesAgain(bench, version),
  })),
  {
    name: 'tries again at another upstream',
    async run(bench) {
      const first = await origin(bench, 'http/1', [500]);
      const second = await origin(bench, 'http/1', [200]);
      const proxy = await tries(bench, { client: 'http/1', origins: [first.port, second.port] });
      expect(await http1(proxy.port, { method: 'PUT', body: 'x'.repeat(1000) })).toMatchObject({ status: 200 });
      expect([first.bodies, second.bodies]).toEqual([['x'.repeat(1000)], ['x'.repeat(1000)]]);
    },
  },
  {
    name: 'tries again over HTTP/2 with the trailers of the request',
    async run(bench) {
      const seen: unknown[] = [];
      const { port } = await bench.http2Origin((stream) => {
        stream.on('trailers', (trailers) => seen.push(trailers['x-end']));
        stream.on('end', () => {
          stream.respond({ ':status': seen.length < 2 ? 500 : 200 }, { endStream: true });
        });
        stream.resume();
      });
      const proxy = await tries(bench, { client: 'http/2', origins: [port] });
      const answer = await http2(bench.http2Client(proxy.port), { headers: { ':method': 'POST' }, body: 'b', trailers: { 'x-end': 'bye' } });
      expect(answer.status).toBe(200);
      expect(seen).toEqual(['bye', 'bye']);
    },
  },
  {
    name: 'does not keep a body that announces to be too long',
    async run(bench) {
      for (const version of VERSIONS) {
        const { port, bodies } = await origin(bench, version, [500]);
        let judged = 0;
        const judge = (): 'relay' => {
          judged += 1;
          return 'relay';
        };
        const proxy = await tries(bench, { client: version, origins: [port], judge });
        const body = 'x'.repeat(1001);
        if (version === 'http/1') expect((await http1(proxy.port, { method: 'POST', body })).status).toBe(500);
        else {
          const call = { headers: { ':method': 'POST', 'content-length': '1001' }, body };
          expect((await http2(bench.http2Client(proxy.port), call)).status).toBe(500);
        }
        expect(bodies).toEqual([body]);
        expect(judged).toBe(0);
        expect(proxy.exchanges[0]?.repeatable).toBe(false);
      }
    },
  },
  {
    name: 'does not try a request again whose body turned out too long',
    async run(bench) {
      for (const version of VERSIONS) {
        const { port, bodies } = await origin(bench, version, [500]);
        const proxy = await tries(bench, { client: version, origins: [port] });
        const body = 'x'.repeat(200_000);
        if (version === 'http/1') expect((await http1(proxy.port, { method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body })).status).toBe(500);
        else expect((await http2(bench.http2Client(proxy.port), { headers: { ':method': 'POST' }, body })).status).toBe(500);
        expect(bodies).toEqual([body]);
      }
    },
  },
  {
    name: 'does not try a request again that was answered before its end',
    async run(bench) {
      const { port, peers } = await bench.rawOrigin(async (peer) => {
        await peer.receive('first');
        peer.send('HTTP/1.1 500 Oops\r\ncontent-length: 2\r\n\r\nno');
      });
      const proxy = await tries(bench, { client: 'http/1', origins: [port] });
      const client = await bench.rawClient(proxy.port);
      client.send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nfirst');
      expect(await client.receive('no')).toContain('500');
      expect(peers).toHaveLength(1);
    },
  },
  {
    name: 'tries again what failed before an answer, and goes on with a body that is still coming',
    async run(bench) {
      for (const version of VERSIONS) {
        let got = '';
        const dead = await bench.rawOrigin(async (peer) => {
          await peer.receive('first');
          peer.socket.destroy();
        });
        const live = await bench.rawOrigin(async (peer) => {
          got = await peer.receive('last');
          peer.send('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
        });
        const proxy = await tries(bench, { client: version, server: 'http/1', origins: [dead.port, live.port] });
        if (version === 'http/1') {
          const client = await bench.rawClient(proxy.port);
          client.send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nfirst');
          await bench.until(() => proxy.failures.length === 1);
          client.send('last');
          await client.receive('200 OK');
          expect(got).toMatch(/\r\n\r\nfirstlast$/);
        } else {
          const stream = bench.http2Client(proxy.port).request({ ':path': '/', ':method': 'POST', ':authority': 'a', 'content-length': '9' });
          stream.write('first');
          await bench.until(() => proxy.failures.length === 1);
          stream.end('last');
          expect((await answerOf(stream)).status).toBe(200);
          expect(got).toMatch(/\r\n\r\nfirstlast$/);
        }
        expect(proxy.failures).toMatchObject([{ kind: 'closed' }]);
      }
    },
  },
  {
    name: 'stops a request that is sent again where its upstream does not read',
    async run(bench) {
      const total = 3 * 1024 * 1024;
      const kept = 48 * 1024;
      const dead = await bench.http2Origin((stream) => {
        let got = 0;
        stream.on('data', (chunk: Buffer) => {
          got += chunk.length;
          if (got >= kept) stream.close(7);
        });
      });
      let received = 0;
      let resume: () => void = () => undefined;
      const live = await bench.http2Origin((stream) => {
        resume = () => {
          stream.on('data', (chunk: Buffer) => {
            received += chunk.length;
          });
        };
        stream.on('end', () => stream.respond({ ':status': 200 }, { endStream: true }));
      });
      const proxy = await tries(bench, { client: 'http/2', origins: [dead.port, live.port], maxBodyBytes: 64 * 1024 });
      const stream = bench.http2Client(proxy.port).request({ ':path': '/', ':method': 'POST' });
      stream.on('error', () => undefined);
      stream.write(Buffer.alloc(kept, 'x'));
      await bench.until(() => proxy.watched.length === 2);
      let written = kept;
      const chunk = Buffer.alloc(16 * 1024, 'y');
      const fill = (): void => {
        while (written < total) {
          written += chunk.length;
          if (!stream.write(chunk)) return void stream.once('drain', fill);
        }
        stream.end();
      };
      fill();
      // An origin that reads nothing takes a window of it.
      await settled(() => written);
      expect(written).toBeLessThan(512 * 1024);
      resume();
      expect((await answerOf(stream)).status).toBe(200);
      expect(received).toBe(total);
    },
  },
  {
    name: 'gives up a forward that is still dialling, and goes elsewhere',
    async run(bench) {
      const { port } = await origin(bench, 'http/1', [200]);
      let late: (() => void) | undefined;
      const never = bench.engine.upstream({
        version: 'http/1',
        dial: async () => {
          await new Promise<void>((resolve) => {
            late = resolve;
          });
          return await dialPort(port);
        },
      });
      bench.defer(() => never.destroy());
      const proxy = await tries(bench, {
        client: 'http/1',
        origins: [port],
        onExchange: (exchange, start) => {
          exchange.forward(
            never,
            {
              origProto: 'none',
              retry: { maxBodyBytes: 10, judge: () => 'relay', judgeTrailers: () => 'relay', held: () => undefined },
              failed: () => undefined,
            },
            null,
          );
          setImmediate(() => {
            exchange.abandon?.();
            start();
          });
        },
      });
      expect(await http1(proxy.port, { method: 'POST', body: 'body' })).toMatchObject({ status: 200 });
      expect(never.inFlight).toBe(0);
      late?.();
    },
  },
  {
    name: 'sends a body that comes while a dead connection is replaced',
    async run(bench) {
      let dialled = 0;
      let goOn: () => void = () => undefined;
      let got = '';
      const { port } = await bench.rawOrigin(async (peer, index) => {
        if (index === 0) {
          await peer.receive('\r\n\r\n');
          peer.send('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
          peer.take();
          await peer.receive('PUT');
          peer.socket.destroy();
        } else {
          got = await peer.receive('body');
          peer.send('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone');
        }
      });
      const proxy = await bench.proxy({
        client: 'http/1',
        server: 'http/1',
        origin: port,
        upstream: {
          dial: async () => {
            dialled += 1;
            if (dialled > 1) await new Promise<void>((resolve) => (goOn = resolve));
            return await dialPort(port);
          },
        },
      });
      const client = await bench.rawClient(proxy.port);
      client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
      await client.receive('ok');
      client.send('PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n');
      await bench.until(() => dialled === 2);
      client.send('body');
      // The proxy has read it, and has nowhere to send it yet.
      await bench.until(() => (proxy.sockets[0]?.bytesRead ?? 0) >= 27 + 46 + 4);
      goOn();
      await client.receive('done');
      expect(got).toMatch(/\r\n\r\nbody$/);
    },
  },
  {
    name: 'lets a request go on that could have been sent again, but was answered before its end',
    async run(bench) {
      let received = 0;
      const { port } = await bench.http2Origin((stream) => {
        stream.on('data', (chunk: Buffer) => {
          received += chunk.length;
        });
        stream.respond({ ':status': 200 });
        stream.end('early');
      });
      const proxy = await tries(bench, { client: 'http/2', origins: [port] });
      const stream = bench.http2Client(proxy.port).request({ ':path': '/', ':method': 'POST' });
      stream.on('error', () => undefined);
      stream.write('first');
      let body = '';
      stream.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      await bench.until(() => body === 'early');
      const total = 300_000;
      await new Promise<void>((resolve) => stream.end(Buffer.alloc(total, 'x'), resolve));
      await bench.until(() => received === total + 5);
      expect(proxy.watched[0]?.outcome).toEqual({ kind: 'complete' });
    },
  },
  {
    name: 'sends a request again that an HTTP/2 upstream goes away without having taken, body and all',
    async run(bench) {
      const { port, peers } = await goesAway(bench, 1);
      const proxy = await tries(bench, { client: 'http/2', origins: [port], failed: (exchange) => exchange.reset(2) });
      const answer = await http2(bench.http2Client(proxy.port), { headers: { ':method': 'POST' }, body: 'the body' });
      expect(answer.status).toBe(200);
      expect(peers).toHaveLength(2);
      expect(proxy.watched).toHaveLength(1);
    },
  },
  {
    name: 'sends a request again but once where an HTTP/2 upstream goes away each time',
    async run(bench) {
      const { port, peers } = await goesAway(bench, 2);
      const proxy = await tries(bench, { client: 'http/2', origins: [port], failed: (exchange) => exchange.reset(2) });
      const answer = pending(http2(bench.http2Client(proxy.port), { headers: { ':method': 'POST' }, body: 'the body' }));
      await expect(answer).rejects.toMatchObject({ rstCode: 2 } satisfies Partial<StreamReset>);
      expect(peers).toHaveLength(2);
      expect(proxy.failures).toEqual([{ kind: 'reset', code: 7 }]);
    },
  },
];

/** An HTTP/2 origin whose first connections go away when they have the request, without having taken it. */
async function goesAway(bench: Bench, times: number): Promise<{ readonly port: number; readonly peers: readonly Peer[] }> {
  const frame = (type: number, flags: number, stream: number, payload: string): string =>
    `${Buffer.from([0, 0, payload.length, type, flags, 0, 0, 0, stream]).toString('latin1')}${payload}`;
  return await bench.rawOrigin(async (peer, index) => {
    peer.send(frame(4, 0, 0, ''));
    await peer.receive('the body');
    // GOAWAY that names no stream; then 200 without a body.
    peer.send(index < times ? frame(7, 0, 0, '\0'.repeat(8)) : frame(1, 5, 1, '\x88'));
  });
}
