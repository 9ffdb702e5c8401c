// Against node:http2, both ways, over loopback sockets: its codec is the oracle for ours.
import { once } from 'node:events';
import http2, { type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { Echo } from '../../test/h2/echo.ts';
import { fieldsOf, type Pairs } from '../../test/h2/frames.ts';
import { type Link, link } from '../../test/h2/link.ts';
import { Recorder } from '../../test/h2/recorder.ts';
import { FieldTable } from '../field/table.ts';
import { Http2Session, type Http2SessionOptions, type Http2Session as Session } from './session.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type Tuning = Partial<Http2SessionOptions<string>>;

interface Ours {
  readonly client: ClientHttp2Session;
  readonly server: () => { session: Session<string>; link: Link };
}

/** A client of Node on an echo server of ours. */
async function nodeOnOurs(tuning: Tuning = {}): Promise<Ours> {
  const fields = new FieldTable();
  let served: { session: Session<string>; link: Link } | null = null;
  const server = net.createServer((socket) => {
    const session: Session<string> = new Http2Session<string>({ role: 'server', fields, handler: new Echo(() => session), ...tuning });
    served = { session, link: link(session, socket) };
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  client.on('error', () => client.destroy());
  closers.push(
    () => client.destroy(),
    () => server.close(),
  );
  await once(client, 'remoteSettings');
  return {
    client,
    server: () => {
      if (served === null) throw new Error('not connected');
      return served;
    },
  };
}

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly trailers: IncomingHttpHeaders | null;
}

async function answer(stream: ClientHttp2Stream): Promise<Answer> {
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | null = null;
  const parts: Buffer[] = [];
  stream.on('response', (head) => (headers = head));
  stream.on('trailers', (tail: IncomingHttpHeaders) => (trailers = tail));
  stream.on('data', (part: Buffer) => parts.push(part));
  await once(stream, 'close');
  return { headers, trailers, body: Buffer.concat(parts).toString('latin1') };
}

const body = (bytes: number): Buffer => Buffer.from(Array.from({ length: bytes }, (_, i) => (i * 31 + (i >> 8)) & 0xff));

/** A client of ours on a server of Node. */
async function oursOnNode(onStream: (stream: http2.ServerHttp2Stream, headers: IncomingHttpHeaders) => void, tuning: Tuning = {}) {
  const server = http2.createServer();
  server.on('stream', onStream);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  const recorder = new Recorder();
  const session = new Http2Session<string>({ role: 'client', fields: new FieldTable(), handler: recorder, ...tuning });
  recorder.session = session;
  const wire = link(session, socket);
  closers.push(
    () => socket.destroy(),
    () => server.close(),
  );
  /** Sends a request and waits until its stream is closed. */
  const request = async (pairs: Pairs, content: Buffer | null = null, trailers: Pairs | null = null): Promise<{ events: string[]; body: string }> => {
    const stream = session.openStream(fieldsOf(pairs), content === null, 'x');
    if (stream === null) throw new Error('no stream');
    if (content !== null) session.writeData(stream, content, 0, content.length, trailers === null);
    if (trailers !== null) session.writeTrailers(stream, fieldsOf(trailers));
    wire.flush();
    while (!recorder.events.includes(`closed ${stream.id}`)) await once(socket, 'data');
    return { events: recorder.events.filter((event) => event.split(' ')[1] === String(stream.id)), body: recorder.body(stream.id) };
  };
  return { session, recorder, request, wire, server };
}

const REQUEST: Pairs = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'a'],
];

test('our server answers a client of Node: body, trailers, interim responses', async () => {
  const { client } = await nodeOnOurs();
  const stream = client.request({ ':method': 'POST', ':path': '/early', 'x-a': 'b' }, { waitForTrailers: true });
  const interim = once(stream, 'headers');
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1' }));
  stream.end('hello');
  const got = await answer(stream);
  expect((await interim)[0]).toMatchObject({ ':status': 103, link: 'x' });
  expect(got).toMatchObject({ headers: { ':status': 200, 'x-a': 'b' }, body: 'hello', trailers: { 'x-sum': '1' } });
});

test('our server echoes megabytes on many streams at once', async () => {
  const { client } = await nodeOnOurs();
  const content = body(300_000);
  const all = await Promise.all(
    Array.from({ length: 20 }, () => {
      const stream = client.request({ ':method': 'POST' });
      stream.end(content);
      return answer(stream);
    }),
  );
  for (const got of all) expect(got.body === content.toString('latin1')).toBe(true);
});

test('our server passes resets and drains', async () => {
  const { client, server } = await nodeOnOurs();
  const stream = client.request({ ':path': '/reset' });
  const [error] = (await once(stream, 'error')) as [Error];
  expect(error.message).toContain('ENHANCE_YOUR_CALM');
  expect(stream.rstCode).toBe(11);
  const open = client.request({ ':method': 'POST' });
  await once(open, 'response');
  server().session.drain();
  server().link.flush();
  const gone = once(client, 'goaway');
  open.end('last');
  expect((await answer(open)).body).toBe('last');
  expect((await gone)[0]).toBe(0);
});

test('our server accepts heads of 60 KiB', async () => {
  const { client } = await nodeOnOurs();
  const value = 'v'.repeat(60_000);
  const stream = client.request({ 'x-large': value });
  stream.end();
  expect((await answer(stream)).headers['x-large']).toBe(value);
});

const name = fc.constantFrom('x-a', 'x-b', 'x-c', 'authorization');
const value = fc.string({ maxLength: 60, unit: fc.constantFrom('a', 'B', '0', '-', '/', '%', '~', '{', ' ', '\xe9') }).map((text) => text.trim());
const head = fc.dictionary(name, fc.oneof(value, fc.constantFrom('often', 'seen')), { maxKeys: 4, noNullPrototype: true });

test.each([{ huffman: false }, { huffman: true }])('our codec reads what that of Node writes, and the other way round: %j', async (tuning) => {
  const { client } = await nodeOnOurs(tuning);
  await fc.assert(
    fc.asyncProperty(head, async (sent) => {
      const headers: OutgoingHttpHeaders = sent;
      const stream = client.request({ ':path': `/${sent['x-a'] === undefined ? '' : encodeURIComponent(sent['x-a'])}`, ...headers });
      stream.end();
      expect((await answer(stream)).headers).toMatchObject({ ':status': 200, ...sent });
    }),
    { numRuns: 200 },
  );
});

test('our client asks a server of Node: body, trailers, interim responses', async () => {
  const { request } = await oursOnNode((stream, headers) => {
    stream.additionalHeaders({ ':status': 103, link: 'x' });
    stream.respond({ ':status': 201, 'x-path': headers[':path'] }, { waitForTrailers: true });
    stream.on('trailers', (tail: IncomingHttpHeaders) => stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': `${String(tail['x-sum'])}!` })));
    stream.pipe(stream);
  });
  const content = body(200_000);
  const got = await request(REQUEST, content, [['x-sum', '7']]);
  expect(got.body === content.toString('latin1')).toBe(true);
  const told = got.events.filter((event) => !event.startsWith('sent'));
  expect(told[0]).toBe('interim 1 103 :status=103&link=x');
  expect(told[1]).toMatch(/^headers 1 :status=201&x-path=\/&date=/);
  expect(told.slice(2)).toEqual(['trailers 1 x-sum=7!', 'closed 1']);
});

test('our client is reset by a server of Node, and keeps its connection', async () => {
  const { request, session } = await oursOnNode((stream) => {
    stream.on('error', () => stream.destroy());
    stream.close(11);
  });
  expect((await request(REQUEST, Buffer.from('x'))).events).toEqual(['reset 1 11 peer', 'closed 1']);
  await request(REQUEST, Buffer.from('x'));
  expect(session.usable).toBe(true);
});

test('our client sends what a server of Node decodes, indexed or not', async () => {
  const { request } = await oursOnNode((stream, headers) => {
    stream.respond({ ':status': 200 });
    stream.end(JSON.stringify(Object.fromEntries(Object.entries(headers).filter(([key]) => !key.startsWith(':')))));
  });
  await fc.assert(
    fc.asyncProperty(head, async (sent) => {
      const got = await request([...REQUEST, ...Object.entries(sent)]);
      expect(JSON.parse(Buffer.from(got.body, 'latin1').toString())).toEqual(sent);
    }),
    { numRuns: 200 },
  );
});

test('our client obeys the stream limit of a server of Node', async () => {
  const { session, server, request } = await oursOnNode((stream) => {
    stream.respond({ ':status': 204 });
    stream.end();
  });
  server.updateSettings({ maxConcurrentStreams: 1 });
  await request(REQUEST);
  expect(session.canOpen).toBe(true);
});
