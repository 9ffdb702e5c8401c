// The fetch of Node, which is undici: kept connections, streams as bodies, aborts, redirects and compressed answers.
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { type Application, serveOn } from '../process/applications.ts';
import { Marks } from './marks.ts';
import { payload, sha256 } from './payload.ts';
import { onEveryWay, type Route } from './ways.ts';
import { webOverHttp1 } from './web-application.ts';

const MIB = 1024 * 1024;
const marks = new Marks();

/** `/moved` leads to `/json`, which is compressed; `/events` is a stream of events that the client ends. */
function site(): Promise<Application> {
  return serveOn(
    createServer((request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: '/json' }).end();
      else if (request.url === '/json') {
        response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(gzipSync(JSON.stringify({ found: true })));
      } else {
        let next = 0;
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const more = (): void => void response.write(`data: ${next++}\n\n`, () => next < 3 && setImmediate(more));
        more();
        response.on('close', () => marks.mark(request.url ?? ''));
      }
    }),
  );
}

onEveryWay({ web: webOverHttp1(marks), site }, cases);

function cases(route: Route<'web' | 'site'>): void {
  const url = (path: string, app: 'web' | 'site' = 'web'): string => `http://127.0.0.1:${route.port(app)}${path}`;

  test('a body goes there and comes back', async () => {
    const body = payload(4 * MIB);
    const response = await fetch(url('/echo'), { method: 'POST', body });
    expect(response.status).toBe(200);
    expect(sha256(new Uint8Array(await response.arrayBuffer()))).toBe(sha256(body));
  });

  test('a stream as body is sent in pieces', async () => {
    const pieces = Array.from({ length: 50 }, (_, index) => payload(1000 + index));
    const body = ReadableStream.from(pieces);
    const response = await fetch(url('/seen'), { method: 'POST', body, duplex: 'half' } as RequestInit);
    const all = Buffer.concat(pieces);
    expect(await response.json()).toMatchObject({ length: all.length, sha256: sha256(all), headers: { 'transfer-encoding': 'chunked' } });
  });

  test('a hundred requests at a time are all answered', async () => {
    const bodies = await Promise.all(Array.from({ length: 100 }, async (_, index) => (await fetch(url(`/bytes/${index * 100}`))).arrayBuffer()));
    expect(bodies.map((body) => body.byteLength)).toEqual(Array.from({ length: 100 }, (_, index) => index * 100));
  });

  test('redirects are followed and compressed answers read', async () => {
    const response = await fetch(url('/moved', 'site'));
    expect(response.redirected).toBe(true);
    expect(await response.json()).toEqual({ found: true });
  });

  test('events are read as they come, until the client has enough', async () => {
    const mark = `/events/${route.way}`.replaceAll(' ', '-');
    const controller = new AbortController();
    const { body } = await fetch(url(mark, 'site'), { signal: controller.signal });
    let read = '';
    for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
      read += Buffer.from(chunk).toString();
      if (read.endsWith('data: 2\n\n')) break;
    }
    controller.abort();
    expect(read).toBe('data: 0\n\ndata: 1\n\ndata: 2\n\n');
    expect(await marks.marked(mark)).toBe(mark);
  });

  test('an answer that the application breaks off is an error', async () => {
    await expect(fetch(url('/cut')).then((response) => response.arrayBuffer())).rejects.toThrow('terminated');
  });
}
