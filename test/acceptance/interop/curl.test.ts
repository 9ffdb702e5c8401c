// curl: HTTP/1.0, HTTP/1.1 and HTTP/2 with prior knowledge, kept connections, uploads and downloads, tunnels. spec/proxy.md §4.2, §4.3.
import { describe, expect, test } from 'vitest';
import { Marks } from './marks.ts';
import { payload, sha256 } from './payload.ts';
import { findProgram, type Program, printed } from './program.ts';
import { onEveryWay, type Route } from './ways.ts';
import { type Seen, webOverHttp1, webOverHttp2 } from './web-application.ts';

const marks = new Marks();
const MIB = 1024 * 1024;

const found = findProgram('curl', 'curl');

describe.skipIf(found.absent)('curl', () => {
  onEveryWay({ http1: webOverHttp1(marks), http2: webOverHttp2(marks) }, (route) => cases(found.run, route));
});

function cases(program: Program, route: Route<'http1' | 'http2'>): void {
  /** Without personal settings; errors are said, progress is not. */
  const curl: Program = (args, input) => program(['-q', '-sS', ...args], input);
  const seen = async (args: readonly string[], input?: Uint8Array): Promise<Seen> => JSON.parse(await printed(curl(args, input))) as Seen;
  const url = (path: string, app: 'http1' | 'http2' = 'http1'): string => `http://127.0.0.1:${route.port(app)}${path}`;

  test('a GET reaches the application as it was written', async () => {
    const answer = await seen(['-A', 'curl of the test', '-H', 'X-Own: 1', url('/seen?a=b&c=%20d')]);
    expect(answer).toMatchObject({ version: '1.1', method: 'GET', path: '/seen?a=b&c=%20d', length: 0 });
    expect(answer.headers).toMatchObject({ host: route.authority('http1'), 'user-agent': 'curl of the test', 'x-own': '1', accept: '*/*' });
    expect(answer.headers).not.toHaveProperty('transfer-encoding');
    expect(answer.headers).not.toHaveProperty('l5d-orig-proto');
  });

  test('transfers that follow each other use one connection', async () => {
    const said = '%{http_version} %{response_code} %{num_connects} %{size_download}\n';
    const urls = ['/bytes/10', '/streamed/100', '/status/204', '/status/304', '/bytes/1000'].flatMap((path) => ['-o', '/dev/null', url(path)]);
    expect((await printed(curl(['-w', said, ...urls]))).split('\n')).toEqual([
      '1.1 200 1 10',
      '1.1 200 0 100',
      '1.1 204 0 0',
      '1.1 304 0 0',
      '1.1 200 0 1000',
      '',
    ]);
  });

  test('an upload that expects 100 is continued, at once', async () => {
    const body = payload(2 * MIB);
    const ran = await curl(['-v', '-H', 'Expect: 100-continue', '--expect100-timeout', '60', '--data-binary', '@-', url('/seen')], body);
    expect(ran.stderr).toContain('< HTTP/1.1 100 Continue');
    expect(JSON.parse(ran.stdout.toString())).toMatchObject({ method: 'POST', length: body.length, sha256: sha256(body) });
  });

  test('an upload that expects 100 and is refused is not sent', async () => {
    const said = '%{response_code} %{size_upload}';
    const args = ['-H', 'Expect: 100-continue', '--expect100-timeout', '60', '--data-binary', '@-', '-o', '/dev/null', '-w', said, url('/refused')];
    expect(await printed(curl(args, payload(2 * MIB)))).toBe('413 0');
  });

  test('an upload in chunks arrives whole, still in chunks', async () => {
    const body = payload(3 * MIB);
    const answer = await seen(['-X', 'POST', '-H', 'Transfer-Encoding: chunked', '-H', 'Expect:', '-T', '-', url('/seen')], body);
    expect(answer).toMatchObject({ method: 'POST', length: body.length, sha256: sha256(body) });
    expect(answer.headers['transfer-encoding']).toBe('chunked');
    expect(answer.headers['content-length']).toBeUndefined();
  });

  test('an upload with a length keeps it', async () => {
    const body = payload(100_000);
    const answer = await seen(['-X', 'PUT', '-H', 'Expect:', '--data-binary', '@-', url('/seen')], body);
    expect(answer).toMatchObject({ method: 'PUT', length: body.length, sha256: sha256(body) });
    expect(answer.headers['content-length']).toBe('100000');
    expect(answer.headers['transfer-encoding']).toBeUndefined();
  });

  test('HEAD tells the length and leaves the connection usable', async () => {
    const said = '%{response_code} %{num_connects} %{size_download}\n';
    const out = await printed(curl(['-w', said, '-I', url('/bytes/12345'), url('/bytes/678')]));
    expect(out.match(/content-length: \d+/gi)?.map((line) => line.toLowerCase())).toEqual(['content-length: 12345', 'content-length: 678']);
    expect(out.match(/^200 .*/gm)).toEqual(['200 1 0', '200 0 0']);
  });

  test('a big download arrives whole', async () => {
    const { stdout, code } = await curl([url(`/bytes/${16 * MIB}`)]);
    expect(code).toBe(0);
    expect(sha256(stdout)).toBe(sha256(payload(16 * MIB)));
  });

  test('a download without a length arrives whole', async () => {
    expect(sha256((await curl([url(`/streamed/${4 * MIB}`)])).stdout)).toBe(sha256(payload(4 * MIB)));
  });

  test('a download that the application cuts off is an error, not the end of it', async () => {
    const { code, stdout } = await curl([url('/cut')]);
    // Transfer closed with outstanding data, or reset.
    expect([18, 56]).toContain(code);
    expect(stdout.length).toBeLessThan(20_000);
  });

  test('HTTP/1.0 is answered, and the connection closed after it', async () => {
    const out = await printed(curl(['-0', '-i', url('/bytes/100'), url('/bytes/50')]));
    expect(out.match(/HTTP\/1\.[01] 200 /g)).toHaveLength(2);
    expect(out).not.toMatch(/^transfer-encoding/im);
    const body = payload(50_000);
    const answer = await seen(['-0', '--data-binary', '@-', url('/seen')], body);
    expect(answer).toMatchObject({ method: 'POST', length: body.length, sha256: sha256(body) });
  });

  test('HTTP/1.0 gets a body without a length', async () => {
    const { code, stdout } = await curl(['-0', url('/streamed/300000')]);
    expect(code).toBe(0);
    expect(sha256(stdout)).toBe(sha256(payload(300_000)));
  });

  test('an offer of h2c is answered in HTTP/1.1', async () => {
    const said = '%{http_version} %{response_code}';
    const answer = await printed(curl(['--http2', '-w', said, url('/seen')]));
    expect(answer).toMatch(/1\.1 200$/);
    const { headers } = JSON.parse(answer.slice(0, answer.lastIndexOf('}') + 1)) as Seen;
    expect(headers).not.toHaveProperty('upgrade');
    expect(headers).not.toHaveProperty('http2-settings');
  });

  // One transfer per run: curl 7.88 cannot use a connection again that it opened with prior knowledge, also without a proxy.
  test('HTTP/2 with prior knowledge carries requests, uploads and downloads', async () => {
    const answer = await seen(['--http2-prior-knowledge', '-H', 'X-Own: 1', url('/seen?a=b', 'http2')]);
    expect(answer).toMatchObject({ version: '2.0', method: 'GET', path: '/seen?a=b', headers: { ':authority': route.authority('http2'), 'x-own': '1' } });
    const body = payload(3 * MIB);
    expect(await seen(['--http2-prior-knowledge', '--data-binary', '@-', url('/seen', 'http2')], body)).toMatchObject({
      method: 'POST',
      length: body.length,
      sha256: sha256(body),
    });
    expect(sha256((await curl(['--http2-prior-knowledge', url(`/bytes/${16 * MIB}`, 'http2')])).stdout)).toBe(sha256(payload(16 * MIB)));
  });

  test('a tunnel through CONNECT carries requests to the other side', async () => {
    const proxy = `http://127.0.0.1:${route.port('http1')}`;
    const answer = await seen(['--proxy', proxy, '--proxytunnel', 'http://somewhere.test/seen/inside']);
    expect(answer).toMatchObject({ path: '/seen/inside', headers: { host: 'somewhere.test' } });
  });

  test('a client that gives up in the middle is gone for the application, too', async () => {
    const mark = `curl ${route.way}`.replaceAll(' ', '-');
    const { code } = await curl(['--max-time', '0.3', '-N', url(`/forever/${mark}`)]);
    expect(code).toBe(28);
    expect(await marks.marked(mark)).toBe(mark);
  });
}
