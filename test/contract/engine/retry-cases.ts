// Who decides whether a response is relayed, and what becomes of the one that the client does not get (spec/proxy.md §7.6).
import type { FieldList } from '@weft/http';
import { expect } from 'vitest';
import { http2, type StreamReset } from './calls.ts';
import { settled } from './flow-cases.ts';
import type { Peer } from './peer.ts';
import { ask, gradual, origin, pending, tries, VERSIONS } from './retry-scene.ts';
import type { EngineCase } from './suite.ts';

/** Frames of HTTP/2 as text; STRM stands for the number of the stream. */
function frame(type: number, flags: number, payload: string): string {
  return `${Buffer.from([0, 0, payload.length, type, flags]).toString('latin1')}STRM${payload}`;
}

const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]).toString('latin1');
const HEAD = frame(1, 4, '\x88');
const data = (text: string): string => frame(0, 0, text);
const trailers = (status: string): string => frame(1, 5, `\x00\x0bgrpc-status${String.fromCharCode(status.length)}${status}`);
/** Type and flags of HEADERS that end their stream. */
const REQUEST = '\x01\x05\x00\x00';

export const retryCases: readonly EngineCase[] = [
  {
    name: 'relays the answer that was held when another try is given up',
    async run(bench) {
      for (const version of VERSIONS) {
        const { port, bodies } = await origin(bench, version, [503]);
        const proxy = await tries(bench, { client: version, origins: [port], held: (exchange) => setImmediate(() => exchange.relay?.()) });
        expect(await ask(bench, version, proxy.port, 'body')).toMatchObject({ status: 503, body: 'answer 1' });
        expect(bodies).toHaveLength(1);
        expect(proxy.relayed).toEqual([503]);
      }
    },
  },
  {
    name: 'looks at trailers that come first, or along with the first frame, and at no others',
    async run(bench) {
      const looked: (FieldList | undefined)[] = [];
      const answers = [
        [HEAD, trailers('1')],
        [HEAD + data('data') + trailers('2')],
        [HEAD + data('one') + data('two') + trailers('3')],
        [HEAD + data('data'), trailers('4')],
      ];
      const peers: Peer[] = [];
      const { port } = await bench.rawOrigin(async (peer) => {
        peers.push(peer);
        peer.send(SETTINGS);
        for (const [i, parts] of answers.entries()) {
          await peer.receive((text) => text.split(REQUEST).length > i + 1);
          for (const [n, part] of parts.entries()) {
            if (n > 0) await bench.until(() => looked.length > i || parts[0] === HEAD);
            peer.send(part.replaceAll('STRM', Buffer.from([0, 0, 0, i * 2 + 1]).toString('latin1')));
          }
        }
      });
      const proxy = await tries(bench, {
        client: 'http/2',
        origins: [port],
        judge: () => 'peek',
        judgeTrailers: (_head, trailers) => {
          looked.push(trailers);
          return 'relay';
        },
      });
      const session = bench.http2Client(proxy.port);
      for (const status of ['1', '2', '3', '4']) expect((await http2(session)).trailers['grpc-status']).toBe(status);
      expect(looked).toEqual([['grpc-status', '1'], ['grpc-status', '2'], undefined, undefined]);
      expect(peers).toHaveLength(1);
    },
  },
  {
    name: 'tries again by trailers, and relays frames in their order',
    async run(bench) {
      let asked = 0;
      const { port } = await bench.http2Origin((stream) => {
        asked += 1;
        const status = asked < 3 ? '14' : '0';
        stream.respond({ ':status': 200 }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }));
        if (status === '0') {
          for (const part of ['one', 'two', 'three']) stream.write(part);
        }
        stream.end();
      });
      const proxy = await tries(bench, {
        client: 'http/2',
        origins: [port],
        judge: () => 'peek',
        judgeTrailers: (_head, trailers) => (trailers?.includes('14') === true ? 'retry' : 'relay'),
      });
      expect(await http2(bench.http2Client(proxy.port))).toMatchObject({ status: 200, body: 'onetwothree', trailers: { 'grpc-status': '0' } });
      expect(asked).toBe(3);
      expect(proxy.watched[0]?.calls).toContain('trailers grpc-status 14');
    },
  },
  {
    name: 'judges a peeked response that ends or breaks without trailers',
    async run(bench) {
      const { port } = await bench.http2Origin((stream, headers) => {
        stream.respond({ ':status': 200 }, { endStream: headers[':path'] === '/ends', waitForTrailers: headers[':path'] === '/breaks' });
        if (headers[':path'] === '/breaks') stream.close(11);
        if (headers[':path'] === '/data') stream.end('data');
      });
      const proxy = await tries(bench, { client: 'http/2', origins: [port], judge: () => 'peek' });
      const session = bench.http2Client(proxy.port);
      expect(await http2(session, { headers: { ':path': '/ends' } })).toMatchObject({ status: 200, body: '' });
      expect(await http2(session, { headers: { ':path': '/data' } })).toMatchObject({ status: 200, body: 'data' });
      const broken = pending(http2(session, { headers: { ':path': '/breaks' } }));
      await expect(broken).rejects.toMatchObject({ rstCode: 11 } satisfies Partial<StreamReset>);
      expect(proxy.watched[2]?.outcome).toEqual({ kind: 'failed', failure: { kind: 'reset', code: 11 } });
    },
  },
  {
    name: 'resets the stream of an answer that is not relayed, and keeps the connection',
    async run(bench) {
      const { port, streams, closed } = await gradual(bench);
      const proxy = await tries(bench, { client: 'http/2', origins: [port] });
      const answer = pending(http2(bench.http2Client(proxy.port)));
      await bench.until(() => streams.length === 1);
      const session = streams[0]?.session;
      streams[0]?.respond({ ':status': 500 });
      streams[0]?.write('never relayed');
      expect(await closed[0]).toBe(8);
      await bench.until(() => streams.length === 2);
      expect(streams[1]?.session).toBe(session);
      streams[1]?.respond({ ':status': 200 });
      streams[1]?.end('good');
      expect(await answer).toMatchObject({ status: 200, body: 'good' });
      expect(proxy.watched[0]?.outcome).toEqual({ kind: 'abandoned' });
    },
  },
  {
    name: 'gives back the credit of answers that are not relayed',
    async run(bench) {
      // Four megabytes that nobody takes would close a window of one.
      const tried = 64;
      let asked = 0;
      const { port } = await bench.http2Origin((stream) => {
        asked += 1;
        stream.respond({ ':status': asked < tried ? 500 : 200 });
        stream.end(Buffer.alloc(64 * 1024, 'x'));
      });
      const proxy = await tries(bench, { client: 'http/2', origins: [port] });
      expect((await http2(bench.http2Client(proxy.port))).body).toHaveLength(64 * 1024);
      expect(proxy.watched).toHaveLength(tried);
    },
  },
  {
    name: 'holds no more of an answer than flow control lets in',
    async run(bench) {
      for (const version of VERSIONS) {
        let sent = 0;
        const chunk = Buffer.alloc(64 * 1024, 'x');
        const pour = (to: { write(bytes: Buffer): boolean; once(event: 'drain', listener: () => void): unknown }): void => {
          while (sent < 64 * 1024 * 1024) {
            sent += chunk.length;
            if (!to.write(chunk)) return void to.once('drain', () => pour(to));
          }
        };
        const port =
          version === 'http/1'
            ? await bench.http1Origin((_request, response) => {
                response.writeHead(500);
                pour(response);
              })
            : (
                await bench.http2Origin((stream) => {
                  stream.respond({ ':status': 500 });
                  pour(stream);
                })
              ).port;
        const proxy = await tries(bench, { client: version, origins: [port], held: () => undefined });
        if (version === 'http/1') (await bench.rawClient(proxy.port)).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
        else
          bench
            .http2Client(proxy.port)
            .request({ ':path': '/' })
            .on('error', () => undefined);
        await bench.until(() => sent > 0);
        await settled(() => sent);
        expect(proxy.watched[0]?.bytes).toBeLessThan(256 * 1024);
        expect(sent).toBeLessThan(16 * 1024 * 1024);
      }
    },
  },
  {
    name: 'leaves the upstream alone once the client of a held answer is gone',
    async run(bench) {
      const { port, streams, closed } = await gradual(bench);
      const proxy = await tries(bench, { client: 'http/2', origins: [port], held: () => undefined });
      const stream = bench.http2Client(proxy.port).request({ ':path': '/' });
      stream.on('error', () => undefined);
      await bench.until(() => streams.length === 1);
      streams[0]?.respond({ ':status': 500 });
      await bench.until(() => proxy.watched[0]?.calls.includes('head 500') === true);
      stream.close(8);
      expect(await closed[0]).toBe(8);
      expect(proxy.watched[0]?.outcome).toEqual({ kind: 'client-gone', code: 8 });
      expect(proxy.exchanges[0]?.aborted).toBe(true);
    },
  },
  {
    name: 'relays a held answer that broke meanwhile as broken',
    async run(bench) {
      const { port, streams } = await gradual(bench);
      const proxy = await tries(bench, { client: 'http/2', origins: [port], held: () => undefined });
      const answer = pending(http2(bench.http2Client(proxy.port)));
      await bench.until(() => streams.length === 1);
      streams[0]?.respond({ ':status': 500 }, { waitForTrailers: true });
      streams[0]?.write('part');
      await bench.until(() => proxy.watched[0]?.bytes === 4);
      streams[0]?.close(2);
      await bench.until(() => proxy.watched[0]?.outcome !== undefined);
      proxy.exchanges[0]?.relay?.();
      await expect(answer).rejects.toMatchObject({ rstCode: 2 });
    },
  },
  {
    name: 'gives up a forward that was not answered, and answers in its place',
    async run(bench) {
      for (const version of VERSIONS) {
        const { port, peers } = await bench.rawOrigin(() => undefined);
        const proxy = await tries(bench, { client: version, server: 'http/1', origins: [port] });
        const answer = pending(ask(bench, version, proxy.port, 'body'));
        await bench.until(() => proxy.watched[0]?.calls.includes('requestEnd') === true);
        proxy.exchanges[0]?.abandon?.();
        expect(proxy.watched[0]?.outcome).toEqual({ kind: 'abandoned' });
        proxy.exchanges[0]?.respond({ status: 504, headers: [], body: Buffer.from('late') });
        expect(await answer).toMatchObject({ status: 504, body: 'late' });
        await peers[0]?.over();
        expect(proxy.failures).toEqual([]);
      }
    },
  },
  {
    name: 'ends a response in place of its upstream, with trailers',
    async run(bench) {
      const { port, streams, closed } = await gradual(bench);
      const proxy = await tries(bench, { client: 'http/2', origins: [port] });
      const answer = pending(http2(bench.http2Client(proxy.port)));
      await bench.until(() => streams.length === 1);
      streams[0]?.respond({ ':status': 200 });
      streams[0]?.write('part');
      await bench.until(() => proxy.watched[0]?.bytes === 4);
      proxy.exchanges[0]?.cutShort?.(['grpc-status', '4']);
      expect(await answer).toMatchObject({ status: 200, body: 'part', trailers: { 'grpc-status': '4' } });
      expect(await closed[0]).toBe(8);
    },
  },
];
