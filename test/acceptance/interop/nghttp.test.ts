// nghttp: many streams of one connection, priorities, padding, CONTINUATION, small and large windows, small header tables, trailers.
// spec/proxy.md §4.5.
import { describe, expect, test } from 'vitest';
import { Marks } from './marks.ts';
import { payload, sha256 } from './payload.ts';
import { findProgram, type Program, printed } from './program.ts';
import { onEveryWay, type Route } from './ways.ts';
import { type Seen, webOverHttp2 } from './web-application.ts';

const MIB = 1024 * 1024;

const found = findProgram('nghttp', 'nghttp2-client');

describe.skipIf(found.absent)('nghttp', () => {
  onEveryWay({ http2: webOverHttp2(new Marks()) }, (route) => cases(found.run, route));
});

function cases(nghttp: Program, route: Route<'http2'>): void {
  const url = (path: string): string => `http://127.0.0.1:${route.port('http2')}${path}`;
  /** The lines of its statistics: stream by stream, status and path. */
  const statistics = async (args: readonly string[]): Promise<readonly string[]> =>
    [...(await printed(nghttp(['-ns', ...args]))).matchAll(/^ *\d+ .* (\d{3}) +\S+ (\/.*)$/gm)].map(([, status = '', path = '']) => `${status} ${path}`);
  const seen = async (args: readonly string[], input?: Uint8Array): Promise<Seen> => JSON.parse(await printed(nghttp(args, input))) as Seen;

  test('a request reaches the application as it was written', async () => {
    const answer = await seen(['-H', 'x-own: 1', '-H', 'cookie: a=b', url('/seen?a=b')]);
    expect(answer).toMatchObject({ version: '2.0', method: 'GET', path: '/seen?a=b', length: 0 });
    expect(answer.headers).toMatchObject({ ':authority': route.authority('http2'), ':scheme': 'http', 'x-own': '1', cookie: 'a=b' });
  });

  test('a hundred streams at a time are all answered', async () => {
    expect(await statistics(['-m', '100', url('/bytes/1000')])).toEqual(Array.from({ length: 100 }, () => '200 /bytes/1000'));
  });

  test('streams of several weights and sizes are all answered', async () => {
    const paths = ['/bytes/1', '/bytes/300000', '/streamed/200000', '/status/204', '/status/404', '/hinted'];
    const answered = await statistics(['-p', '1', '-p', '256', '-p', '16', ...paths.map(url)]);
    expect([...answered].sort()).toEqual(['200 /bytes/1', '200 /bytes/300000', '200 /hinted', '200 /streamed/200000', '204 /status/204', '404 /status/404']);
  });

  test.each([
    ['1', '16', 200],
    ['8', '16', 100_000],
    ['16', '16', 4 * MIB],
    ['30', '30', 16 * MIB],
  ])('windows of 2^%s and 2^%s octets get the whole body', async (stream, connection, size) => {
    const { code, stdout } = await nghttp(['-w', stream, '-W', connection, url(`/bytes/${size}`)]);
    expect([code, sha256(stdout)]).toEqual([0, sha256(payload(size))]);
  });

  test('a big upload arrives whole, also without a length', async () => {
    const body = payload(4 * MIB);
    const whole = { method: 'POST', length: body.length, sha256: sha256(body) };
    expect(await seen(['-d', '-', url('/seen')], body)).toMatchObject(whole);
    const without = await seen(['--no-content-length', '-d', '-', url('/seen')], body);
    expect(without).toMatchObject(whole);
    expect(without.headers['content-length']).toBeUndefined();
  });

  test('trailers of the request arrive, and those of the response come back', async () => {
    const sent = await seen(['--trailer', 'x-sent: yes', '-d', '-', url('/seen')], payload(100));
    expect(sent.trailers).toEqual({ 'x-sent': 'yes' });
    const out = await printed(nghttp(['-nv', '--trailer', 'x-sent: yes', '-d', '-', url('/echo')], payload(100)));
    expect(out).toMatch(/recv \(stream_id=\d+\) x-echo: yes/);
    expect(await printed(nghttp(['-nv', url('/streamed/100000')]))).toContain(`x-sha256: ${sha256(payload(100_000))}`);
  });

  test('an informational response comes before the answer', async () => {
    const out = await printed(nghttp(['-v', url('/hinted')]));
    expect(out).toMatch(/:status: 103[^]*link: <\/style\.css>; rel=preload[^]*:status: 200[^]*hinted/);
  });

  test('a body waits for 100 where the client asks so', async () => {
    const out = await printed(nghttp(['-nv', '--expect-continue', '-d', '-', url('/seen')], payload(1000)));
    expect(out).toMatch(/:status: 100[^]*send DATA frame[^]*:status: 200/);
  });

  test.each([
    ['padded frames', ['-b', '200']],
    ['CONTINUATION', ['--continuation']],
    ['no header table', ['-c', '0']],
    ['a header table that is nothing for a moment', ['-c', '0', '-c', '65536']],
    ['no header table of its own', ['--encoder-header-table-size=0']],
    ['no priorities', ['--no-dep']],
  ])('%s: understood', async (_what, options) => {
    expect(await statistics([...options, '-m', '10', url('/bytes/5000')])).toEqual(Array.from({ length: 10 }, () => '200 /bytes/5000'));
  });

  test('padding of an upload is not part of the body', async () => {
    const body = payload(300_000);
    expect(await seen(['-b', '255', '-d', '-', url('/seen')], body)).toMatchObject({ length: body.length, sha256: sha256(body) });
  });
}
