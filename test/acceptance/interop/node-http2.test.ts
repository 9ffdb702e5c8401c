// node:http2 on both sides: streams at a time, trailers, resets with their codes, windows, pings and farewells. spec/proxy.md §4.5.
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
} from 'node:http2';
import type { Server } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { type Application, serveOn } from '../process/applications.ts';
import { Marks } from './marks.ts';
import { payload, sha256 } from './payload.ts';
import { onEveryWay, type Route } from './ways.ts';
import { type Seen, webOverHttp2 } from './web-application.ts';

const MIB = 1024 * 1024;
const marks = new Marks();

/** Resets streams as the path says (`/CODE`), marks the code of those that the client resets, and leaves with `/goaway`. */
async function resetting(): Promise<Application> {
  const server = createServer();
  server.on('session', (session: ServerHttp2Session) => session.on('error', () => undefined));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    const [, what = '', mark = ''] = String(headers[':path']).split('/');
    if (what === 'wait') {
      stream.respond({ ':status': 200 });
      stream.write('waiting');
      stream.on('close', () => marks.mark(`${mark} ${stream.rstCode}`));
    } else if (what === 'goaway') {
      stream.respond({ ':status': 200 });
      stream.end('last');
      stream.session?.close();
    } else stream.close(Number(what));
  });
  return serveOn(server as unknown as Server);
}

onEveryWay({ web: webOverHttp2(marks), resetting }, cases);

interface Answer {
  readonly head: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders;
}

async function answered(stream: ClientHttp2Stream): Promise<Answer> {
  let head: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  stream.once('response', (fields) => (head = fields));
  stream.once('trailers', (fields) => (trailers = fields));
  const body = await buffer(stream);
  return { head, body, trailers };
}

/** Code of the reset. */
async function reset(stream: ClientHttp2Stream): Promise<number | undefined> {
  stream.on('error', () => undefined);
  stream.resume();
  await new Promise((resolve) => stream.once('close', resolve));
  return stream.rstCode;
}

function cases(route: Route<'web' | 'resetting'>): void {
  const withSession = async (app: 'web' | 'resetting', use: (session: ClientHttp2Session) => Promise<void>): Promise<void> => {
    // What waits to be sent counts as the session's memory, of which Node allows ten megabytes.
    const session = connect(`http://127.0.0.1:${route.port(app)}`, { maxSessionMemory: 100 });
    session.on('error', () => undefined);
    try {
      await use(session);
    } finally {
      session.destroy();
    }
  };
  const ask = (session: ClientHttp2Session, path: string, headers: OutgoingHttpHeaders = {}, body?: Buffer): Promise<Answer> => {
    const stream = session.request({ ':path': path, ':method': body ? 'POST' : 'GET', ...headers });
    stream.end(body);
    return answered(stream);
  };

  test('requests arrive as they were written, header by header', () =>
    withSession('web', async (session) => {
      const answer = await ask(session, '/seen?a=b', { 'x-own': '1', cookie: ['a=b', 'c=d'], te: 'trailers' });
      const { headers, ...rest } = JSON.parse(answer.body.toString()) as Seen;
      expect(rest).toMatchObject({ version: '2.0', method: 'GET', path: '/seen?a=b' });
      expect(headers).toMatchObject({ ':authority': route.authority('web'), 'x-own': '1', cookie: 'a=b; c=d', te: 'trailers' });
    }));

  test('five hundred streams at a time each get their own answer', () =>
    withSession('web', async (session) => {
      const sizes = Array.from({ length: 500 }, (_, index) => index * 13);
      const answers = await Promise.all(sizes.map((size) => ask(session, `/bytes/${size}`)));
      expect(answers.map(({ body }) => sha256(body))).toEqual(sizes.map((size) => sha256(payload(size))));
    }));

  test('bodies of four megabytes arrive whole, both ways at once, on several streams', () =>
    withSession('web', async (session) => {
      const body = payload(4 * MIB);
      const answers = await Promise.all([1, 2, 3].map(() => ask(session, '/echo', {}, body)));
      for (const answer of answers) expect(sha256(answer.body)).toBe(sha256(body));
    }));

  test('trailers go both ways', () =>
    withSession('web', async (session) => {
      const stream = session.request({ ':path': '/echo', ':method': 'POST' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sent': 'yes' }));
      stream.end('body');
      const { body, trailers } = await answered(stream);
      expect(body.toString()).toBe('body');
      expect(trailers).toMatchObject({ 'x-echo': 'yes' });
    }));

  test('an informational answer comes before the answer', () =>
    withSession('web', async (session) => {
      const stream = session.request({ ':path': '/hinted' });
      const hint = new Promise<IncomingHttpHeaders>((resolve) => stream.once('headers', resolve));
      expect((await answered(stream)).body.toString()).toBe('hinted');
      expect(await hint).toMatchObject({ ':status': 103, link: '</style.css>; rel=preload' });
    }));

  test('a stream whose reader pauses does not hold up the others', () =>
    withSession('web', async (session) => {
      const paused = session.request({ ':path': `/bytes/${4 * MIB}` });
      await new Promise((resolve) => paused.once('response', resolve));
      for (let turn = 0; turn < 10; turn++) expect((await ask(session, '/bytes/20000')).body.length).toBe(20_000);
      expect(sha256(await buffer(paused))).toBe(sha256(payload(4 * MIB)));
    }));

  test('pings are answered', () =>
    withSession('web', async (session) => {
      await ask(session, '/bytes/1');
      const answer = await new Promise<Buffer>((resolve, reject) => {
        session.ping(Buffer.from('12345678'), (error, _ms, payload) => (error ? reject(error) : resolve(payload)));
      });
      expect(answer.toString()).toBe('12345678');
    }));

  test('resets by the application carry their code', () =>
    withSession('resetting', async (session) => {
      for (const code of [
        constants.NGHTTP2_INTERNAL_ERROR,
        constants.NGHTTP2_REFUSED_STREAM,
        constants.NGHTTP2_CANCEL,
        constants.NGHTTP2_ENHANCE_YOUR_CALM,
        constants.NGHTTP2_HTTP_1_1_REQUIRED,
      ]) {
        expect(await reset(session.request({ ':path': `/${code}` }))).toBe(code);
      }
      expect(session.destroyed).toBe(false);
    }));

  test('resets by the client carry their code', () =>
    withSession('resetting', async (session) => {
      for (const code of [constants.NGHTTP2_CANCEL, constants.NGHTTP2_REFUSED_STREAM]) {
        const mark = `http2-${route.way}`.replaceAll(' ', '-');
        const stream = session.request({ ':path': `/wait/${mark}` }, { endStream: true });
        stream.on('error', () => undefined);
        await new Promise((resolve) => stream.once('data', resolve));
        stream.close(code);
        expect(await marks.marked(`${mark} ${code}`)).toBe(`${mark} ${code}`);
      }
    }));

  test('a session that is gone takes its streams with it', () => {
    const mark = `gone-${route.way}`.replaceAll(' ', '-');
    return withSession('web', async (session) => {
      const stream = session.request({ ':path': `/forever/${mark}` });
      stream.on('error', () => undefined);
      await new Promise((resolve) => stream.once('data', resolve));
      session.destroy();
      expect(await marks.marked(mark)).toBe(mark);
    });
  });

  test('an application that says farewell is connected to again, unseen by the client', () =>
    withSession('resetting', async (session) => {
      for (let turn = 0; turn < 3; turn++) expect((await ask(session, '/goaway')).body.toString()).toBe('last');
      expect(session.closed).toBe(false);
    }));

  test('an answer that the application breaks off is reset', () =>
    withSession('web', async (session) => {
      expect(await reset(session.request({ ':path': '/cut' }))).not.toBe(constants.NGHTTP2_NO_ERROR);
      expect((await ask(session, '/bytes/3')).body.length).toBe(3);
    }));
}
