import { constantWatch, createWatch, type DiscoveryPort, type PolicyPort, type Profile, reason, valueOf } from '@weft/core';
import { expect, test } from 'vitest';
import { namedDiscovery, namedPolicy } from './named-targets.ts';
import { virtualAddresses } from './virtual-addresses.ts';

const names = virtualAddresses(10);
const web = names.of({ host: 'web', port: 80 });
const real = { ip: '10.0.0.1', port: 80 };

test('profiles are asked for by name where the address stands for one', () => {
  const asked: string[] = [];
  const profile: DiscoveryPort['profile'] = (target) => {
    asked.push(target);
    return constantWatch({} as Profile);
  };
  const discovery = namedDiscovery({ endpoints: () => constantWatch([]), profile }, names);
  discovery.profile('240.0.0.1:80');
  discovery.profile('10.0.0.1:80');
  expect(asked).toEqual(['web:80', '10.0.0.1:80']);
});

test('without profiles none is known', () => {
  expect(namedDiscovery({ endpoints: () => constantWatch([]) }, names).profile('web:80').state.kind).toBe('absent');
});

test('a name without policy is balanced over, until it has one', () => {
  const source = createWatch<never>();
  const asked: unknown[] = [];
  const outbound: PolicyPort['outbound'] = (target) => {
    asked.push(target);
    return source.watch;
  };
  const watch = namedPolicy({ outbound }, names).outbound({ kind: 'address', address: web });
  const stop = watch.subscribe(() => undefined);
  expect([asked, watch.state.kind]).toEqual([[{ kind: 'authority', authority: 'web:80' }], 'pending']);
  source.absent();
  expect(valueOf(watch)?.protocol).toMatchObject({
    kind: 'detect',
    http1: { routes: [{ rules: [{ distribution: { backends: [{ backend: { dispatcher: { kind: 'balancer', path: 'web:80' } } }] } }] }] },
  });
  source.reject(reason('POLICY_INVALID'));
  expect(watch.state).toMatchObject({ kind: 'rejected', reason: { code: 'POLICY_INVALID' } });
  stop();
});

test('addresses keep what is known of them', () => {
  const outbound: PolicyPort['outbound'] = (target) => constantWatch(target as never);
  const target = { kind: 'address', address: real } as const;
  expect(valueOf(namedPolicy({ outbound }, names).outbound(target))).toEqual(target);
  expect(namedPolicy(undefined, names).outbound(target).state.kind).toBe('absent');
});
