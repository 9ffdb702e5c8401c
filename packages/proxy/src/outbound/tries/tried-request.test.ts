import {
  createRegistry,
  DEFAULT_CLASSIFIERS,
  defaultMetadata,
  type Endpoint,
  manualClock,
  type ReasonCode,
  reason,
  seeded,
  silentLogger,
  type Timeouts,
} from '@weft/core';
import { ANYTHING } from '@weft/core/route';
import type { Exchange, ExchangeObserver, FieldList, ForwardRules, RequestHead, ResponseHead, Upstream } from '@weft/http';
import { beforeEach, expect, test } from 'vitest';
import { HttpEndpoint, type HttpEndpointSettings } from '../../connect/http-endpoint.ts';
import { httpMetrics } from '../../observe/http-metrics.ts';
import type { FilterPlan } from '../../route/filters.ts';
import type { HttpRulePlan } from '../../route/http-plan.ts';
import type { CallConnection } from '../http-call.ts';
import type { HttpBackend } from '../pool-backend.ts';
import { PolicyRetries } from './retries.ts';
import { retryMetrics } from './retry-metrics.ts';
import { TriedRequest } from './tried-request.ts';
import { Tries } from './tries.ts';

interface Forward {
  readonly rules: ForwardRules;
  readonly observer: ExchangeObserver | null;
  readonly authority: string | undefined;
  readonly headers: FieldList;
}

/** Of a client in HTTP/1.0 that names no host. Where it is forwarded to is told by the test. */
class ScriptedExchange implements Exchange {
  readonly request: RequestHead = {
    method: 'GET',
    version: '1.0',
    form: 'origin',
    path: '/',
    scheme: undefined,
    authority: undefined,
    headers: ['x-own', '1'],
    upgrade: false,
  };
  aborted = false;
  repeatable = true;
  readonly forwards: Forward[] = [];

  forward(_upstream: Upstream, rules: ForwardRules, observer: ExchangeObserver | null): void {
    const { authority, headers } = this.request;
    this.forwards.push({ rules, observer, authority, headers: headers.slice() });
    observer?.requestEnd?.();
  }
  /** The last forward ends without an answer. */
  fails(): void {
    const { rules, observer } = this.last;
    const failure = { kind: 'closed' as const, error: new Error('gone') };
    observer?.end({ kind: 'failed', failure });
    rules.failed(this, failure);
  }
  get last(): Forward {
    const last = this.forwards.at(-1);
    if (!last) throw new Error('it was not forwarded');
    return last;
  }
  abandon(): void {
    this.last.observer?.end({ kind: 'abandoned' });
  }
  respond(): void {}
  reset(): void {}
}

const META = defaultMetadata('test');
const NO_FILTERS: FilterPlan = { request: undefined, response: undefined, intercept: undefined };
const added: FilterPlan = { ...NO_FILTERS, request: (headers) => void headers.push('x-added', 'by a filter') };
const head = (status: number): ResponseHead => ({ status, version: '1.1', headers: [] });

let clock: ReturnType<typeof manualClock>;
let exchange: ScriptedExchange;
/** What the client was told in place of an answer. */
let told: ReasonCode[];
let released: number;
/** Times that a backend was looked for, beyond the first. */
let chosen: number;

beforeEach(() => {
  clock = manualClock();
  exchange = new ScriptedExchange();
  told = [];
  released = 0;
  chosen = 0;
});

interface Case {
  /** Of the endpoints that tries go to, in turn. Default: in plaintext. */
  readonly hints?: readonly Endpoint['hint'][];
  readonly submit?: HttpBackend['submit'];
  readonly route?: FilterPlan;
  readonly backend?: FilterPlan;
  readonly timeouts?: Timeouts;
  readonly maxRetries?: number;
}

/** A request on its way, whose 5xx are tried again. */
function start({ hints = [], submit, route = NO_FILTERS, backend: filters = NO_FILTERS, timeouts = {}, maxRetries = 2 }: Case): TriedRequest {
  const registry = createRegistry();
  const random = seeded(1);
  const endpoints = hints.map((hint) => endpoint(hint));
  const dispatch = { complete: () => undefined, penalize: () => undefined };
  const backend: HttpBackend = {
    available: true,
    authority: 'web:80',
    submit: submit ?? ((waiter) => waiter.start(endpoints.shift() ?? endpoint('none'), dispatch)),
    snapshot: () => ({ name: 'web:80', available: true, gate: 'open', why: undefined, refusal: undefined, waiting: 0, endpoints: [] }),
  };
  const choice = { backend, filters };
  const distribute = Object.assign(() => (chosen++, choice), { choices: [choice] });
  const rule: HttpRulePlan<HttpBackend> = {
    parent: META,
    route: META,
    grpc: false,
    classifiers: DEFAULT_CLASSIFIERS,
    filters: route,
    distribute,
    timeouts,
    retry: undefined,
    allowL5dHeaders: false,
    profile: undefined,
  };
  const policy = { maxRetries, maxBodyBytes: 10, statuses: [{ start: 500, end: 599 }], codes: undefined, timeoutMs: undefined, backoff: undefined };
  const retries = new PolicyRetries(policy, retryMetrics(registry).policy('http', META, META), random);
  const connection = {
    clock,
    logger: silentLogger,
    limit: { max: 1, enter: () => true, release: () => void (released += 1) },
    defaultAuthority: 'default:80',
    tries: new Tries({ clock, random, metrics: registry }),
    taps: { current: null },
    refuse: (_exchange: Exchange, why: { readonly code: ReasonCode }) => void told.push(why.code),
    breakOff: () => void told.push('RESPONSE_TIMEOUT'),
  } as unknown as CallConnection;
  const request = new TriedRequest({
    connection,
    exchange,
    routed: { ...exchange.request, authority: 'routed:80' },
    selected: { rule, match: ANYTHING },
    routeEdits: route,
    requiredId: undefined,
    tries: { timeouts, retries },
  });
  request.start(choice);
  return request;
}

function endpoint(hint: Endpoint['hint']): HttpEndpoint {
  const settings = {
    engine: { upstream: () => ({ version: 'http/1' }) },
    dialer: { isLocal: () => false },
    metrics: httpMetrics(createRegistry()),
    clock,
    random: seeded(1),
  } as unknown as HttpEndpointSettings;
  return new HttpEndpoint(settings, {
    endpoint: { address: { ip: '10.0.0.1', port: 80 }, weight: 1, labels: {}, hint } as Endpoint,
    protocol: 'http/1',
    balanced: true,
    labels: {},
    onConnected: () => undefined,
    onFailed: () => undefined,
    breaker: undefined,
    changed: () => undefined,
    closed: () => undefined,
  });
}

/** Another try begins in a turn of its own. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('each try begins with the head that the client sent', async () => {
  start({ hints: ['h2', 'none', 'none'], route: added, backend: added });
  exchange.fails();
  await turn();
  exchange.fails();
  await turn();
  const headers = ['x-own', '1', 'x-added', 'by a filter', 'x-added', 'by a filter'];
  expect(exchange.forwards.map((one) => one.headers)).toEqual([headers, headers, headers]);
  // Only the peer proxy was to be told whom it is for.
  expect(exchange.forwards.map((one) => one.authority)).toEqual(['web:80', undefined, undefined]);
});

test.each(['route', 'backend'] as const)('filters of the %s are asked again for each try, and may answer in its place', async (whose) => {
  let asked = 0;
  // The first try has passed its filters already.
  const authorities: unknown[] = [];
  const intercept: FilterPlan['intercept'] = ({ authority }) => {
    authorities.push(authority);
    return ++asked === 2 ? reason('FAILURE_INJECTED', 'a filter') : undefined;
  };
  start({ [whose]: { ...NO_FILTERS, intercept } });
  exchange.fails();
  await turn();
  expect([exchange.forwards.length, told]).toEqual([2, []]);
  exchange.fails();
  await turn();
  expect([exchange.forwards.length, told, released]).toEqual([2, ['FAILURE_INJECTED'], 1]);
  // As the route took it, whatever a try made of it.
  expect(authorities).toEqual(['routed:80', 'routed:80']);
});

test.each(['LOAD_SHED', 'QUEUE_FULL', 'GATE_SHUT', 'IDENTITY_REQUIRED', 'BACKEND_INVALID', 'DRAINING'] as const)('%s is not tried again', async (code) => {
  start({ submit: (waiter) => waiter.refuse(reason(code, 'here')) });
  await turn();
  expect([chosen, told, released]).toEqual([0, [code], 1]);
});

test.each(['FAILFAST', 'NO_ENDPOINTS', 'NO_READY_ENDPOINT'] as const)('%s is tried again: another backend may be there', async (code) => {
  start({ submit: (waiter) => waiter.refuse(reason(code, 'there')), maxRetries: 2 });
  for (let i = 0; i < 5; i += 1) await turn();
  expect([chosen, told, released]).toEqual([2, [code], 1]);
});

test('the place among those in flight is given back once, however the request ends', async () => {
  start({ maxRetries: 0 });
  exchange.fails();
  expect([told.length, released]).toEqual([1, 1]);

  exchange = new ScriptedExchange();
  start({ timeouts: { requestMs: 100 } });
  clock.advance(105);
  expect([told.length, released]).toEqual([2, 2]);

  exchange = new ScriptedExchange();
  start({});
  exchange.aborted = true;
  exchange.last.observer?.end({ kind: 'client-gone' });
  expect([told.length, released]).toEqual([2, 3]);

  exchange = new ScriptedExchange();
  start({});
  const { observer, rules } = exchange.last;
  observer?.head?.(head(200));
  expect(rules.retry?.judge(head(200))).toBe('relay');
  rules.response?.(head(200), exchange.request);
  expect(released).toBe(4);
  observer?.end({ kind: 'complete' });
  expect([told.length, released]).toEqual([2, 4]);
});

test.each([{ requestMs: 100 }, { responseMs: 100 }, { idleMs: 100 }])('%j does not count for what became a tunnel', (timeouts) => {
  for (const [method, status, counts] of [
    ['GET', 101, false],
    ['CONNECT', 200, false],
    ['GET', 200, true],
    ['CONNECT', 403, true],
  ] as const) {
    exchange = new ScriptedExchange();
    exchange.request.method = method;
    told = [];
    start({ timeouts });
    const { observer, rules } = exchange.last;
    observer?.head?.(head(status));
    rules.response?.(head(status), exchange.request);
    clock.advance(10_000);
    expect([told, clock.pending]).toEqual([counts ? ['RESPONSE_TIMEOUT'] : [], 0]);
  }
});
