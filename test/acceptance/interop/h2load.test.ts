// h2load: thousands of requests, of which none may fail, and each of which both proxies count. spec/proxy.md §4.2, §4.5.
import { describe, expect, test } from 'vitest';
import { Marks } from './marks.ts';
import { findProgram, type Program, printed } from './program.ts';
import { onEveryWay, type Route } from './ways.ts';
import { webOverHttp1, webOverHttp2 } from './web-application.ts';

const apps = { http1: webOverHttp1(new Marks()), http2: webOverHttp2(new Marks()) };

const found = findProgram('h2load', 'nghttp2-client');

describe.skipIf(found.absent)('h2load', () => {
  onEveryWay(apps, (route) => cases(found.run, route));
});

interface Load {
  readonly app: 'http1' | 'http2';
  readonly path: string;
  readonly count: number;
  readonly options: readonly string[];
}

function cases(h2load: Program, route: Route<'http1' | 'http2'>): void {
  /** What h2load says of its requests, and how many successes every proxy on the way counted. */
  async function load({ app, path, count, options }: Load): Promise<object> {
    const counted = (): Promise<readonly number[]> => route.counted(app, 'response_total', { status_code: '200', classification: 'success' });
    const before = await counted();
    const out = await printed(h2load(['-n', String(count), ...options, `http://127.0.0.1:${route.port(app)}${path}`]));
    const after = await counted();
    return {
      requests: /^requests: (.*)$/m.exec(out)?.[1],
      codes: /^status codes: (.*)$/m.exec(out)?.[1],
      bytes: Number(/\((\d+)\) data$/m.exec(out)?.[1]),
      counted: after.map((value, index) => value - (before[index] ?? 0)),
    };
  }
  /** All succeed, for the client and for the proxies. */
  const success = (count: number, size: number): object => ({
    requests: `${count} total, ${count} started, ${count} done, ${count} succeeded, 0 failed, 0 errored, 0 timeout`,
    codes: `${count} 2xx, 0 3xx, 0 4xx, 0 5xx`,
    bytes: count * size,
    counted: route.way === 'a pair of proxies' ? [count, count] : [count],
  });

  test.each<[string, 'http1' | 'http2', number, number, string[]]>([
    ['two thousand requests on kept connections of HTTP/1.1', 'http1', 2_000, 100, ['--h1', '-c', '8']],
    ['a thousand pipelined requests', 'http1', 1_000, 100, ['--h1', '-c', '2', '-m', '10']],
    ['five thousand requests on many streams at a time', 'http2', 5_000, 100, ['-c', '4', '-m', '32']],
    ['five hundred requests on one stream at a time', 'http2', 500, 100, ['-c', '1', '-m', '1']],
    ['large bodies in small windows', 'http2', 60, 500_000, ['-c', '2', '-m', '10', '-w', '16', '-W', '16']],
    ['large bodies over HTTP/1.1', 'http1', 60, 500_000, ['--h1', '-c', '6']],
    ['a connection for each request', 'http1', 200, 10, ['--h1', '-c', '200']],
    ['a session for every two requests', 'http2', 200, 10, ['-c', '100', '-m', '2']],
  ])('%s: all are answered', async (_what, app, count, size, options) => {
    expect(await load({ app, path: `/bytes/${size}`, count, options })).toEqual(success(count, size));
  });
}
