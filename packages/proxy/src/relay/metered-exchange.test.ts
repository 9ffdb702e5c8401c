import { type Clock, createRegistry, DEFAULT_CLASSIFIERS, manualClock, type ResponseClass, type ResponseClassifier, TIMED_OUT } from '@weft/core';
import type { ExchangeOutcome, ForwardFailure, LocalResponse } from '@weft/http';
import { expect, test } from 'vitest';
import { httpMetrics } from '../observe/http-metrics.ts';
import { MeteredExchange } from './metered-exchange.ts';

const registry = createRegistry({ clock: manualClock() });

class Watched extends MeteredExchange {
  readonly classes: (ResponseClass | undefined)[] = [];
  /** When the response was taken to have come. */
  readonly samples: number[] = [];
  readonly #answer: LocalResponse | undefined;

  constructor(name: string, classifier: ResponseClassifier, answer?: LocalResponse, clock: Clock = manualClock()) {
    super(clock);
    this.#answer = answer;
    this.begin(httpMetrics(registry).bind({ name }), classifier);
  }

  giveUp(as: ResponseClass): void {
    this.givenUp = as;
  }

  override answerTo(_failure: ForwardFailure): LocalResponse | undefined {
    return this.#answer;
  }
  protected override onHead(): void {}
  protected override onAnswer(): void {}
  protected override onSample(now: number): void {
    this.samples.push(now);
  }
  protected override onEnd(): void {}
  protected override onClass(one: ResponseClass | undefined): void {
    this.classes.push(one);
  }
}

const { http, grpc } = DEFAULT_CLASSIFIERS;
const BROKEN: ExchangeOutcome = { kind: 'failed', failure: { kind: 'closed', error: new Error('x') } };
const RESET: ExchangeOutcome = { kind: 'failed', failure: { kind: 'reset', code: 11 } };
const head = (status: number, ...headers: string[]) => ({ version: '2' as const, status, headers });

/** What `response_total` shows of it, and what the breaker is told. */
function shown(name: string, exchange: Watched): [string[], (boolean | undefined)[]] {
  const lines = registry
    .render()
    .split('\n')
    .filter((line) => line.startsWith('response_total{') && line.includes(`name="${name}"`))
    .map((line) => line.replace(`name="${name}",`, ''));
  return [lines, exchange.classes.map((one) => one?.failure)];
}

test('a gRPC response is judged by its trailers', () => {
  const exchange = new Watched('trailers', grpc);
  exchange.head(head(200));
  exchange.data(5);
  exchange.trailers(['grpc-status', '13']);
  exchange.end({ kind: 'complete' });
  expect(shown('trailers', exchange)).toEqual([['response_total{status_code="200",classification="failure",grpc_status="13"} 1'], [true]]);
});

test('a client that leaves before the head leaves no response behind, one that leaves later no failure', () => {
  const early = new Watched('early', http);
  early.end({ kind: 'client-gone', code: 8 });
  expect(shown('early', early)).toEqual([[], [undefined]]);
  const late = new Watched('late', grpc);
  late.head(head(200));
  late.end({ kind: 'client-gone' });
  expect(shown('late', late)).toEqual([['response_total{status_code="200",classification="success",grpc_status="2"} 1'], [false]]);
});

test('an answer in place of a response is judged like one', () => {
  const plain = new Watched('answered', http, { status: 502, headers: [] });
  plain.end(BROKEN);
  expect(shown('answered', plain)).toEqual([['response_total{status_code="502",classification="failure"} 1'], [true]]);
  const rpc = new Watched('answered-rpc', grpc, { status: 200, headers: ['grpc-status', '14'] });
  rpc.end(BROKEN);
  expect(shown('answered-rpc', rpc)).toEqual([['response_total{status_code="200",classification="failure",grpc_status="14"} 1'], [true]]);
});

test('a stream that is reset shows its code, a response cut short that it is', () => {
  const reset = new Watched('reset', http);
  reset.end(RESET);
  expect(shown('reset', reset)).toEqual([['response_total{classification="failure",error="h2(ENHANCE_YOUR_CALM)"} 1'], [true]]);
  const cut = new Watched('cut', http, { status: 502, headers: [] });
  cut.head(head(200));
  cut.end(BROKEN);
  expect(shown('cut', cut)).toEqual([['response_total{status_code="200",classification="failure",error="unclassified"} 1'], [true]]);
});

test('what was given up counts as what it was given up for', () => {
  const exchange = new Watched('late-answer', http);
  exchange.giveUp(TIMED_OUT);
  exchange.end({ kind: 'client-gone' });
  expect(shown('late-answer', exchange)).toEqual([['response_total{classification="failure",error="timeout"} 1'], [true]]);
});

test('the first frame of the body is the sample, data or trailers, or the end where there is none: the head is not', () => {
  const clock = manualClock();
  const started = (): Watched => new Watched('sampled', http, { status: 502, headers: [] }, clock);
  const [body, rpc, empty, refused, gone] = [started(), started(), started(), started(), started()];
  clock.advance(10);
  for (const exchange of [body, rpc, empty]) exchange.head(head(200));
  clock.advance(20);
  expect([body.samples, rpc.samples, empty.samples]).toEqual([[], [], []]);
  body.data(1);
  rpc.trailers(['grpc-status', '0']);
  empty.end({ kind: 'complete' });
  refused.end(BROKEN);
  gone.end({ kind: 'client-gone' });
  clock.advance(30);
  body.data(1);
  for (const exchange of [body, rpc]) exchange.end({ kind: 'complete' });
  expect([body, rpc, empty, refused, gone].map(({ samples }) => samples)).toEqual([[30], [30], [30], [30], [30]]);
  expect(registry.render()).toContain('response_latency_ms_sum{name="sampled",status_code="200"} 90');
});

test('an upgraded connection is its own sample at its head', () => {
  const clock = manualClock();
  const exchange = new Watched('upgraded', http, undefined, clock);
  clock.advance(10);
  exchange.head(head(101));
  clock.advance(10);
  exchange.end({ kind: 'tunnel', bytesRead: 1, bytesWritten: 1 });
  expect(exchange.samples).toEqual([10]);
});

test('an upgraded connection counts when it begins, once', () => {
  const exchange = new Watched('upgrade', http);
  exchange.head(head(101));
  exchange.end({ kind: 'tunnel', bytesRead: 1, bytesWritten: 1 });
  expect(shown('upgrade', exchange)).toEqual([['response_total{status_code="101",classification="success"} 1'], [false]]);
});
