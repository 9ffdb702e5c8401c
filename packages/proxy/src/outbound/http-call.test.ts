import { createRegistry, DEFAULT_CLASSIFIERS, defaultMetadata, manualClock, memoryLogger, ReasonError, reason, seeded } from '@weft/core';
import { PeakEwma, PenaltyPeakEwma, RowEstimate } from '@weft/core/balance';
import type { Exchange, ExchangeObserver, ForwardFailure, ForwardRules, HttpVersion, RequestHead } from '@weft/http';
import { expect, test } from 'vitest';
import { fakeHttpEndpoint } from '../../test/fake-endpoint.ts';
import { inFlightLimit } from '../relay/in-flight-limit.ts';
import type { HeadEdits } from '../route/filters.ts';
import { Taps } from '../tap/taps.ts';
import { type CallConnection, HttpCall, type HttpCallOptions } from './http-call.ts';
import { Tries } from './tries/tries.ts';

const PENALTY = { penaltyMs: 5_000, maxRetryAfterMs: 300_000 };
const NOTHING: HeadEdits = { request: undefined, response: undefined };
const gone = (): never => {
  throw new Error('it is not used');
};

interface Started {
  readonly penalty?: boolean;
  readonly version?: HttpVersion;
  readonly headers?: string[];
  readonly routeEdits?: HeadEdits;
  readonly backendEdits?: HeadEdits;
}

/** A request on its way to an endpoint whose estimate begins with 30 ms, ten milliseconds after it was sent. */
function started({ penalty = true, version = '1.1', headers = [], routeEdits = NOTHING, backendEdits = NOTHING }: Started = {}) {
  const clock = manualClock();
  const load = new RowEstimate(penalty ? new PenaltyPeakEwma({ defaultRttMs: 30 }) : new PeakEwma({ defaultRttMs: 30 }), 0);
  const request: RequestHead = { method: 'GET', version, form: 'origin', path: '/', scheme: undefined, authority: 'web', headers, upgrade: false };
  const forwards: { readonly rules: ForwardRules; readonly observer: ExchangeObserver }[] = [];
  const exchange: Exchange = {
    request,
    aborted: false,
    forward(_upstream, rules, observer) {
      if (observer) forwards.push({ rules, observer });
    },
    respond: gone,
    reset: gone,
  };
  const limit = inFlightLimit(1);
  limit.enter();
  const metrics = createRegistry({ clock });
  const connection: CallConnection = {
    clock,
    logger: memoryLogger(),
    limit,
    defaultAuthority: 'web',
    tries: new Tries({ clock, random: seeded(1), metrics }),
    taps: new Taps({ port: undefined, clock, metrics }),
    client: undefined,
    refuse: gone,
    breakOff: gone,
    closeAfterResponse: gone,
  };
  const place = { parent: defaultMetadata('svc'), route: defaultMetadata('route') };
  const backend: HttpCallOptions['backend'] = {
    available: true,
    submit: gone,
    penalty: penalty ? PENALTY : undefined,
    authority: 'web:80',
    snapshot: gone,
  };
  new HttpCall({
    connection,
    exchange,
    rule: { ...place, classifiers: DEFAULT_CLASSIFIERS, profile: undefined },
    backend,
    routeEdits,
    backendEdits,
    requiredId: undefined,
  }).start(fakeHttpEndpoint({ clock }), load.dispatch(clock.now()));
  const [forward] = forwards;
  if (!forward) throw new Error('it was not forwarded');
  clock.advance(10);
  const head = (status: number, ...fields: string[]): void => forward.observer.head?.({ version, status, headers: fields });
  /** The estimate, and what is under way. */
  const now = (): readonly [number, number] => [load.peek(clock.now()) / (load.inFlight + 1), load.inFlight];
  return { clock, request, ...forward, head, now };
}

const decayed = (from: number, ms: number): number => from * Math.exp(-ms / 10_000);
const failed = (failure: ForwardFailure) => ({ kind: 'failed', failure }) as const;

test.each<[what: string, status: number, fields: string[], penaltyMs: number]>([
  ['500', 500, [], 5_000],
  ['503 that says for how long', 503, ['retry-after', '60'], 60_000],
  ['a gRPC code in the head', 200, ['content-type', 'application/grpc', 'grpc-status', '14'], 5_000],
])('a failure costs its penalty as soon as the head is there: %s', (_what, status, fields, penaltyMs) => {
  const { clock, observer, head, now } = started();
  head(status, ...fields);
  expect(now()).toEqual([penaltyMs, 0]);
  clock.advance(10);
  observer.data?.(1);
  observer.end({ kind: 'complete' });
  expect(now()).toEqual([expect.closeTo(decayed(penaltyMs, 10), 6), 0]);
});

test('a success is under way until the first frame of its body', () => {
  const { clock, observer, head, now } = started();
  head(200);
  clock.advance(90);
  expect(now()).toEqual([expect.closeTo(decayed(30, 100), 9), 1]);
  observer.data?.(1);
  expect(now()).toEqual([100, 0]);
  clock.advance(100);
  observer.end({ kind: 'complete' });
  expect(now()).toEqual([expect.closeTo(decayed(100, 100), 9), 0]);
});

test.each<[what: string, failure: ForwardFailure]>([
  ['502, it cannot be connected to', { kind: 'connect', error: new ReasonError(reason('CONNECT_REFUSED')) }],
  ['504, nor in time', { kind: 'connect', error: new ReasonError(reason('CONNECT_TIMEOUT')) }],
  ['502, its connection broke', { kind: 'closed', error: new Error('x') }],
  ['502, it makes no sense', { kind: 'protocol', error: new Error('x') }],
])('an answer in place of that of the endpoint costs what it would: %s', (_what, failure) => {
  const plain = started();
  plain.observer.end(failed(failure));
  expect(plain.now()).toEqual([5_000, 0]);
  const grpc = started({ version: '2', headers: ['content-type', 'application/grpc'] });
  grpc.observer.end(failed(failure));
  expect(grpc.now()).toEqual([5_000, 0]);
});

test('a stream that is reset, or left by its client, costs the time that it took', () => {
  const reset = started({ version: '2' });
  reset.clock.advance(90);
  reset.observer.end(failed({ kind: 'reset', code: 2 }));
  const left = started();
  left.clock.advance(90);
  left.observer.end({ kind: 'client-gone' });
  expect([reset.now(), left.now()]).toEqual([
    [100, 0],
    [100, 0],
  ]);
});

test('without penalties a failure costs the time to the first frame of its body', () => {
  const { clock, observer, head, now } = started({ penalty: false });
  head(503, 'retry-after', '60');
  clock.advance(90);
  observer.data?.(1);
  expect(now()).toEqual([100, 0]);
  const broken = started({ penalty: false });
  broken.clock.advance(90);
  broken.observer.end(failed({ kind: 'closed', error: new Error('x') }));
  expect(broken.now()).toEqual([100, 0]);
});

test('requests are edited by the route, then by the backend, responses the other way round', () => {
  const edits = (name: string): HeadEdits => ({
    request: (headers) => void headers.push('x-by', name),
    response: (headers) => void headers.push('x-by', name),
  });
  const { request, rules } = started({ headers: ['x-by', 'client'], routeEdits: edits('route'), backendEdits: edits('backend') });
  expect(request.headers).toEqual(['x-by', 'client', 'x-by', 'route', 'x-by', 'backend']);
  const headers = ['x-by', 'application'];
  rules.response?.({ version: '1.1', status: 200, headers }, request);
  expect(headers).toEqual(['x-by', 'application', 'x-by', 'backend', 'x-by', 'route']);
});
