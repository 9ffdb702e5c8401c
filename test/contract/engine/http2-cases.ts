// HTTP/2 through the engine: streams, trailers, resets with their codes (RFC 9113; spec/proxy.md §4.1, §4.5).
import { constants, createServer as createHttp2Server } from 'node:http2';
import { expect } from 'vitest';
import { answerOf, http2, StreamReset } from './calls.ts';
import type { EngineCase } from './suite.ts';

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

/** The code with which a call was reset. */
async function resetCode(call: Promise<unknown>): Promise<number> {
  try {
    await call;
  } catch (error) {
    if (error instanceof StreamReset) return error.rstCode;
    throw error;
  }
  throw new Error('the stream ended without a reset');
}

/** Node would add an authority; an empty list stands for a field that is there and is written as nothing. */
const NO_AUTHORITY = { host: [] } as unknown as Record<string, string>;

const both = { client: 'http/2', server: 'http/2' } as const;

export const http2Cases: readonly EngineCase[] = [
  {
    name: 'relays an HTTP/2 request and its response with bodies and trailers',
    async run(bench) {
      const origin = await bench.http2Origin((stream, headers) => {
        let trailers = '';
        stream.on('trailers', (received) => {
          trailers = String(received['x-request-trailer']);
        });
        let body = '';
        stream.on('data', (chunk: Buffer) => {
          body += chunk.toString();
        });
        stream.on('end', () => {
          stream.respond({ ':status': 200, 'x-path': String(headers[':path']), 'x-authority': String(headers[':authority']) }, { waitForTrailers: true });
          stream.on('wantTrailers', () => stream.sendTrailers({ 'x-end': trailers }));
          stream.end(`got ${body}`);
        });
      });
      const proxy = await bench.proxy({ ...both, origin: origin.port });
      const answer = await http2(bench.http2Client(proxy.port), {
        headers: { ':method': 'POST', ':path': '/x' },
        body: 'hello',
        trailers: { 'x-request-trailer': 'bye' },
      });
      expect(answer).toMatchObject({ status: 200, body: 'got hello', headers: { 'x-path': '/x', 'x-authority': 'web.test' }, trailers: { 'x-end': 'bye' } });
      await proxy.watched[0]?.ended;
      expect(proxy.watched[0]?.calls).toEqual(['sent', 'requestEnd', 'head 200', 'data', 'trailers x-end bye', 'end complete']);
    },
  },
  {
    name: 'keeps pseudo-fields, duplicate fields in order, te and latin1 values of HTTP/2',
    async run(bench) {
      const seen: (readonly string[])[] = [];
      const origin = await bench.http2Origin((stream, _headers, raw) => {
        seen.push(raw);
        stream.respond({ ':status': 200, 'set-cookie': ['a=1', 'b=2'], x: '\xe9' }, { endStream: true });
      });
      const proxy = await bench.proxy({ ...both, origin: origin.port });
      const answer = await http2(bench.http2Client(proxy.port), {
        headers: {
          ':method': 'DELETE',
          ':path': '/a?b',
          ':scheme': 'https',
          ':authority': 'a.test:1',
          te: 'trailers',
          via: ['1', '2'],
          cookie: ['a=1', 'b=2'],
          x: '\xfc',
        },
      });
      expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
      expect(answer.headers['x']).toBe('\xe9');
      const raw = seen[0] ?? [];
      const lines = raw.filter((_, i) => i % 2 === 0).map((name, i) => `${name}=${raw[i * 2 + 1]}`);
      expect(lines.slice(0, 4).toSorted()).toEqual([':authority=a.test:1', ':method=DELETE', ':path=/a?b', ':scheme=https']);
      expect(lines.slice(4)).toEqual(['te=trailers', 'via=1', 'via=2', 'cookie=a=1', 'cookie=b=2', 'x=\xfc']);
    },
  },
  {
    name: 'shares one dial and one connection among concurrent exchanges',
    async run(bench) {
      const origin = await bench.http2Origin((stream, headers) => {
        stream.respond({ ':status': 200 });
        stream.end(String(headers[':path']));
      });
      const proxy = await bench.proxy({ ...both, origin: origin.port });
      const session = bench.http2Client(proxy.port);
      const answers = await Promise.all(Array.from({ length: 50 }, async (_, i) => await http2(session, { headers: { ':path': `/${i}` } })));
      expect(answers.map((answer) => answer.body)).toEqual(Array.from({ length: 50 }, (_, i) => `/${i}`));
      expect(proxy.dials).toHaveLength(1);
      expect(proxy.upstream.inFlight).toBe(0);
    },
  },
  {
    name: 'queues streams beyond the limit of the peer',
    async run(bench) {
      let open = 0;
      let most = 0;
      const server = createHttp2Server({ settings: { maxConcurrentStreams: 2 } });
      server.on('session', (session) => session.on('error', () => undefined));
      server.on('stream', (stream) => {
        open += 1;
        most = Math.max(most, open);
        stream.on('close', () => {
          open -= 1;
        });
        setImmediate(() => {
          stream.respond({ ':status': 200 });
          stream.end('ok');
        });
      });
      const { port } = await bench.listen((socket) => void server.emit('connection', socket));
      const proxy = await bench.proxy({ ...both, origin: port });
      const session = bench.http2Client(proxy.port);
      // The first exchange brings the settings of the peer.
      await http2(session);
      const answers = await Promise.all(Array.from({ length: 10 }, async () => await http2(session)));
      expect(answers.every((answer) => answer.body === 'ok')).toBe(true);
      expect(most).toBe(2);
      expect(proxy.dials).toHaveLength(1);
    },
  },
  {
    name: 'carries a reset of the upstream to the client, before and after the head, with its code',
    async run(bench) {
      const origin = await bench.http2Origin((stream, headers) => {
        if (headers[':path'] === '/late') {
          stream.respond({ ':status': 200 }, { waitForTrailers: true });
          stream.write('part', () => stream.close(NGHTTP2_ENHANCE_YOUR_CALM));
        } else stream.close(headers[':path'] === '/refused' ? NGHTTP2_REFUSED_STREAM : NGHTTP2_ENHANCE_YOUR_CALM);
      });
      const proxy = await bench.proxy({ ...both, origin: origin.port });
      const session = bench.http2Client(proxy.port);
      expect(await resetCode(http2(session))).toBe(NGHTTP2_ENHANCE_YOUR_CALM);
      expect(await resetCode(http2(session, { headers: { ':path': '/refused' } }))).toBe(NGHTTP2_REFUSED_STREAM);
      expect(await resetCode(http2(session, { headers: { ':path': '/late' } }))).toBe(NGHTTP2_ENHANCE_YOUR_CALM);
      expect(proxy.failures).toEqual([
        { kind: 'reset', code: NGHTTP2_ENHANCE_YOUR_CALM },
        { kind: 'reset', code: NGHTTP2_REFUSED_STREAM },
      ]);
      expect(proxy.watched[2]?.outcome).toEqual({ kind: 'failed', failure: { kind: 'reset', code: NGHTTP2_ENHANCE_YOUR_CALM } });
      expect(proxy.dials).toHaveLength(1);
    },
  },
  {
    name: 'carries a reset of the client to the upstream, before and after the head, with its code',
    async run(bench) {
      const codes: Promise<number>[] = [];
      const origin = await bench.http2Origin((stream, headers) => {
        codes.push(new Promise((resolve) => stream.once('close', () => resolve(stream.rstCode))));
        if (headers[':path'] !== '/late') return;
        stream.respond({ ':status': 200 });
        stream.write('part');
      });
      const proxy = await bench.proxy({ ...both, origin: origin.port });
      const session = bench.http2Client(proxy.port);
      const early = session.request({ ':path': '/early', ':method': 'POST' });
      early.on('error', () => undefined);
      early.write('x');
      await bench.until(() => codes.length > 0);
      early.close(NGHTTP2_CANCEL);
      const late = session.request({ ':path': '/late' });
      late.on('error', () => undefined);
      await new Promise((resolve) => late.once('data', resolve));
      late.close(NGHTTP2_ENHANCE_YOUR_CALM);
      expect(await Promise.all(codes)).toEqual([NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM]);
      expect(await Promise.all(proxy.watched.map(async (one) => await one.ended))).toEqual([
        { kind: 'client-gone', code: NGHTTP2_CANCEL },
        { kind: 'client-gone', code: NGHTTP2_ENHANCE_YOUR_CALM },
      ]);
      expect(proxy.upstream.inFlight).toBe(0);
    },
  },
  {
    name: 'cancels upstream what a lost client connection leaves behind',
    async run(bench) {
      const closed: Promise<number>[] = [];
      const origin = await bench.http2Origin((stream) => {
        closed.push(new Promise((resolve) => stream.once('close', () => resolve(stream.rstCode))));
        stream.respond({ ':status': 200 });
        stream.write('part');
      });
      const proxy = await bench.proxy({ ...both, origin: origin.port });
      const session = bench.http2Client(proxy.port);
      const streams = [session.request({ ':path': '/a' }), session.request({ ':path': '/b' })];
      for (const stream of streams) stream.on('error', () => undefined);
      await Promise.all(streams.map(async (stream) => await new Promise((resolve) => stream.once('data', resolve))));
      session.destroy();
      expect(await Promise.all(closed)).toEqual([NGHTTP2_CANCEL, NGHTTP2_CANCEL]);
      expect((await Promise.all(proxy.watched.map(async (one) => await one.ended))).map((outcome) => outcome.kind)).toEqual(['client-gone', 'client-gone']);
      await proxy.connections[0]?.closed;
    },
  },
  {
    name: 'resets the client when the upstream connection dies in a response, and dials again',
    async run(bench) {
      const origin = await bench.http2Origin((stream, headers) => {
        stream.respond({ ':status': 200 });
        if (headers[':path'] === '/dies') stream.write('part', () => stream.session?.destroy());
        else stream.end('alive');
      });
      const proxy = await bench.proxy({ ...both, origin: origin.port });
      const session = bench.http2Client(proxy.port);
      expect(await resetCode(http2(session, { headers: { ':path': '/dies' } }))).toBe(NGHTTP2_INTERNAL_ERROR);
      expect(proxy.watched[0]?.outcome).toMatchObject({ kind: 'failed', failure: { kind: 'closed' } });
      expect((await http2(session, { headers: { ':path': '/lives' } })).body).toBe('alive');
      expect(proxy.dials).toHaveLength(2);
    },
  },
  {
    name: 'finishes streams of an upstream that goes away, and dials anew for others',
    async run(bench) {
      let finish: () => void = () => undefined;
      const origin = await bench.http2Origin((stream, headers) => {
        stream.respond({ ':status': 200 });
        if (headers[':path'] === '/slow') {
          stream.write('slow ');
          finish = () => stream.end('end');
        } else stream.end('quick');
      });
      const proxy = await bench.proxy({ ...both, origin: origin.port });
      const session = bench.http2Client(proxy.port);
      const slow = session.request({ ':path': '/slow' });
      const answer = answerOf(slow);
      await new Promise((resolve) => slow.once('data', resolve));
      origin.sessions[0]?.close();
      while ((await http2(session)).body === 'quick' && origin.sessions.length < 2) continue;
      finish();
      expect((await answer).body).toMatch(/end$/);
      expect(proxy.dials).toHaveLength(2);
    },
  },
  {
    name: 'lets both directions of a stream run at once',
    async run(bench) {
      const origin = await bench.http2Origin((stream) => {
        stream.respond({ ':status': 200 });
        stream.on('data', (chunk: Buffer) => stream.write(`echo ${chunk.toString()};`));
        stream.on('end', () => stream.end('end'));
      });
      const proxy = await bench.proxy({ ...both, origin: origin.port });
      const stream = bench.http2Client(proxy.port).request({ ':method': 'POST', ':path': '/' });
      for (const word of ['one', 'two', 'three']) {
        stream.write(word);
        const [chunk] = await new Promise<unknown[]>((resolve) => stream.once('data', (...all) => resolve(all)));
        expect(String(chunk)).toBe(`echo ${word};`);
      }
      stream.end();
      expect((await answerOf(stream)).body).toBe('end');
    },
  },
  {
    name: 'completes a response whose request goes on, and ends the rest of the request',
    async run(bench) {
      const requests: Promise<string>[] = [];
      const origin = await bench.http2Origin((stream) => {
        requests.push(
          new Promise((resolve) => {
            let body = '';
            stream.on('data', (chunk: Buffer) => {
              body += chunk.toString();
            });
            stream.on('close', () => resolve(body));
          }),
        );
        stream.respond({ ':status': 200 });
        stream.end('early');
      });
      const proxy = await bench.proxy({ ...both, origin: origin.port });
      const stream = bench.http2Client(proxy.port).request({ ':method': 'POST', ':path': '/' });
      stream.on('error', () => undefined);
      stream.write('first');
      let body = '';
      stream.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      expect((await proxy.watched[0]?.ended) ?? (await whenWatched(proxy.watched))).toEqual({ kind: 'complete' });
      while (body !== 'early') await new Promise((resolve) => setImmediate(resolve));
      stream.close(NGHTTP2_CANCEL);
      await requests[0];
      while (proxy.upstream.inFlight > 0) await new Promise((resolve) => setImmediate(resolve));
    },
  },
  {
    name: 'relays interim responses of HTTP/2, also before a response without a body',
    async run(bench) {
      const origin = await bench.http2Origin((stream) => {
        stream.additionalHeaders({ ':status': 103, link: '</a>' });
        stream.respond({ ':status': 204 }, { endStream: true });
      });
      const proxy = await bench.proxy({ ...both, origin: origin.port });
      const stream = bench.http2Client(proxy.port).request({ ':path': '/' });
      const interim: unknown[] = [];
      const statuses: unknown[] = [];
      stream.on('headers', (headers) => interim.push(headers[':status'], headers['link']));
      stream.on('response', (headers) => statuses.push(headers[':status']));
      stream.on('trailers', (headers) => statuses.push(headers[':status']));
      stream.resume();
      await new Promise((resolve) => stream.once('close', resolve));
      expect(interim).toEqual([103, '</a>']);
      expect(statuses).toEqual([204]);
    },
  },
  {
    name: 'answers locally over HTTP/2, and with close says GOAWAY',
    async run(bench) {
      const proxy = await bench.proxy({
        ...both,
        origin: 1,
        onExchange: (exchange) =>
          exchange.respond({ status: 403, headers: ['x', '1'], ...(exchange.request.path === '/close' ? { close: true } : { body: Buffer.from('no') }) }),
      });
      const session = bench.http2Client(proxy.port);
      expect(await http2(session, { headers: { ':method': 'POST' }, body: 'x'.repeat(100_000) })).toMatchObject({
        status: 403,
        body: 'no',
        headers: { x: '1' },
      });
      const goaway = new Promise((resolve) => session.once('goaway', resolve));
      expect((await http2(session, { headers: { ':path': '/close' } })).headers['content-length']).toBe('0');
      expect(await goaway).toBe(0);
      await proxy.connections[0]?.closed;
    },
  },
  {
    name: 'lets a pipeline reset a stream',
    async run(bench) {
      const proxy = await bench.proxy({ ...both, origin: 1, onExchange: (exchange) => exchange.reset(NGHTTP2_ENHANCE_YOUR_CALM) });
      expect(await resetCode(http2(bench.http2Client(proxy.port)))).toBe(NGHTTP2_ENHANCE_YOUR_CALM);
    },
  },
  {
    name: 'advertises the windows it was given and no limit of streams unless set',
    async run(bench) {
      const onExchange = (exchange: { respond: (response: { status: number; headers: string[] }) => void }): void =>
        exchange.respond({ status: 200, headers: [] });
      const plain = await bench.proxy({ ...both, origin: 1, onExchange });
      const first = bench.http2Client(plain.port);
      await http2(first);
      expect(first.remoteSettings).toMatchObject({ initialWindowSize: 65_535, maxConcurrentStreams: 4_294_967_295 });
      expect(first.state.remoteWindowSize).toBe(1_048_576);
      const set = await bench.proxy({
        ...both,
        origin: 1,
        onExchange,
        serve: { http2: { initialStreamWindow: 100_000, initialConnectionWindow: 200_000, maxConcurrentStreams: 7, maxFrameSize: 20_000 } },
      });
      const second = bench.http2Client(set.port);
      await http2(second);
      expect(second.remoteSettings).toMatchObject({ initialWindowSize: 100_000, maxConcurrentStreams: 7, maxFrameSize: 20_000 });
      expect(second.state.remoteWindowSize).toBe(200_000);
      const origin = await bench.http2Origin((stream) => stream.respond({ ':status': 200 }, { endStream: true }));
      const forwarding = await bench.proxy({
        ...both,
        origin: origin.port,
        upstream: { http2: { initialStreamWindow: 100_000, initialConnectionWindow: 200_000 } },
      });
      await http2(bench.http2Client(forwarding.port));
      expect(origin.sessions[0]?.remoteSettings).toMatchObject({ initialWindowSize: 100_000, enablePush: false });
      expect(origin.sessions[0]?.state.remoteWindowSize).toBe(200_000);
    },
  },
  {
    name: 'gives up an upstream that does not answer pings',
    async run(bench) {
      const { port } = await bench.rawOrigin(() => undefined);
      const proxy = await bench.proxy({ ...both, origin: port, upstream: { http2: { keepAlive: { intervalMs: 5, timeoutMs: 5, whileIdle: true } } } });
      const answer = await http2(bench.http2Client(proxy.port));
      expect(answer.headers['l5d-proxy-error']).toBe('closed');
    },
  },
  {
    name: 'serves a request without an authority',
    async run(bench) {
      const proxy = await bench.proxy({ ...both, origin: 1, onExchange: (exchange) => exchange.respond({ status: 200, headers: [] }) });
      const session = bench.http2Client(proxy.port);
      const stream = session.request({ ':path': '/', ...NO_AUTHORITY }, { endStream: true });
      expect((await answerOf(stream)).status).toBe(200);
    },
  },
];

async function whenWatched(watched: readonly { readonly ended: Promise<unknown> }[]): Promise<unknown> {
  while (watched.length === 0) await new Promise((resolve) => setImmediate(resolve));
  return await watched[0]?.ended;
}
