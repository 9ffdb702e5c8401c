// ServiceProfiles: whose counts, and what becomes of them. spec/control-plane.md §1.10, §1.11, §6 rows 8, 25, 26, 27.
import type { RequestCondition, ResponseCondition } from '@weft/core';
import { type ServiceProfile, serviceProfileKind } from '@weft/kube';
import { profileFromWire } from '@weft/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestNamespace } from './cluster.ts';
import { stopControllers } from './controller.ts';
import { DEFAULT_BUDGET, type DestinationScene, destinationScene } from './destination-scene.ts';

let scene: DestinationScene;
beforeAll(async () => {
  scene = await destinationScene();
});
afterAll(async () => {
  await stopControllers();
  await scene?.[Symbol.asyncDispose]();
});

const get = { method: 'GET' };
const fqnOf = (ns: TestNamespace): string => `web.${ns.name}.svc.cluster.local`;
const route = (name: string, more: Partial<NonNullable<ServiceProfile['spec']['routes']>[number]> = {}): ServiceProfile['spec'] => ({
  routes: [{ name, condition: get, ...more }],
});
const remove = (ns: TestNamespace, fqn: string) => scene.cluster.client.delete(serviceProfileKind, { namespace: ns.name, name: fqn });

// Row 8.
test.each([
  ['ns:', (ns: TestNamespace) => `ns:${ns.name}`],
  ['JSON', (ns: TestNamespace) => ({ ns: ns.name })],
])("a client's own ServiceProfile counts for it, that of the Service for all others (token as %s)", async (_form, tokenOf) => {
  const [ns, own, other] = [await scene.cluster.namespace(), await scene.cluster.namespace(), await scene.cluster.namespace()];
  await ns.service('web');
  await ns.serviceProfile(fqnOf(ns), route('theirs'));
  await own.serviceProfile(fqnOf(ns), route('mine', { isRetryable: true }));
  const first = (token: object | string) => scene.profileOf(ns.authority('web'), ({ routes }) => routes.length > 0, token);
  const mine = await scene.profileOf(ns.authority('web'), ({ routes }) => routes[0]?.isRetryable === true, tokenOf(own));
  expect(mine).toMatchObject({ routes: [{ labels: { route: 'mine' } }], profile: { group: 'linkerd.io', name: fqnOf(ns), namespace: own.name } });
  for (const token of [tokenOf(other), tokenOf(ns), '']) {
    expect(await first(token)).toMatchObject({ routes: [{ labels: { route: 'theirs' }, isRetryable: false }], profile: { namespace: ns.name } });
  }
});

// Row 26.
test('a Service without ServiceProfile has the default profile with its name and the default budget', async () => {
  const ns = await scene.cluster.namespace();
  await ns.service('web');
  const profile = await scene.profileOf(ns.authority('web'));
  expect(profile).toMatchObject({ fullyQualifiedName: fqnOf(ns), routes: [], overrides: [], retryBudget: DEFAULT_BUDGET });
  expect(profile.profile).toMatchObject({ group: 'linkerd.io', name: '', namespace: '' });
});

// Row 27.
test("the client's ServiceProfile comes first, then that of the Service, then the default; and nothing comes before all are known", async () => {
  const [ns, own] = [await scene.cluster.namespace(), await scene.cluster.namespace()];
  await ns.service('web');
  await ns.serviceProfile(fqnOf(ns), route('theirs'));
  await own.serviceProfile(fqnOf(ns), route('mine'));
  await scene.profileOf(ns.authority('web'), ({ routes }) => routes[0]?.labels['route'] === 'mine', { ns: own.name });
  const stream = scene.profile(ns.authority('web'), { ns: own.name });
  const named = (name: string | undefined) => stream.until((message) => profileFromWire(message).routes[0]?.labels['route'] === name);
  await named('mine');
  await remove(own, fqnOf(ns));
  await named('theirs');
  await remove(ns, fqnOf(ns));
  await named(undefined);
  await own.serviceProfile(fqnOf(ns), route('mine again'));
  await named('mine again');
  expect(stream.messages.map((message) => profileFromWire(message).routes[0]?.labels['route'])).toEqual(['mine', 'theirs', undefined, 'mine again']);
});

// Row 25.
test('conditions with several fields mean all of them, bounds of a status that are missing equal the other', async () => {
  const ns = await scene.cluster.namespace();
  await ns.service('web');
  const path = '/a/.*';
  await ns.serviceProfile(fqnOf(ns), {
    routes: [
      {
        name: 'all',
        condition: { pathRegex: path, method: 'GET', any: [get, { not: { method: 'PUT' } }], all: [get] },
        responseClasses: [
          { condition: { status: { min: 500 }, not: { status: { min: 503, max: 504 } } }, isFailure: true },
          { condition: { status: { max: 404 } } },
        ],
        timeout: '250ms',
      },
      { name: 'bad timeout', condition: get, timeout: 'soon' },
    ],
  });
  const { routes } = await scene.profileOf(ns.authority('web'), (profile) => profile.routes.length === 2);
  const method = (name: string): RequestCondition => ({ kind: 'method', method: name });
  const status = (min: number, max: number): ResponseCondition => ({ kind: 'status', min, max });
  expect(routes[0]).toMatchObject({
    condition: {
      kind: 'all',
      of: [
        { kind: 'all', of: [method('GET')] },
        { kind: 'any', of: [method('GET'), { kind: 'not', of: method('PUT') }] },
        method('GET'),
        { kind: 'path', regex: path },
      ],
    },
    responseClasses: [
      { condition: { kind: 'all', of: [status(500, 500), { kind: 'not', of: status(503, 504) }] }, isFailure: true },
      { condition: status(404, 404), isFailure: false },
    ],
    timeoutMs: 250,
  });
  expect(routes[1]?.timeoutMs).toBeUndefined();
});

test.each([
  ['an empty condition', route('bad', { condition: {} })],
  ['an empty condition inside another', route('bad', { condition: { all: [{}] } })],
  ['a status below 100', route('bad', { responseClasses: [{ condition: { status: { min: 99 } } }] })],
  ['a status above 599', route('bad', { responseClasses: [{ condition: { status: { max: 600 } } }] })],
  ['a status range that is reversed', route('bad', { responseClasses: [{ condition: { status: { min: 500, max: 400 } } }] })],
  ['an empty response condition', route('bad', { responseClasses: [{ condition: {} }] })],
  ['a budget whose time cannot be read', { retryBudget: { retryRatio: 0.5, minRetriesPerSecond: 1, ttl: 'long' } }],
])('a ServiceProfile with %s is not sent: what was before it stays', async (_what, bad) => {
  const ns = await scene.cluster.namespace();
  await ns.service('web');
  await ns.serviceProfile(fqnOf(ns), route('first'));
  const stream = scene.profile(ns.authority('web'));
  const named = (name: string) => stream.until((message) => profileFromWire(message).routes[0]?.labels['route'] === name);
  await named('first');
  const write = (spec: ServiceProfile['spec']) => scene.cluster.client.update(serviceProfileKind, { metadata: { name: fqnOf(ns), namespace: ns.name }, spec });
  await write(bad);
  await write(route('last'));
  await named('last');
  expect(stream.messages.slice(-2).map((message) => profileFromWire(message).routes[0]?.labels['route'])).toEqual(['first', 'last']);
});

test('a budget and a split are sent as they are written, with the port of the question where a target has none', async () => {
  const ns = await scene.cluster.namespace();
  await ns.service('web');
  await ns.serviceProfile(fqnOf(ns), {
    retryBudget: { retryRatio: 0.5, minRetriesPerSecond: 3, ttl: '20s' },
    dstOverrides: [
      { authority: `a.${ns.name}.svc.cluster.local`, weight: 1 },
      { authority: `b.${ns.name}.svc.cluster.local:8888`, weight: '500m' },
    ],
  });
  const profile = await scene.profileOf(ns.authority('web'), ({ overrides }) => overrides.length > 0);
  expect(profile).toMatchObject({
    retryBudget: { retryRatio: 0.5, minRetriesPerSecond: 3, ttlMs: 20_000 },
    overrides: [
      { authority: `a.${ns.name}.svc.cluster.local:80`, weight: 10_000 },
      { authority: `b.${ns.name}.svc.cluster.local:8888`, weight: 5000 },
    ],
  });
});
