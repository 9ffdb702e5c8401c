// Links as pipelines hand them over: already read a little, or no sockets at all; and how much is read ahead.

import { connect } from 'node:http2';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Exchange } from '@weft/http';
import { expect } from 'vitest';
import { answerOf, http2 } from './calls.ts';
import type { EngineCase } from './suite.ts';

/** One of two streams, each of which reads what the other one writes. */
class PairEnd extends Duplex {
  other: PairEnd | undefined;
  #full: (() => void) | undefined;

  override _read(): void {
    const goOn = this.#full;
    this.#full = undefined;
    goOn?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const { other } = this;
    if (other === undefined || other.destroyed || other.push(chunk)) done();
    else other.#full = done;
  }

  override _final(done: () => void): void {
    this.other?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    process.nextTick(() => this.other?.destroy());
    done(error);
  }
}

function pair(): readonly [PairEnd, PairEnd] {
  const ends = [new PairEnd(), new PairEnd()] as const;
  [ends[0].other, ends[1].other] = [ends[1], ends[0]];
  return ends;
}

function ok(exchange: Exchange): void {
  exchange.respond({ status: 200, headers: [], body: Buffer.from(`${exchange.request.method} ${exchange.request.path}`) });
}

export const linkCases: readonly EngineCase[] = [
  {
    name: 'writes after what was written to a socket before and has not left yet',
    async run(bench) {
      const { port } = await bench.listen((socket: Socket) => {
        socket.write(Buffer.alloc(4 * 1024 * 1024, '.'));
        socket.write('before');
        bench.engine.serve(socket, { version: 'http/1' }, ok);
      });
      const client = await bench.rawClient(port);
      client.send('GET /after HTTP/1.1\r\nhost: a\r\n\r\n');
      await client.receive('GET /after');
      await client.receive('before');
      expect(client.text.indexOf('before')).toBeLessThan(client.text.indexOf('HTTP/1.1 200'));
    },
  },
  {
    name: 'serves a socket whose first bytes were read and put back',
    async run(bench) {
      for (const version of ['http/1', 'http/2'] as const) {
        const { port } = await bench.listen((socket: Socket) => {
          socket.once('readable', () => {
            const peeked: unknown = socket.read();
            if (Buffer.isBuffer(peeked)) socket.unshift(peeked);
            bench.engine.serve(socket, { version }, ok);
          });
        });
        if (version === 'http/2') expect((await http2(bench.http2Client(port))).body).toBe('GET /');
        else {
          const client = await bench.rawClient(port);
          client.send('GET /1 HTTP/1.1\r\nhost: a\r\n\r\n');
          await client.receive('GET /1');
          client.send('GET /2 HTTP/1.1\r\nhost: a\r\n\r\n');
          await client.receive('GET /2');
        }
      }
    },
  },
  {
    name: 'serves and dials streams that are no sockets',
    async run(bench) {
      for (const version of ['http/1', 'http/2'] as const) {
        const upstream = bench.engine.upstream({
          version,
          dial: async () => {
            const [near, far] = pair();
            bench.engine.serve(far, { version }, ok);
            return near;
          },
        });
        bench.defer(() => upstream.destroy());
        const [near, far] = pair();
        const connection = bench.engine.serve(far, { version: 'http/2' }, (exchange) =>
          exchange.forward(upstream, { origProto: 'none', failed: (failed) => failed.respond({ status: 502, headers: [] }) }, null),
        );
        const session = connect('http://pair', { createConnection: () => near as unknown as Socket });
        session.on('error', () => undefined);
        const body = 'x'.repeat(300_000);
        const stream = session.request({ ':method': 'POST', ':path': '/p', ':authority': 'a' });
        stream.end(body);
        expect(await answerOf(stream)).toMatchObject({ status: 200, body: 'POST /p' });
        session.destroy();
        near.destroy();
        await connection.closed;
      }
    },
  },
  {
    name: 'takes pipelined requests one at a time, and reads only a few ahead',
    async run(bench) {
      const exchanges: Exchange[] = [];
      const proxy = await bench.proxy({ client: 'http/1', server: 'http/1', origin: 1, onExchange: (exchange) => void exchanges.push(exchange) });
      const client = await bench.rawClient(proxy.port);
      const request = `GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(8000)}\r\n\r\n`;
      const count = 1000;
      client.send(request.repeat(count));
      let read = -1;
      while (exchanges.length === 0 || read !== proxy.sockets[0]?.bytesRead) {
        read = proxy.sockets[0]?.bytesRead ?? -1;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(exchanges).toHaveLength(1);
      expect(read).toBeLessThan(1024 * 1024);
      let answered = 0;
      while (answered < count) {
        const exchange = exchanges[answered];
        if (exchange === undefined) await new Promise((resolve) => setImmediate(resolve));
        else {
          exchange.respond({ status: 204, headers: [] });
          answered += 1;
        }
      }
      await client.receive((text) => text.split('\r\n\r\n').length === count + 1);
      expect(exchanges).toHaveLength(count);
    },
  },
  {
    name: 'resolves closed for a link that was closed already',
    async run(bench) {
      for (const version of ['http/1', 'http/2'] as const) {
        const [link] = pair();
        link.destroy();
        await new Promise((resolve) => link.once('close', resolve));
        await bench.engine.serve(link, { version }, ok).closed;
      }
    },
  },
];
