import { createRegistry, createWatch, type DiscoveryPort, manualClock, type Profile, type WatchSource } from '@weft/core';
import type { RequestHead } from '@weft/http';
import { expect, test } from 'vitest';
import { httpMetrics } from '../observe/http-metrics.ts';
import { inboundProfiles } from './profiles.ts';

function request(authority: string, headers: string[] = [], path = '/'): RequestHead {
  return { version: '1.1', method: 'GET', path, authority, headers } as unknown as RequestHead;
}

function setup(suffixes = ['svc.cluster.local.']) {
  const clock = manualClock();
  const registry = createRegistry({ clock });
  const sources = new Map<string, WatchSource<Profile>>();
  const discovery: DiscoveryPort = {
    endpoints: () => createWatch<never>().watch,
    profile(target) {
      const source = sources.get(target) ?? createWatch<Profile>();
      sources.set(target, source);
      return source.watch;
    },
  };
  const profiles = inboundProfiles({ discovery, suffixes, timeoutMs: 500, idleMs: 90_000, metrics: httpMetrics(registry, 'route_'), clock });
  return { clock, registry, sources, profiles };
}

function profileOf(name: string, regex = '/books'): Profile {
  const condition = { kind: 'path', regex } as const;
  const routes = [{ condition, responseClasses: [], labels: { route: 'books' }, isRetryable: false }];
  return { fullyQualifiedName: name, opaqueProtocol: false, routes, overrides: [] };
}

const WEB = 'web.ns.svc.cluster.local';

test('asks for names below the suffixes, the one that the peer proxy resolved first', () => {
  const { profiles, sources } = setup();
  expect(profiles.of(request('web.example.com'))).toBeUndefined();
  expect(profiles.of(request('10.0.0.1:80'))).toBeUndefined();
  expect(profiles.of(request('odd', ['l5d-dst-canonical', WEB]))).toBeUndefined();
  profiles.of(request('WEB.ns.svc.cluster.local.'));
  profiles.of(request('web:8080', ['l5d-dst-canonical', `${WEB}:8080`]));
  expect([...sources.keys()]).toEqual([`${WEB}:80`, `${WEB}:8080`]);
  expect(setup([]).profiles.of(request(WEB))).toBeUndefined();
});

test('has requests wait for the profile, and each later one not', () => {
  const { profiles, sources } = setup();
  const profile = profiles.of(request(WEB));
  let told = 0;
  expect(profile?.wait(() => told++)).toBe(true);
  sources.get(`${WEB}:80`)?.set(profileOf(WEB));
  expect([told, profile?.wait(() => told++)]).toEqual([1, false]);
});

test('goes on without after a while, and takes the profile when it comes', () => {
  const { clock, profiles, sources } = setup();
  const profile = profiles.of(request(WEB));
  let told = 0;
  profile?.wait(() => told++);
  clock.advance(499);
  expect(told).toBe(0);
  clock.advance(1);
  expect([told, profile?.wait(() => told++)]).toEqual([1, false]);
  expect(profile?.route(request(WEB, [], '/books'))).toBeUndefined();
  sources.get(`${WEB}:80`)?.set(profileOf(WEB));
  expect(profile?.route(request(WEB, [], '/books'))).toBeDefined();
});

test('counts by route, service and direction', () => {
  const { profiles, sources, registry } = setup();
  const profile = profiles.of(request(WEB));
  sources.get(`${WEB}:80`)?.set(profileOf(WEB));
  profile?.route(request(WEB, [], '/books'))?.meter.request();
  profile?.route(request(WEB, [], '/books'))?.meter.request();
  expect(profile?.route(request(WEB, [], '/other'))).toBeUndefined();
  expect(registry.render()).toContain(`route_request_total{direction="inbound",dst="${WEB}:80",rt_route="books"} 2`);
});

test('a request that patterns take too long for goes on uncounted', () => {
  const { profiles, sources } = setup();
  const profile = profiles.of(request(WEB));
  const slow = request(WEB, [], `/${'a'.repeat(30_000)}`);
  const routes: unknown[] = [];
  profile?.wait(() => routes.push(profile.route(slow)));
  sources.get(`${WEB}:80`)?.set(profileOf(WEB, '/(?:[a-z]{0,30}x){0,20}'));
  expect(profile?.route(slow)).toBeUndefined();
  expect(routes).toEqual([undefined]);
  expect(profile?.route(request(WEB, [], '/abcx'))).toBeDefined();
});

test('counts nothing where the profile names no service, or there is none', () => {
  const { profiles, sources } = setup();
  const profile = profiles.of(request(WEB));
  sources.get(`${WEB}:80`)?.set({ ...profileOf(''), routes: profileOf('').routes });
  expect(profile?.route(request(WEB, [], '/books'))).toBeUndefined();
  sources.get(`${WEB}:80`)?.absent();
  expect(profile?.route(request(WEB, [], '/books'))).toBeUndefined();
});

test('watches no longer what nobody has asked for', () => {
  const { clock, profiles, sources } = setup();
  profiles.of(request(WEB));
  clock.advance(80_000);
  profiles.of(request(WEB));
  clock.advance(89_999);
  expect(sources.get(`${WEB}:80`)?.references).toBe(1);
  clock.advance(1);
  expect([sources.get(`${WEB}:80`)?.references, clock.pending]).toEqual([0, 0]);
});

test('knows a bounded number of names: the one that was unused for longest makes room', () => {
  const { clock, profiles, sources } = setup();
  for (let n = 0; n < 1_024; n++) {
    profiles.of(request(`web-${n}.ns.svc.cluster.local`));
    clock.advance(1);
  }
  profiles.of(request('web-0.ns.svc.cluster.local'));
  profiles.of(request('one-more.ns.svc.cluster.local'));
  const references = (n: number): number | undefined => sources.get(`web-${n}.ns.svc.cluster.local:80`)?.references;
  expect([references(0), references(1), references(2)]).toEqual([1, 0, 1]);
  profiles.close();
  expect([...sources.values()].every((source) => source.references === 0)).toBe(true);
});
