// Observed exchanges, with the events in place of an observer on the wire.
import { createRegistry, createWatch, manualClock, type TapHttpEvent, type TapSides } from '@weft/core';
import type { ExchangeOutcome, ForwardFailure, LocalResponse, RequestHead } from '@weft/http';
import { describe, expect, test } from 'vitest';
import { MAX_WAITING_EVENTS, TapCells } from './tap-cells.ts';
import type { TapMessage, TapRequest } from './tap-port.ts';
import type { TappableObserver } from './tapped-exchange.ts';
import { Taps } from './taps.ts';

const SIDES: TapSides = {
  direction: 'inbound',
  source: undefined,
  sourceLabels: {},
  destination: { ip: '10.0.0.1', port: 80 },
  destinationLabels: {},
  routeLabels: undefined,
};

const REQUEST: RequestHead = {
  method: 'GET',
  version: '1.1',
  form: 'origin',
  path: '/a?b',
  scheme: undefined,
  authority: undefined,
  headers: ['x-a', '1'],
  upgrade: false,
};

class Scene {
  readonly clock = manualClock();
  readonly messages: TapMessage[] = [];
  readonly requests = createWatch<readonly TapRequest[]>();
  readonly metrics = createRegistry();
  readonly heard: string[] = [];
  answer: LocalResponse | undefined;
  readonly taps = new Taps({
    port: { requests: this.requests.watch, tell: (message) => this.messages.push(message) },
    metrics: this.metrics,
    clock: this.clock,
  });
  readonly inner: TappableObserver = {
    head: ({ status }) => void this.heard.push(`head ${status}`),
    data: (bytes) => void this.heard.push(`data ${bytes}`),
    trailers: () => void this.heard.push('trailers'),
    requestData: (bytes) => void this.heard.push(`request ${bytes}`),
    end: ({ kind }) => void this.heard.push(`end ${kind}`),
    answerTo: () => this.answer,
  };

  tap(options: Partial<TapRequest> = {}): TapCells {
    const cells = new TapCells();
    this.requests.set([{ id: 7, match: { kind: 'all', matches: [] }, limit: 10, headers: false, cells: cells.buffer, ...options }]);
    return cells;
  }

  observe(request: Partial<RequestHead> = {}, carried = false) {
    return this.taps.observe(this.inner, { request: { ...REQUEST, ...request }, sides: SIDES, authority: '10.0.0.1:80', carried });
  }

  get events(): TapHttpEvent[] {
    return this.messages.flatMap(({ event }) => event?.http ?? []);
  }

  get over(): number {
    return this.messages.filter(({ over }) => over).length;
  }
}

describe('a request that nobody wants to see', () => {
  test('is looked at by nothing but a null, and watched by its observer alone', () => {
    const scene = new Scene();
    expect(scene.taps.current).toBeNull();
    scene.tap();
    expect(scene.taps.current).toHaveLength(1);
    scene.requests.set([]);
    expect(scene.taps.current).toBeNull();
    expect(scene.observe()).toBe(scene.inner);
  });

  test('does not count', () => {
    const scene = new Scene();
    const cells = scene.tap({ match: { kind: 'method', value: 'POST' } });
    expect(scene.observe()).toBe(scene.inner);
    expect([cells.taken, scene.messages]).toEqual([0, []]);
  });
});

test('an exchange is told with its times, and its observer hears everything', () => {
  const scene = new Scene();
  scene.tap();
  const observer = scene.observe();
  observer.requestData?.(3);
  scene.clock.advance(5);
  observer.head?.({ status: 200, version: '1.1', headers: ['x-b', '2'] });
  observer.data?.(10);
  scene.clock.advance(7);
  observer.data?.(20);
  observer.end({ kind: 'complete' });
  expect(scene.events).toEqual([
    { kind: 'request', method: 'GET', scheme: 'http', authority: '10.0.0.1:80', path: '/a', headers: undefined },
    { kind: 'response', sinceRequestMs: 5, status: 200, headers: undefined },
    { kind: 'end', sinceRequestMs: 12, sinceResponseMs: 7, bytes: 30, eos: undefined, trailers: undefined },
  ]);
  expect(scene.messages.map(({ id, event, over }) => [id, event?.stream, over])).toEqual([
    [7, 0, false],
    [7, 0, false],
    [7, 0, false],
    [7, undefined, true],
  ]);
  expect(scene.heard).toEqual(['request 3', 'head 200', 'data 10', 'data 20', 'end complete']);
});

test('headers of HTTP/2 begin with pseudo-headers, HTTP/1 that is carried in it is shown as HTTP/1', () => {
  const scene = new Scene();
  scene.tap({ headers: true });
  const native = scene.observe({ version: '2', authority: 'web', scheme: 'https' });
  native.head?.({ status: 204, version: '2', headers: [] });
  const carried = scene.observe({ version: '2', authority: 'web', headers: ['l5d-orig-proto', 'HTTP/1.1', 'x-a', '1'] }, true);
  carried.head?.({ status: 204, version: '2', headers: ['l5d-orig-proto', 'HTTP/1.1', 'x-b', '2'] });
  expect(scene.events.map((event) => (event.kind === 'end' ? event.trailers : event.headers))).toEqual([
    [
      [':method', 'GET'],
      [':scheme', 'https'],
      [':authority', 'web'],
      [':path', '/a?b'],
      ['x-a', '1'],
    ],
    [[':status', '204']],
    [['x-a', '1']],
    [['x-b', '2']],
  ]);
});

describe('the end', () => {
  const ended = (scene: Scene, outcome: ExchangeOutcome, head?: string[], trailers?: string[]) => {
    scene.tap({ headers: true });
    const observer = scene.observe();
    if (head) observer.head?.({ status: 200, version: '1.1', headers: head });
    if (trailers) observer.trailers?.(trailers);
    observer.end(outcome);
    expect(scene.over).toBe(1);
    return scene.events.slice(1);
  };
  const failed = (failure: ForwardFailure): ExchangeOutcome => ({ kind: 'failed', failure });
  const RESET: ForwardFailure = { kind: 'reset', code: 11 };
  const BROKEN: ForwardFailure = { kind: 'closed', error: new Error('gone') };

  test('has the gRPC status of the trailers, or of the head where there are none', () => {
    expect(ended(new Scene(), { kind: 'complete' }, ['grpc-status', '1'], ['grpc-status', '5']).at(-1)).toMatchObject({
      eos: { kind: 'grpc-status', code: 5 },
      trailers: [['grpc-status', '5']],
    });
    expect(ended(new Scene(), { kind: 'complete' }, ['grpc-status', '1']).at(-1)).toMatchObject({ eos: { kind: 'grpc-status', code: 1 }, trailers: undefined });
    expect(ended(new Scene(), { kind: 'complete' }, ['grpc-status', '1'], ['x', 'y']).at(-1)).toMatchObject({ eos: undefined });
  });

  test('has the code of a reset, before a response and after', () => {
    expect(ended(new Scene(), failed(RESET))).toEqual([
      { kind: 'end', sinceRequestMs: 0, sinceResponseMs: undefined, bytes: 0, eos: { kind: 'reset', code: 11 }, trailers: undefined },
    ]);
    expect(ended(new Scene(), failed(RESET), []).at(-1)).toMatchObject({ sinceResponseMs: 0, eos: { kind: 'reset', code: 11 } });
    expect(ended(new Scene(), failed(BROKEN), []).at(-1)).toMatchObject({ eos: undefined });
  });

  test('follows the answer that the proxy gives in place of the endpoint', () => {
    const scene = new Scene();
    scene.answer = { status: 502, headers: ['grpc-status', '14'] };
    expect(ended(scene, failed(BROKEN))).toMatchObject([
      { kind: 'response', status: 502 },
      { kind: 'end', eos: { kind: 'grpc-status', code: 14 } },
    ]);
  });

  test('is not told of a client that left before there was a response', () => {
    expect(ended(new Scene(), { kind: 'client-gone' })).toEqual([]);
    expect(ended(new Scene(), { kind: 'client-gone' }, []).at(-1)).toMatchObject({ kind: 'end' });
  });

  test('of a request that becomes a tunnel is its head, once', () => {
    const scene = new Scene();
    scene.tap();
    const observer = scene.observe();
    observer.head?.({ status: 101, version: '1.1', headers: [] });
    observer.end({ kind: 'tunnel', bytesRead: 1, bytesWritten: 2 });
    expect([scene.events.map(({ kind }) => kind), scene.over]).toEqual([['request', 'response', 'end'], 1]);
  });
});

test('what an observer is too slow for is dropped and counted, and a request whose beginning it cannot take is not told', () => {
  const scene = new Scene();
  const cells = scene.tap();
  const observer = scene.observe();
  while (cells.enter());
  observer.head?.({ status: 200, version: '1.1', headers: [] });
  cells.leave();
  observer.end({ kind: 'complete' });
  expect([scene.events.map(({ kind }) => kind), scene.over]).toEqual([['request', 'end'], 1]);
  expect(scene.observe()).toBe(scene.inner);
  expect([scene.over, cells.taken]).toEqual([2, 2]);
  expect(scene.metrics.render()).toContain('weft_tap_events_dropped_total 2');
  expect(MAX_WAITING_EVENTS).toBe(400);
});

test('nothing is told to an observer that has left', () => {
  const scene = new Scene();
  const cells = scene.tap();
  const observer = scene.observe();
  cells.close();
  observer.head?.({ status: 200, version: '1.1', headers: [] });
  observer.end({ kind: 'complete' });
  expect(scene.events).toHaveLength(1);
});
