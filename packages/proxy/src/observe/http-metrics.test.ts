import { createRegistry, manualClock, parseExposition, type ResponseClass } from '@weft/core';
import { expect, test } from 'vitest';
import { type HttpMeter, httpMetrics } from './http-metrics.ts';

const OK: ResponseClass = { failure: false, rateLimited: false, grpcStatus: undefined, error: undefined };
const FAILED: ResponseClass = { failure: true, rateLimited: false, grpcStatus: undefined, error: undefined };

const clock = manualClock();
const setUp = () => {
  const registry = createRegistry({ clock });
  const metrics = httpMetrics(registry);
  const samples = (name: string, ...labels: string[]): [string, number][] =>
    parseExposition(registry.render())
      .filter((sample) => sample.name === name)
      .map((sample) => [labels.map((label) => sample.labels[label]).join(' '), sample.value]);
  return { registry, metrics, samples };
};

function serve(meter: HttpMeter, status: number, ms: number, as: ResponseClass = OK): void {
  meter.request();
  meter.latency(status, ms);
  meter.response(status, as);
}

test('counts every response, the usual and the others, once each, whenever somebody asks', () => {
  const { metrics, samples } = setUp();
  const meter = metrics.bind({ target: 'a' });
  for (const [status, as] of [
    [200, OK],
    [200, OK],
    [500, FAILED],
    [200, FAILED],
    [404, OK],
  ] as const)
    serve(meter, status, 3, as);
  meter.request();
  meter.response(undefined, FAILED);
  const expected = [
    ['500 failure', 1],
    ['200 failure', 1],
    ['404 success', 1],
    [' failure', 1],
    ['200 success', 2],
  ];
  expect(samples('response_total', 'status_code', 'classification')).toEqual(expected);
  expect(samples('response_total', 'status_code', 'classification')).toEqual(expected);
  expect(samples('request_total', 'target')).toEqual([['a', 6]]);
  // What is usual may change.
  for (let n = 0; n < 3; n++) serve(meter, 500, 3, FAILED);
  serve(meter, 200, 3);
  expect(samples('response_total', 'status_code', 'classification')).toEqual([
    ['500 failure', 4],
    ['200 failure', 1],
    ['404 success', 1],
    [' failure', 1],
    ['200 success', 3],
  ]);
});

test('puts response times into the buckets of their status', () => {
  const { metrics, samples, registry } = setUp();
  const meter = metrics.bind({});
  for (const ms of [0, 1, 1.5, 50_000, 50_001]) serve(meter, 200, ms);
  serve(meter, 503, 7);
  const buckets = samples('response_latency_ms_bucket', 'status_code', 'le');
  expect(buckets.filter(([labels]) => /^200 (1|2|40000|50000|\+Inf)$/.test(labels))).toEqual([
    ['200 1', 2],
    ['200 2', 3],
    ['200 40000', 3],
    ['200 50000', 4],
    ['200 +Inf', 5],
  ]);
  expect(buckets.filter(([labels]) => /^503 (5|10)$/.test(labels))).toEqual([
    ['503 5', 0],
    ['503 10', 1],
  ]);
  expect(registry.render()).toContain('response_latency_ms_sum{status_code="200"} 100003.5');
});

test('counts on when what was tallied since the last scrape is more than 32 bits hold', () => {
  const { metrics, samples } = setUp();
  const meters = [metrics.bind({ n: 0 }), metrics.bind({ n: 1 })];
  // In microseconds: each is most of what a cell holds, and three are more than twice as much.
  const ms = 4_000_000;
  for (let round = 0; round < 3; round++) for (const meter of meters) serve(meter, 200, ms);
  // Rows are moved.
  for (let n = 2; n < 500; n++) serve(metrics.bind({ n }), 200, 1);
  for (const meter of meters) serve(meter, 200, 10 * ms);
  expect(samples('response_latency_ms_sum', 'n').slice(0, 3)).toEqual([
    ['0', 13 * ms],
    ['1', 13 * ms],
    ['2', 1],
  ]);
});

test('keeps the rows of many apart, also of more than it has rows for before somebody asks', () => {
  const { metrics, samples } = setUp();
  const meters = Array.from({ length: 10_000 }, (_, n) => metrics.bind({ n }));
  for (let round = 0; round < 2; round++) for (const [n, meter] of meters.entries()) for (let k = 0; k < 1 + (n % 3); k++) serve(meter, 200 + (n % 5), n % 7);
  expect(samples('response_total', 'n', 'status_code')).toHaveLength(10_000);
  for (const [labels, value] of samples('response_total', 'n', 'status_code')) {
    const [n = 0, status] = labels.split(' ').map(Number);
    expect([n, status, value]).toEqual([n, 200 + (n % 5), 2 * (1 + (n % 3))]);
  }
  for (const [n, sum] of samples('response_latency_ms_sum', 'n')) expect(sum).toBe(2 * (1 + (Number(n) % 3)) * (Number(n) % 7));
});

test('a series that was evicted comes back with all it had, and with what came since', () => {
  const { metrics, samples, registry } = setUp();
  const meter = metrics.bind({});
  serve(meter, 200, 1);
  registry.render();
  registry.evictIdle(1000);
  clock.advance(5000);
  serve(meter, 200, 1);
  registry.evictIdle(1000);
  expect(samples('response_total', 'status_code')).toEqual([['200', 2]]);
});
