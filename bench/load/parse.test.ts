import { expect, test } from 'vitest';
import { parseH2load } from './h2load.ts';
import { percentile } from './percentile.ts';
import { parseWrk } from './wrk.ts';

const H2LOAD = (requests: string, codes: string): string => `starting benchmark...
finished in 2.01s, 1990.05 req/s, 1.20MB/s
requests: ${requests}
status codes: ${codes}
traffic: 2.40MB (2516582) total`;
const LOG = ['1\t200\t1000', '2\t200\t3000', '3\t503\t9000', '4\t200\t2000', ''].join('\n');

test('of h2load, what did not succeed is an error and has no part in the percentiles', () => {
  const text = H2LOAD('10 total, 8 started, 5 done, 3 succeeded, 2 failed, 1 errored, 0 timeout', '3 2xx, 0 3xx, 0 4xx, 1 5xx');
  expect(parseH2load(text, LOG)).toEqual({ requests: 3, errors: 2, seconds: 2.01, p50Ms: 2, p99Ms: 3 });
});

test('an HTTP/1 status line without a reason, which h2load cannot read, is a success', () => {
  const text = H2LOAD('4 total, 4 started, 4 done, 0 succeeded, 4 failed, 1 errored, 0 timeout', '0 2xx, 0 3xx, 0 4xx, 1 5xx');
  expect(parseH2load(text, '1\t0\t1000\n2\t0\t3000\n')).toMatchObject({ requests: 2, errors: 2, p50Ms: 3 });
});

test('what h2load did not say is not a number', () => {
  expect(parseH2load('', '')).toMatchObject({ requests: Number.NaN, seconds: Number.NaN, p50Ms: Number.NaN });
});

test('of wrk, times come in any unit, and refused requests and broken sockets are errors', () => {
  const text = `Running 1s test @ http://127.0.0.1:1/
  Latency Distribution
     50%  850.00us
     75%    1.10ms
     90%    1.90ms
     99%    1.20s
  30000 requests in 1.01s, 3.60MB read
  Socket errors: connect 1, read 2, write 0, timeout 3
  Non-2xx or 3xx responses: 10
Requests/sec:  29702.97`;
  expect(parseWrk(text)).toEqual({ requests: 29_990, errors: 16, seconds: 1.01, p50Ms: 0.85, p99Ms: 1200 });
});

test('a percentile of few values is one of them, of none not a number', () => {
  expect([percentile([1, 2, 3, 4], 0.5), percentile([1, 2, 3, 4], 0.99), percentile([7], 0), percentile([], 0.5)]).toEqual([3, 4, 7, Number.NaN]);
});
