import {
  type ClientPolicy,
  createRegistry,
  createWatch,
  defaultMetadata,
  type EndpointSet,
  type Filter,
  formatSocketAddress,
  manualClock,
  type PolicyPort,
  type Reason,
  type RouteBackend,
  reason,
  type ServerPolicy,
  type SocketAddress,
  seeded,
  type WatchSource,
} from '@weft/core';
import type { RequestHead } from '@weft/http';
import { expect, test } from 'vitest';
import { balancerMetrics } from '../observe/balancer-metrics.ts';
import { routeMetrics } from '../observe/route-metrics.ts';
import { Backends } from '../outbound/backends.ts';
import { createDiscover } from '../outbound/discover.ts';
import { httpPlanOf } from '../outbound/dispatch.ts';
import type { PoolSnapshot } from '../outbound/pool-backend.ts';
import type { AskBalancers } from './balancers.ts';
import { explainRoute } from './explain.ts';

const OPEN: ServerPolicy = { metadata: defaultMetadata('open'), protocol: { kind: 'opaque', authorizations: [] } };

const TARGET: SocketAddress = { ip: '10.0.0.1', port: 80 };
const balanced = (name: string, filters: readonly Filter[] = []): RouteBackend => ({
  backend: {
    metadata: defaultMetadata(name),
    dispatcher: { kind: 'balancer', path: `${name}:80`, load: { kind: 'peak-ewma', defaultRttMs: 30, decayMs: 10_000 } },
    queue: { capacity: 0, failfastTimeoutMs: 0 },
  },
  filters,
});
const http = (...backends: RouteBackend[]): ClientPolicy => ({
  parent: defaultMetadata('svc'),
  protocol: {
    kind: 'http1',
    routes: [
      {
        metadata: defaultMetadata('r'),
        hosts: [],
        rules: [{ matches: [], filters: [], distribution: { kind: 'first-available', backends }, timeouts: {}, allowL5dHeaders: false }],
      },
    ],
  },
});

/** `policy`: of every target; undefined: the control plane says nothing. */
function setup(known?: ClientPolicy, otherBalancers?: AskBalancers) {
  const clock = manualClock();
  const random = seeded(1);
  const inbound = createWatch<ServerPolicy>();
  const outbound = createWatch<ClientPolicy>();
  if (known) outbound.set(known);
  const policy: PolicyPort = { outbound: () => outbound.watch, inbound: () => inbound.watch };
  const endpoints: Record<string, WatchSource<EndpointSet>> = {};
  const discovery = { endpoints: (path: string) => (endpoints[path] ??= createWatch<EndpointSet>()).watch, profile: () => createWatch<never>().watch };
  const unused = (): never => {
    throw new Error('nothing is sent');
  };
  const settings = { capacity: 1, failfastMs: 1, clock, random };
  const observe = balancerMetrics({ registry: createRegistry(), balancer: 'b', clock });
  const discover = createDiscover({
    discovery,
    policy,
    profileNetworks: [],
    profileSuffixes: [],
    noTls: 'not_provided_by_service_discovery',
    idleMs: 1,
    maxDestinations: 10,
    clock,
    random,
    routes: routeMetrics(createRegistry({ clock })),
    backends: (_noTls, logical) =>
      new Backends({
        logical,
        discovery,
        httpEndpoint: unused,
        tcpEndpoint: unused,
        http: settings,
        tcp: settings,
        observe: (_protocol, labels, failfastMs) => observe(labels, failfastMs),
      }),
  });
  const loopTo = ({ port }: SocketAddress) => (port === 4140 ? reason('CONNECTION_LOOP', 'itself') : undefined);
  const route = explainRoute({ outbound: { discover, loopTo, refuses: () => undefined }, policy, clock, otherBalancers });
  const ask = async (query: string, extra: Partial<RequestHead> = {}, clientIp = '127.0.0.1') => {
    const request: RequestHead = {
      method: 'GET',
      version: '1.1',
      form: 'origin',
      path: `/explain?${query}`,
      scheme: undefined,
      authority: 'proxy',
      headers: [],
      upgrade: false,
      ...extra,
    };
    const { status, body } = await route.handle(request, clientIp, async () => undefined);
    return { status, body: Buffer.from(body ?? []).toString() };
  };
  const explain = async (query = `direction=outbound&target=${formatSocketAddress(TARGET)}`): Promise<unknown> => JSON.parse((await ask(query)).body);
  /** What a request to the n-th backend would be refused for, if it is; it waits otherwise. */
  const send = async (n = 0): Promise<() => Reason | undefined> => {
    const found = await discover.lookup(TARGET).ready(new AbortController().signal);
    const plan = found.kind === 'plan' ? httpPlanOf(found.plan, 'http/1') : undefined;
    let refused: Reason | undefined;
    plan
      ?.select({ method: 'GET', path: '/', authority: 'web', headers: [] })
      ?.rule.distribute.choices[n]?.backend.submit({ aborted: false, start: unused, refuse: (why) => (refused = why) });
    return () => refused;
  };
  return { clock, inbound, endpoints, ask, explain, send };
}

test('answers clients of its pod only, and says so', async () => {
  const { ask } = setup();
  const refused = await ask('direction=outbound&target=10.0.0.1:80', {}, '10.0.0.9');
  expect(refused).toEqual({ status: 403, body: 'policies and endpoints are explained to clients of this pod only, and 10.0.0.9 is none\n' });
  expect((await ask('', {}, '::1')).status).toBe(400);
});

test('gives up on a control plane that says nothing', async () => {
  const { clock, ask } = setup();
  const asking = ask('direction=outbound&target=10.0.0.1:80');
  clock.advance(3_000);
  const { status, body } = await asking;
  expect([status, JSON.parse(body)]).toMatchObject([
    200,
    { verdict: { kind: 'refused', reason: { code: 'DISCOVERY_UNAVAILABLE', text: expect.stringContaining('3000 ms') as string } } },
  ]);
});

test('waits a moment for the policy of a port that was not in use', async () => {
  const { clock, inbound, ask } = setup();
  inbound.set(OPEN);
  const asking = ask('direction=inbound&target=80&client=10.0.0.1');
  inbound.set({ ...OPEN, metadata: defaultMetadata('newer') });
  expect(JSON.parse((await asking).body)).toMatchObject({ port: 80, server: 'default/newer', verdict: { kind: 'refused' } });
  const again = ask('direction=inbound&target=80&client=10.0.0.1');
  clock.advance(250);
  expect(JSON.parse((await again).body)).toMatchObject({ server: 'default/newer' });
});

test('shows a balancer that is not used yet as such, and refuses as it does while its gate is shut', async () => {
  const { clock, endpoints, explain, send } = setup(http(balanced('web')));
  expect(await explain()).toMatchObject({ verdict: { kind: 'forwarded' }, backends: [{ balancer: { gate: 'unused', endpoints: [] } }] });
  await send();
  expect(await explain()).toMatchObject({ verdict: { kind: 'forwarded' }, backends: [{ balancer: { gate: 'resolving', waiting: 1 } }] });
  endpoints['web:80']?.set([]);
  expect(await explain()).toMatchObject({ verdict: { kind: 'forwarded' }, backends: [{ balancer: { gate: 'open', waiting: 1 } }] });
  clock.advance(1);
  const why = (await send())();
  const text = `requests are refused at once because those before waited in vain: ${why?.detail}; route default/r of default/svc`;
  expect(await explain()).toMatchObject({
    verdict: { kind: 'refused', status: 503, reason: { code: why?.code, text } },
    backends: [{ balancer: { gate: 'shut', why: { code: 'NO_ENDPOINTS', text: 'the target has no endpoints: web:80' } } }],
  });
});

test('forwards to the backend that is taken in place of one whose gate is shut', async () => {
  const { clock, endpoints, explain, send } = setup(http(balanced('web'), balanced('spare')));
  await send();
  endpoints['web:80']?.set([]);
  clock.advance(1);
  expect(await explain()).toMatchObject({ verdict: { kind: 'forwarded' }, backends: [{ balancer: { gate: 'shut' } }, { balancer: { gate: 'unused' } }] });
  await send(1);
  endpoints['spare:80']?.set([]);
  clock.advance(1);
  expect(await explain()).toMatchObject({ verdict: { kind: 'refused', reason: { code: 'GATE_SHUT' } } });
});

test('refuses where every worker would', async () => {
  const pool: PoolSnapshot = { name: 'web:80', available: true, gate: 'unused', why: undefined, refusal: undefined, waiting: 0, endpoints: [] };
  const lastError = reason('CONNECT_REFUSED', 'here');
  const shut: PoolSnapshot = {
    ...pool,
    available: false,
    gate: 'shut',
    why: reason('FAILFAST'),
    refusal: reason('GATE_SHUT'),
    endpoints: [{ address: 'a', state: 'connecting', since: 0, load: 1, pending: 0, lastError }],
  };
  const asked = (...pools: PoolSnapshot[]) => setup(http(balanced('web')), async () => pools.map((one, worker) => ({ worker, pools: [one] }))).explain();
  const words = { code: 'CONNECT_REFUSED', text: 'the endpoint refused the connection: here' };
  expect(await asked(shut, shut)).toMatchObject({
    verdict: { kind: 'refused', reason: { code: 'GATE_SHUT' } },
    backends: [{ balancer: { gate: 'shut', workers: [{ why: { text: expect.any(String) as string } }, {}], endpoints: [{ lastError: words }, {}] } }],
  });
  expect(await asked(shut, pool)).toMatchObject({ verdict: { kind: 'forwarded' }, backends: [{ balancer: { gate: 'unused' } }] });
});

test('says in words why discovery refuses: requests get a response where the policy is invalid, else the connection is closed', async () => {
  const invalid = setup(http(balanced('web', [{ kind: 'unknown' }])));
  const text = 'the policy for this target could not be understood: 10.0.0.1:80: route default/r: filter unknown is not supported on requests';
  const empty = { direction: 'outbound', candidates: [], filters: [], backends: [] };
  expect(await invalid.explain()).toEqual({ ...empty, verdict: { kind: 'refused', status: 500, reason: { code: 'POLICY_INVALID', text } } });
  const opaque = await invalid.explain('direction=outbound&target=10.0.0.1:80&protocol=opaque');
  expect(opaque).toEqual({ ...empty, verdict: { kind: 'refused', reason: { code: 'POLICY_INVALID', text } } });
  const itself = await invalid.explain('direction=outbound&target=10.0.0.1:4140');
  const loop = { code: 'CONNECTION_LOOP', text: 'the connection leads back to the proxy itself: itself' };
  expect(itself).toEqual({ ...empty, verdict: { kind: 'refused', reason: loop } });
});
