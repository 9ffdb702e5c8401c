// HTTP/1 through one proxy and through two. spec/proxy.md §4.2, §4.3, §10.1.
import { describe, expect } from 'vitest';
import { scripted } from '../process/scenes.ts';
import { acceptanceCase } from './case.ts';
import { WAYS, type Way } from './ways.ts';
import { ask, header, OK, type WireApplication, wireApplication, wireTo } from './wire.ts';

const HOST = 'transparency.test.svc.cluster.local';
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'PATCH'];

/** What an answer to one request becomes on its way back, and the request on its way. */
interface Scene {
  readonly app: WireApplication;
  readonly at: string;
  readonly way: Way;
}

for (const way of WAYS) {
  const http1Case = (name: string, answer: (request: { readonly start: string }) => string, run: (scene: Scene) => Promise<void>): void =>
    acceptanceCase(
      name,
      async () => {
        await using app = await wireApplication(answer);
        await using control = await scripted().start();
        await using open = await way.open(control, app.port);
        await run({ app, at: open.at, way: open });
      },
      way.name,
    );

  describe(`HTTP/1, ${way.name}`, () => {
    http1Case(
      way.name === 'outbound' ? 'outbound_http1' : 'inbound_http1',
      () => OK,
      async ({ app, at }) => {
        const answer = await ask(at, `GET /path HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`);
        expect([answer.start, answer.body]).toEqual(['HTTP/1.1 200 OK', 'ok']);
        expect(app.requests.map(({ start }) => start)).toEqual(['GET /path HTTP/1.1']);
      },
    );

    const named = 'HTTP/1.1 200 OK\r\nx-server-quux: lorem ipsum\r\nconnection: close, x-server-quux\r\ncontent-length: 0\r\n\r\n';
    http1Case(
      'http1_removes_connection_headers',
      () => named,
      async ({ app, at }) => {
        const answer = await ask(at, `GET / HTTP/1.1\r\nhost: ${HOST}\r\nx-foo-bar: baz\r\nconnection: x-foo-bar, close\r\nx-kept: 1\r\n\r\n`);
        const [request] = app.requests;
        if (!request) throw new Error('no request');
        expect([header(request, 'x-foo-bar'), header(request, 'x-kept')]).toEqual([undefined, '1']);
        expect(header(request, 'connection') ?? '').not.toContain('x-foo-bar');
        expect(header(answer, 'x-server-quux')).toBeUndefined();
        expect(header(answer, 'connection') ?? '').not.toContain('x-server-quux');
      },
    );

    http1Case(
      'http10_with_host',
      () => 'HTTP/1.0 200 OK\r\n\r\n',
      async ({ app, at }) => {
        const answer = await ask(at, `GET / HTTP/1.0\r\nhost: ${HOST}\r\n\r\n`);
        expect(answer.start).toMatch(/^HTTP\/1\.0 200/);
        expect(app.requests.map((request) => [request.start, header(request, 'host')])).toEqual([['GET / HTTP/1.0', HOST]]);
      },
    );

    http1Case(
      'http11_absolute_uri_differs_from_host',
      () => OK,
      async ({ app, at }) => {
        const answer = await ask(at, `GET http://${HOST}/ HTTP/1.1\r\nhost: foo.bar\r\n\r\n`);
        expect(answer.start).toBe('HTTP/1.1 200 OK');
        expect(app.requests.map((request) => [request.start, header(request, 'host')])).toEqual([[`GET http://${HOST}/ HTTP/1.1`, 'foo.bar']]);
      },
    );

    http1Case(
      'l5d_orig_proto_header_isnt_leaked',
      () => OK,
      async ({ app, at }) => {
        const answer = await ask(at, `GET / HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`);
        expect(header(answer, 'l5d-orig-proto')).toBeUndefined();
        expect(app.requests.map((request) => header(request, 'l5d-orig-proto'))).toEqual([undefined]);
      },
    );

    http1Case(
      'http11_upgrade_h2_stripped',
      () => OK,
      async ({ app, at }) => {
        const request = `GET / HTTP/1.1\r\nhost: ${HOST}\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\nconnection: upgrade, http2-settings\r\n\r\n`;
        const answer = await ask(at, request);
        expect(answer.start).toBe('HTTP/1.1 200 OK');
        const names = app.requests.flatMap(({ headers }) => headers.map(([name]) => name));
        expect(names.filter((name) => ['upgrade', 'http2-settings', 'connection'].includes(name))).toEqual([]);
      },
    );

    http1Case(
      'http1_request_with_body_content_length',
      () => OK,
      async ({ app, at }) => {
        expect((await ask(at, `POST / HTTP/1.1\r\nhost: ${HOST}\r\ncontent-length: 5\r\n\r\nhello`)).start).toBe('HTTP/1.1 200 OK');
        expect(app.requests.map((request) => [header(request, 'content-length'), header(request, 'transfer-encoding'), request.body])).toEqual([
          ['5', undefined, 'hello'],
        ]);
      },
    );

    const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nworld\r\n0\r\n\r\n';
    http1Case(
      'http1_request_with_body_chunked',
      () => chunked,
      async ({ app, at }) => {
        const answer = await ask(at, `POST / HTTP/1.1\r\nhost: ${HOST}\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`);
        expect([header(answer, 'transfer-encoding'), header(answer, 'content-length'), answer.body]).toEqual(['chunked', undefined, 'world']);
        expect(app.requests.map((request) => [header(request, 'content-length'), header(request, 'transfer-encoding'), request.body])).toEqual([
          [undefined, 'chunked', 'hello'],
        ]);
      },
    );

    http1Case(
      'http1_requests_without_body_doesnt_add_transfer_encoding',
      ({ start }) => (start.startsWith('HEAD') ? 'HTTP/1.1 200 OK\r\n\r\n' : OK),
      async ({ app, at }) => {
        for (const method of METHODS) await ask(at, `${method} / HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`, { bodyless: method === 'HEAD' });
        expect(app.requests.map((request) => [request.start.split(' ')[0], header(request, 'transfer-encoding')])).toEqual(
          METHODS.map((method) => [method, undefined]),
        );
      },
    );

    http1Case(
      'http1_content_length_zero_is_preserved',
      () => 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
      async ({ app, at }) => {
        for (const method of METHODS) {
          const answer = await ask(at, `${method} / HTTP/1.1\r\nhost: ${HOST}\r\ncontent-length: 0\r\n\r\n`, { bodyless: method === 'HEAD' });
          expect([method, header(answer, 'content-length')]).toEqual([method, '0']);
        }
        expect(app.requests.map((request) => header(request, 'content-length'))).toEqual(METHODS.map(() => '0'));
      },
    );

    const bodyless = ({ start }: { readonly start: string }): string => {
      const [, status] = /^GET \/(\d+) /.exec(start) ?? [];
      return `HTTP/1.1 ${status ?? '200'} It\r\n\r\n`;
    };
    http1Case('http1_bodyless_responses', bodyless, async ({ at }) => {
      for (const [method, status] of [
        ['HEAD', ''],
        ['GET', '204'],
        ['GET', '304'],
      ]) {
        const answer = await ask(at, `${method} /${status} HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`, { bodyless: true });
        expect(answer.start).toContain(` ${status === '' ? '200' : status} `);
        expect([status, header(answer, 'transfer-encoding')]).toEqual([status, undefined]);
      }
    });

    http1Case(
      'http1_head_responses',
      () => 'HTTP/1.1 200 OK\r\ncontent-length: 55\r\n\r\n',
      async ({ at }) => {
        using wire = wireTo(at);
        wire.write(`HEAD / HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`);
        expect(header(await wire.message({ bodyless: true }), 'content-length')).toBe('55');
        // No byte of a body came in between.
        wire.write(`HEAD / HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`);
        expect((await wire.message({ bodyless: true })).start).toBe('HTTP/1.1 200 OK');
      },
    );

    http1Case(
      'http1_response_end_of_file',
      () => 'HTTP/1.0 200 OK\r\n\r\nbody till eof',
      async ({ at }) => {
        using wire = wireTo(at);
        wire.write(`GET / HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`);
        const answer = await wire.message();
        expect([header(answer, 'transfer-encoding'), header(answer, 'content-length')]).toEqual([undefined, undefined]);
        expect(await wire.rest()).toBe('body till eof');
      },
    );
  });
}
