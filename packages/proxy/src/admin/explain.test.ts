import { createRegistry, createWatch, defaultMetadata, manualClock, type PolicyPort, type ServerPolicy, seeded } from '@weft/core';
import type { RequestHead } from '@weft/http';
import { expect, test } from 'vitest';
import { routeMetrics } from '../observe/route-metrics.ts';
import { Backends } from '../outbound/backends.ts';
import { createDiscover } from '../outbound/discover.ts';
import { explainRoute } from './explain.ts';

const OPEN: ServerPolicy = { metadata: defaultMetadata('open'), protocol: { kind: 'opaque', authorizations: [] } };

function setup() {
  const clock = manualClock();
  const random = seeded(1);
  const inbound = createWatch<ServerPolicy>();
  const policy: PolicyPort = { outbound: () => createWatch<never>().watch, inbound: () => inbound.watch };
  const discovery = { endpoints: () => createWatch<never>().watch, profile: () => createWatch<never>().watch };
  const unused = (): never => {
    throw new Error('nothing is sent');
  };
  const settings = { capacity: 1, failfastMs: 1, clock, random };
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
      new Backends({ logical, discovery, httpEndpoint: unused, tcpEndpoint: unused, http: settings, tcp: settings, observe: unused }),
  });
  const route = explainRoute({ discover, policy, clock });
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
  return { clock, inbound, ask };
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
  expect([status, JSON.parse(body)]).toMatchObject([200, { verdict: { kind: 'refused', reason: { code: 'DISCOVERY_UNAVAILABLE' } } }]);
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
