import { PassThrough } from 'node:stream';
import { createRegistry, manualClock, memoryLogger } from '@weft/core';
import { expect, test } from 'vitest';
import { detectMetrics } from '../observe/detect-metrics.ts';
import { detectProtocol } from './detect.ts';

function setup() {
  const clock = manualClock();
  const registry = createRegistry({ clock });
  const logger = memoryLogger();
  const stream = new PassThrough();
  const detected = detectProtocol(stream, {
    direction: 'inbound',
    timeoutMs: 1_000,
    clock,
    metrics: detectMetrics(registry, logger),
    server: { srv_kind: 'default', srv_name: 'all', srv_port: 80 },
    fields: { target: '10.0.0.1:80' },
    race: undefined,
  });
  return { clock, registry, logger, stream, detected };
}

test.each([
  ['GET / HTTP/1.1\r\n', 'http/1', 'DETECTED_HTTP1', 'http/1'],
  ['GET /something-long', 'http/1', 'DETECTED_HTTP1', 'http/1'],
  ['PRI * HTTP/2.0\r\n\r\ngarbage', 'http/2', 'DETECTED_HTTP2', 'http/2'],
  ['GET / HTTP/1.', 'opaque', 'DETECTED_SHORT', 'not_http'],
  ['\x01\x02 no protocol that we know', 'opaque', 'DETECTED_OPAQUE', 'not_http'],
])('takes %j for %s and says why', async (bytes, protocol, code, result) => {
  const { registry, logger, stream, detected } = setup();
  stream.write(bytes);
  expect(await detected).toMatchObject({ protocol, why: { code } });
  expect(String(stream.read())).toBe(bytes);
  const text = registry.render();
  expect(text).toContain(`inbound_tcp_detect_http_results_total{result="${result}",srv_kind="default",srv_name="all",srv_port="80"} 1`);
  expect(text).toContain('inbound_tcp_detect_http_duration_seconds_bucket{srv_kind="default",srv_name="all",srv_port="80",le="0.001"} 1');
  expect(text).toContain(`weft_detect_verdicts_total{direction="inbound",reason="${code}"} 1`);
  expect(logger.records.map(({ fields }) => fields)).toMatchObject([{ direction: 'inbound', reason: code, target: '10.0.0.1:80', ms: 0 }]);
});

test('takes a silent client for opaque when the time is over', async () => {
  const { clock, registry, detected } = setup();
  clock.advance(1_000);
  expect(await detected).toMatchObject({ protocol: 'opaque', why: { code: 'DETECT_TIMEOUT' } });
  const text = registry.render();
  expect(text).toContain('inbound_tcp_detect_http_results_total{result="read_timeout"');
  expect(text).toMatch(/inbound_tcp_detect_http_duration_seconds_sum\{.*\} 1\n/);
});

test('fails when the client ends before it said anything', async () => {
  const { registry, stream, detected } = setup();
  stream.end();
  await expect(detected).rejects.toMatchObject({ reason: { code: 'DETECT_CLOSED' } });
  expect(registry.render()).toContain('inbound_tcp_detect_http_results_total{result="error"');
});
