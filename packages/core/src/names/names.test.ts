import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalDnsName, isDnsLabel, isDnsName, suffixMatcher } from './dns-name.ts';
import { formatIdentityId, formatWorkloadIdentity, parseIdentityId, parseWorkloadIdentity, sameIdentityId } from './identity-name.ts';
import { formatServiceName, parseServiceName } from './service-name.ts';

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/);

describe('DNS names', () => {
  test.each([
    ['web', true],
    ['web-1.ns', true],
    ['WEB', true],
    ['', false],
    ['.', false],
    ['web.', false],
    ['-web', false],
    ['web-', false],
    ['we_b', false],
    ['*.web', false],
    [`${'a'.repeat(63)}.b`, true],
    ['a'.repeat(64), false],
    ['a.'.repeat(126) + 'a', true],
    ['a.'.repeat(127) + 'a', false],
  ])('%j: %s', (text, valid) => {
    expect(isDnsName(text)).toBe(valid);
  });

  test('become lower-case and lose one trailing dot', () => {
    expect([canonicalDnsName('Web.NS.'), canonicalDnsName('web..'), canonicalDnsName('.'), isDnsLabel('a.b')]).toEqual(['web.ns', undefined, undefined, false]);
  });

  test('are matched by suffix at label boundaries', () => {
    const matches = suffixMatcher(['svc.Cluster.local.', 'example.com']);
    expect(['web.ns.svc.cluster.local', 'svc.cluster.local', 'EXAMPLE.com.', 'notexample.com', 'com'].map(matches)).toEqual([true, true, true, false, false]);
    expect([suffixMatcher(['.'])('anything'), suffixMatcher([])('anything')]).toEqual([true, false]);
  });
});

describe('workload identities', () => {
  test('read back as what was written', () => {
    const dotted = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
    fc.assert(
      fc.property(dotted, label, label, dotted, (serviceAccount, namespace, controlPlaneNamespace, trustDomain) => {
        const id = { serviceAccount, namespace, controlPlaneNamespace, trustDomain };
        expect(parseWorkloadIdentity(formatWorkloadIdentity(id))).toEqual(id);
      }),
    );
  });

  test.each([
    '',
    'web.ns',
    'web.ns.serviceaccount.identity.linkerd',
    'ns.serviceaccount.identity.linkerd.cluster.local',
    'w_b.ns.serviceaccount.identity.l.c',
    `${'a.'.repeat(200)}ns.serviceaccount.identity.l.c`,
  ])('%j is none', (name) => {
    expect(parseWorkloadIdentity(name)).toBeUndefined();
  });

  test('are DNS names or SPIFFE URIs', () => {
    expect(parseIdentityId('Web.NS')).toEqual({ kind: 'dns', name: 'web.ns' });
    expect(parseIdentityId('spiffe://Root/Web')).toEqual({ kind: 'uri', uri: 'spiffe://Root/Web' });
    for (const text of ['', 'web.ns.', 'spiffe://', 'spiffe:///x', 'http://x', 'spiffe://a b', '*']) expect(parseIdentityId(text)).toBeUndefined();
    expect(formatIdentityId({ kind: 'uri', uri: 'spiffe://a' })).toBe('spiffe://a');
    expect(sameIdentityId({ kind: 'dns', name: 'a' }, { kind: 'uri', uri: 'a' })).toBe(false);
  });
});

describe('service names', () => {
  test('read back as what was written', () => {
    fc.assert(
      fc.property(label, label, fc.option(label, { nil: undefined }), (service, namespace, hostname) => {
        const parsed = parseServiceName(formatServiceName({ service, namespace, hostname }, 'cluster.local'), 'cluster.local');
        expect(parsed).toEqual({ service, namespace, ...(hostname === undefined ? {} : { hostname }) });
      }),
    );
  });

  test.each([
    'web.ns.svc.cluster.local.',
    'web.ns.svc.other',
    'web.svc.cluster.local',
    'a.b.c.d.svc.cluster.local',
    '.ns.svc.cluster.local',
    'web.ns.SVC.cluster.local',
    'svc.cluster.local',
  ])('%j is none', (host) => {
    expect(parseServiceName(host, 'cluster.local')).toBeUndefined();
  });
});
