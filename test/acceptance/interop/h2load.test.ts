// h2load: thousands of requests, of which none may fail, and each of which both proxies count. spec/proxy.md §4.2, §4.5.
import { expect, test } from 'vitest';
import { Marks } from './marks.ts';
import { describeProgram, type Program, printed } from './program.ts';
import { onEveryWay, type Route } from './ways.ts';
import { webOverHttp1, webOverHttp2 } from './web-application.ts';

const apps = { http1: webOverHttp1(new Marks()), http2: webOverHttp2(new Marks()) };

describeProgram('h2load', 'nghttp2-client', (h2load) => onEveryWay(apps, (route) => cases(h2load, route)));

function cases(h2load: Program, route: Route<'http1' | 'http2'>): void {
  /** All succeed, for the client and in the counters of every proxy on the way. */
  async function load(app: 'http1' | 'http2', path: string, count: number, args: readonly string[]): Promise<string> {
    const counted = (): Promise<readonly number[]> => route.counted(app, 'response_total', { status_code: '200', classification: 'success' });
    const before = await counted();
    const out = await printed(h2load(['-n', String(count), ...args, `http://127.0.0.1:${route.port(app)}${path}`]));
    expect(out).toContain(`requests: ${count} total, ${count} started, ${count} done, ${count} succeeded, 0 failed, 0 errored, 0 timeout`);
    expect(out).toContain(`status codes: ${count} 2xx, 0 3xx, 0 4xx, 0 5xx`);
    const after = await counted();
    expect(after.map((value, index) => value - (before[index] ?? 0))).toEqual(before.map(() => count));
    return out;
  }

  test('two thousand requests over HTTP/1.1, on kept connections', async () => {
    await load('http1', '/bytes/100', 2_000, ['--h1', '-c', '8']);
  });

  test('pipelined requests are answered in order', async () => {
    await load('http1', '/bytes/100', 1_000, ['--h1', '-c', '2', '-m', '10']);
  });

  test('five thousand requests over HTTP/2, of many streams at a time', async () => {
    await load('http2', '/bytes/100', 5_000, ['-c', '4', '-m', '32']);
  });

  test('one stream at a time, over HTTP/2', async () => {
    await load('http2', '/bytes/100', 500, ['-c', '1', '-m', '1']);
  });

  test('large bodies in small windows', async () => {
    expect(await load('http2', '/bytes/500000', 60, ['-c', '2', '-m', '10', '-w', '16', '-W', '16'])).toContain('(30000000) data');
    expect(await load('http1', '/bytes/500000', 60, ['--h1', '-c', '6'])).toContain('(30000000) data');
  });

  test('connections that come and go', async () => {
    await load('http1', '/bytes/10', 200, ['--h1', '-c', '200']);
    await load('http2', '/bytes/10', 200, ['-c', '100', '-m', '2']);
  });
}
