import {
  type ClientPolicy,
  createRegistry,
  createWatch,
  type DiscoveryPort,
  defaultMetadata,
  formatSocketAddress,
  manualClock,
  type PolicyPort,
  type Profile,
  plainEndpoint,
  reason,
  type SocketAddress,
  seeded,
  type WatchSource,
} from '@weft/core';
import { expect, test } from 'vitest';
import { outboundBalancerMetrics } from '../observe/balancer-metrics.ts';
import { routeMetrics } from '../observe/route-metrics.ts';
import { Backends } from './backends.ts';
import { createDiscover, type Lookup } from './discover.ts';

const at = (port: number): SocketAddress => ({ ip: '10.43.0.7', port });
const POLICY: ClientPolicy = { parent: defaultMetadata('web'), protocol: { kind: 'opaque', routes: [] } };
const never = new AbortController().signal;

function setup(maxDestinations = 100) {
  const clock = manualClock();
  const random = seeded(1);
  const policies = new Map<string, WatchSource<ClientPolicy>>();
  const profiles = new Map<string, WatchSource<Profile>>();
  const get = <T>(map: Map<string, WatchSource<T>>, key: string): WatchSource<T> => {
    const source = map.get(key) ?? createWatch<T>();
    map.set(key, source);
    return source;
  };
  const policy: Pick<PolicyPort, 'outbound'> = {
    outbound: (target) => get(policies, target.kind === 'address' ? formatSocketAddress(target.address) : target.authority).watch,
  };
  const discovery: Pick<DiscoveryPort, 'profile' | 'endpoints'> = {
    profile: (target) => get(profiles, target).watch,
    endpoints: () => createWatch<never>().watch,
  };
  const fail = (): never => {
    throw new Error('nothing connects here');
  };
  const queue = { capacity: 1, failfastMs: 1, clock, random };
  const balancers = outboundBalancerMetrics(createRegistry({ clock }), clock);
  const discover = createDiscover({
    discovery: discovery as DiscoveryPort,
    policy: policy as PolicyPort,
    profileNetworks: [{ ip: '10.43.0.0', prefix: 16 }],
    profileSuffixes: ['svc.cluster.local.'],
    noTls: 'not_provided_by_service_discovery',
    idleMs: 5_000,
    maxDestinations,
    clock,
    random,
    routes: routeMetrics(createRegistry({ clock })),
    backends: (_noTls, logical) =>
      new Backends({
        logical,
        discovery: discovery as DiscoveryPort,
        httpEndpoint: fail,
        tcpEndpoint: fail,
        http: queue,
        tcp: queue,
        observe: (_protocol, labels) => balancers.http(labels, 1),
      }),
  });
  const policyOf = (port: number) => get(policies, formatSocketAddress(at(port)));
  const profileOf = (port: number) => get(profiles, formatSocketAddress(at(port)));
  const named = { policy: (name: string) => get(policies, name), profile: (name: string) => get(profiles, name) };
  return { clock, discover, policyOf, profileOf, profiles, named };
}

const kind = ({ current }: Lookup): unknown => (current?.kind === 'refused' ? current.reason.code : current?.plan.kind);

test('asks for policy and profile at once, and has a plan when both have answered', async () => {
  const { discover, policyOf, profileOf } = setup();
  const lookup = discover.lookup(at(80));
  expect([policyOf(80).references, profileOf(80).references]).toEqual([1, 1]);
  const ready = lookup.ready(never);
  policyOf(80).set(POLICY);
  expect(kind(lookup)).toBeUndefined();
  profileOf(80).absent();
  expect((await ready).kind).toBe('plan');
  expect(kind(lookup)).toBe('opaque');
});

test('does not wait for profiles that may not be looked up', () => {
  const { discover, profiles } = setup();
  const lookup = discover.lookup({ ip: '192.168.0.1', port: 80 });
  expect([profiles.size, kind(lookup)]).toEqual([0, undefined]);
});

test('detects and forwards where the control plane has no policy', () => {
  const { discover, policyOf, profileOf } = setup();
  const lookup = discover.lookup(at(80));
  policyOf(80).absent();
  profileOf(80).set({ fullyQualifiedName: '', opaqueProtocol: false, routes: [], overrides: [], endpoint: plainEndpoint({ ip: '10.42.0.5', port: 8080 }) });
  expect(kind(lookup)).toBe('detect');
});

test('serves what it last knew while the control plane is away', () => {
  const { discover, policyOf, profileOf } = setup();
  const lookup = discover.lookup(at(80));
  policyOf(80).set(POLICY);
  profileOf(80).absent();
  policyOf(80).stale();
  profileOf(80).stale();
  expect(kind(lookup)).toBe('opaque');
});

test('refuses what the control plane refuses', async () => {
  const { discover, policyOf, profileOf } = setup();
  const lookup = discover.lookup(at(80));
  profileOf(80).absent();
  policyOf(80).reject(reason('DISCOVERY_REJECTED', 'no'));
  expect(kind(lookup)).toBe('DISCOVERY_REJECTED');
});

test('a waiting connection that ends is forgotten', async () => {
  const { discover } = setup();
  const abort = new AbortController();
  const ready = discover.lookup(at(80)).ready(abort.signal);
  abort.abort(new Error('gone'));
  await expect(ready).rejects.toThrow('gone');
});

test('an entry is shared, and dropped when it was unused for the idle time', () => {
  const { discover, clock, policyOf } = setup();
  const [first, second] = [discover.lookup(at(80)), discover.lookup(at(80))];
  expect(policyOf(80).references).toBe(1);
  first.release();
  first.release();
  clock.advance(10_000);
  expect(policyOf(80).references).toBe(1);
  second.release();
  clock.advance(4_999);
  discover.lookup(at(80)).release();
  clock.advance(4_999);
  expect(policyOf(80).references).toBe(1);
  clock.advance(1);
  expect([policyOf(80).references, clock.pending]).toEqual([0, 0]);
});

test('destinations are bounded: those unused for longest make room, and without any new ones are refused', async () => {
  const { discover, policyOf } = setup(3);
  const [first, second, third] = [1, 2, 3].map((port) => discover.lookup(at(port))) as [Lookup, Lookup, Lookup];
  const refused = discover.lookup(at(4));
  expect(await refused.ready(never)).toEqual({ kind: 'refused', reason: { code: 'DISCOVERY_LIMIT', detail: '10.43.0.7:4: 3 destinations are in use' } });
  refused.release();
  second.release();
  first.release();
  const fourth = discover.lookup(at(4));
  expect([1, 2, 3, 4].map((port) => policyOf(port).references)).toEqual([1, 0, 1, 1]);
  // Used again, it is not the next to go.
  const again = discover.lookup(at(1));
  third.release();
  discover.lookup(at(5));
  expect([1, 3, 4, 5].map((port) => policyOf(port).references)).toEqual([1, 0, 1, 1]);
  again.release();
  fourth.release();
});

test('a scan of very many addresses leaves no more than the bound', () => {
  const { discover, policyOf } = setup(100);
  for (let port = 1; port <= 5_000; port++) discover.lookup(at(port)).release();
  let references = 0;
  for (let port = 1; port <= 5_000; port++) references += policyOf(port).references;
  expect(references).toBe(100);
});

test('waiting connections are told when everything ends', async () => {
  const { discover, clock, policyOf } = setup();
  const ready = discover.lookup(at(80)).ready(never);
  discover.destroy(reason('DRAINING'));
  expect(await ready).toEqual({ kind: 'refused', reason: { code: 'DRAINING' } });
  expect([policyOf(80).references, clock.pending]).toEqual([0, 0]);
});

const WEB = 'web.ns.svc.cluster.local:80';
const lookupWeb = (discover: ReturnType<typeof setup>['discover']): Lookup => discover.lookupName('web.ns.svc.cluster.local', 80);
const EMPTY: Profile = { fullyQualifiedName: '', opaqueProtocol: false, routes: [], overrides: [] };

test('knows a name by its policy, or by its profile', () => {
  const { discover, named } = setup();
  const lookup = lookupWeb(discover);
  named.policy(WEB).set(POLICY);
  named.profile(WEB).absent();
  expect([kind(lookup), lookup.current]).toEqual(['opaque', expect.objectContaining({ profiled: false })]);
  named.policy(WEB).absent();
  named.profile(WEB).set({ ...EMPTY, fullyQualifiedName: 'web.ns.svc.cluster.local' });
  expect([kind(lookup), lookup.current]).toEqual(['detect', expect.objectContaining({ profiled: true })]);
});

test('refuses a name that nobody knows, and asks for no profile outside of the suffixes', () => {
  const { discover, named, profiles } = setup();
  const lookup = lookupWeb(discover);
  named.policy(WEB).absent();
  named.profile(WEB).set(EMPTY);
  expect(kind(lookup)).toBe('DISCOVERY_REJECTED');
  const elsewhere = discover.lookupName('web.example', 80);
  named.policy('web.example:80').absent();
  expect([kind(elsewhere), profiles.has('web.example:80')]).toEqual(['DISCOVERY_REJECTED', false]);
});

test('bounds names and addresses together, and does not take one for the other', () => {
  const { discover } = setup(2);
  discover.lookup(at(80));
  const name = discover.lookupName('10.43.0.7', 80);
  expect(name.current).toBeUndefined();
  expect(kind(lookupWeb(discover))).toBe('DISCOVERY_LIMIT');
  name.release();
  expect(kind(lookupWeb(discover))).toBeUndefined();
});
