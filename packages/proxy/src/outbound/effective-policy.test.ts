import { type ClientPolicy, defaultMetadata, type Endpoint, type Profile, plainEndpoint } from '@weft/core';
import { expect, test } from 'vitest';
import { effectivePolicy, effectivePolicyOfName } from './effective-policy.ts';

const ADDRESS = { ip: '10.43.0.7', port: 80 };
const endpoint: Endpoint = { ...plainEndpoint({ ip: '10.42.0.5', port: 8080 }), hint: 'h2' };
const profile = (extra: Partial<Profile>): Profile => ({ fullyQualifiedName: '', opaqueProtocol: false, routes: [], overrides: [], ...extra });
const policy: ClientPolicy = { parent: defaultMetadata('svc'), protocol: { kind: 'http2', routes: [] } };

/** Where HTTP and opaque traffic goes. */
function targets(result: ClientPolicy): unknown {
  const { protocol } = result;
  if (protocol.kind !== 'detect' && protocol.kind !== 'opaque') return protocol.kind;
  const opaque = protocol.kind === 'detect' ? protocol.opaque : protocol;
  const dispatcher = (distribution: { kind: string; backends?: readonly { backend: { dispatcher: unknown } }[] } | undefined) =>
    distribution?.backends?.map((one) => one.backend.dispatcher);
  return {
    http: protocol.kind === 'detect' ? dispatcher(protocol.http1.routes[0]?.rules[0]?.distribution) : 'none',
    opaque: dispatcher(opaque.routes[0]?.rules[0]?.distribution),
  };
}

test('forwards in plaintext to the address where nothing is known', () => {
  const { policy: effective, profile: driving } = effectivePolicy(ADDRESS, undefined, undefined);
  expect(effective.parent).toEqual(defaultMetadata('fallback'));
  const forward = { kind: 'forward', endpoint: plainEndpoint(ADDRESS) };
  expect(targets(effective)).toEqual({ http: [forward], opaque: [forward] });
  expect(driving).toBeUndefined();
});

test('forwards to the endpoint that the profile names, with its identity and hints', () => {
  const { policy: effective } = effectivePolicy(ADDRESS, profile({ endpoint }), undefined);
  expect(effective.parent).toEqual(defaultMetadata('endpoint'));
  expect(targets(effective)).toEqual({ http: [{ kind: 'forward', endpoint }], opaque: [{ kind: 'forward', endpoint }] });
});

test('lets the policy rule beside a profile that says nothing', () => {
  expect(effectivePolicy(ADDRESS, profile({ fullyQualifiedName: 'web.ns.svc.cluster.local' }), policy)).toEqual({ policy });
});

test('reads nothing where the profile calls the target opaque', () => {
  const { policy: effective } = effectivePolicy(ADDRESS, profile({ opaqueProtocol: true, fullyQualifiedName: 'web.ns.svc.cluster.local' }), policy);
  expect(effective.protocol.kind).toBe('opaque');
  expect(targets(effective)).toMatchObject({ opaque: [{ kind: 'balancer', path: 'web.ns.svc.cluster.local:80' }] });
});

test('lets a profile with a split rule HTTP and opaque traffic alike', () => {
  const overrides = [
    { authority: 'a:80', weight: 3 },
    { authority: 'b:80', weight: 0 },
  ];
  const { policy: effective, profile: driving } = effectivePolicy(ADDRESS, profile({ fullyQualifiedName: 'web', overrides }), policy);
  expect(driving?.authority).toBe('web:80');
  expect(targets(effective)).toMatchObject({ http: [{ path: 'a:80' }], opaque: [{ path: 'a:80' }] });
  expect(effectivePolicy(ADDRESS, profile({ fullyQualifiedName: 'web', overrides: overrides.slice(1) }), policy)).toEqual({ policy });
});

test('is driven by a profile for its routes only where one can be read', () => {
  const route = (regex: string) => ({ condition: { kind: 'path', regex } as const, responseClasses: [], labels: {}, isRetryable: false });
  const drivenBy = (...patterns: string[]) =>
    effectivePolicy(ADDRESS, profile({ fullyQualifiedName: 'web', routes: patterns.map(route) }), policy).profile?.authority;
  expect([drivenBy('('), drivenBy('(', '/a')]).toEqual([undefined, 'web:80']);
});

test('tells opaque traffic that the profile directs from what the policy directs', () => {
  const byProfile = (extra: Partial<Profile>, known: ClientPolicy = policy) =>
    effectivePolicy(ADDRESS, profile({ fullyQualifiedName: 'web', ...extra }), known).opaqueByProfile;
  const overrides = [{ authority: 'a:80', weight: 1 }];
  const opaque: ClientPolicy = { ...policy, protocol: { kind: 'opaque', routes: [] } };
  expect([byProfile({ overrides }, opaque), byProfile({ overrides, opaqueProtocol: true }, opaque), byProfile({ opaqueProtocol: true })]).toEqual([
    true,
    true,
    true,
  ]);
  expect([byProfile({ opaqueProtocol: true }, opaque), byProfile({})]).toEqual([false, undefined]);
});

test('estimates the load of all that a profile names from 30 ms on, over 10 s', () => {
  const load = { kind: 'peak-ewma', defaultRttMs: 30, decayMs: 10_000 };
  const balancer = (path: string) => ({ kind: 'balancer', path, load });
  const named = profile({ fullyQualifiedName: 'web' });
  const both = (path: string) => ({ http: [balancer(path)], opaque: [balancer(path)] });
  expect(targets(effectivePolicy(ADDRESS, { ...named, overrides: [{ authority: 'a:80', weight: 1 }] }, policy).policy)).toEqual(both('a:80'));
  expect(targets(effectivePolicy(ADDRESS, { ...named, opaqueProtocol: true }, policy).policy)).toEqual({ http: 'none', opaque: [balancer('web:80')] });
  const byName = effectivePolicyOfName(80, named, undefined);
  expect(byName && targets(byName.policy)).toEqual(both('web:80'));
});
