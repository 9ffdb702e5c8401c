import { manualClock } from '@weft/core';
import type { Exchange, RequestHead } from '@weft/http';
import { expect, test } from 'vitest';
import { AccessLog, type AccessLogPort } from './access-log.ts';

const REQUEST: RequestHead = { method: 'GET', version: '1.1', form: 'origin', path: '/a', scheme: undefined, authority: 'web', headers: [], upgrade: false };
const CLIENT = { remote: { ip: '10.0.0.1', port: 5 }, clientId: undefined };

class Scene {
  readonly clock = manualClock({ wall: Date.parse('2026-01-02T03:04:05.678Z') });
  readonly lines: string[] = [];
  readonly log: AccessLog;

  constructor(format: AccessLogPort['format']) {
    this.log = new AccessLog({ format, write: (line) => this.lines.push(line) }, this.clock);
  }

  came(request: Partial<RequestHead> = {}): Exchange {
    // Nothing else of it is looked at.
    const exchange = { request: { ...REQUEST, ...request } } as Exchange;
    this.log.came(exchange, CLIENT);
    return exchange;
  }
}

test('a line is written when the response begins, once', () => {
  const scene = new Scene('apache');
  const exchange = scene.came();
  expect(scene.lines).toEqual([]);
  scene.log.answered(exchange, 200, []);
  scene.log.answered(exchange, 503, []);
  scene.log.over(exchange);
  expect(scene.lines).toEqual(['10.0.0.1:5 - - [2026-01-02T03:04:05.678Z] "GET /a HTTP/1.1" 200\n']);
});

test('a request that ends without a response has no status', () => {
  const [apache, json] = [new Scene('apache'), new Scene('json')];
  for (const scene of [apache, json]) scene.log.over(scene.came());
  expect(apache.lines).toEqual(['10.0.0.1:5 - - [2026-01-02T03:04:05.678Z] "GET /a HTTP/1.1"\n']);
  expect(JSON.parse(json.lines[0] ?? '')).not.toHaveProperty('status');
});

test('time until the response, and until the request was handed on', () => {
  const scene = new Scene('json');
  const exchange = scene.came();
  scene.clock.advance(0.25);
  scene.log.handled(exchange);
  scene.clock.advance(2);
  scene.log.answered(exchange, 200, ['content-length', '7']);
  expect(JSON.parse(scene.lines[0] ?? '')).toMatchObject({ total_ns: '2250000', processing_ns: '250000', response_bytes: '7', status: 200 });
});

test('the headers are those that the client sent, whatever becomes of the request', () => {
  const scene = new Scene('json');
  const exchange = scene.came({ headers: ['x-amzn-trace-id', '3', 'x-request-id', '2', 'host', 'web', 'user-agent', 'me'] });
  exchange.request.headers.length = 0;
  scene.log.answered(exchange, 200, []);
  expect(JSON.parse(scene.lines[0] ?? '')).toMatchObject({ trace_id: '2', host: 'web', user_agent: 'me', request_bytes: '' });
});

test.each<[Partial<RequestHead>, string]>([
  [{}, '/a'],
  [{ form: 'absolute' }, 'http://web/a'],
  [{ version: '2', scheme: 'https' }, 'https://web/a'],
  [{ version: '2', authority: undefined }, '/a'],
  [{ method: 'CONNECT', form: 'authority', path: '', authority: 'web:443' }, 'web:443'],
  [{ path: '/"\n\x7f' }, '/%22%0A%7F'],
])('the target of %j is shown as %s', (request, uri) => {
  const scene = new Scene('apache');
  scene.log.answered(scene.came(request), 200, []);
  expect(scene.lines[0]).toContain(` ${uri} HTTP/`);
});
