import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type TestAuthority, testAuthority } from '../../test/certificates.ts';
import { carriesIdentity, peerIdentity } from './peer-identity.ts';
import { subjectAltNames } from './subject-alt-names.ts';

type Name = Parameters<TestAuthority['issue']>[0]['names'][number];

async function certificate(...names: Name[]): Promise<Uint8Array> {
  const { chain } = await (await testAuthority()).issue({ names });
  return chain[0] ?? new Uint8Array();
}

const dns = (value: string): Name => ({ type: 'dns', value });
const url = (value: string): Name => ({ type: 'url', value });

test('names are read in order and byte for byte', async () => {
  const der = await certificate({ type: 'email', value: 'a@b' }, dns('a, DNS:b'), url('spiffe://td/x?"'), dns('c\0d'));
  expect(subjectAltNames(der)).toEqual([
    { kind: 'dns', value: 'a, DNS:b' },
    { kind: 'uri', value: 'spiffe://td/x?"' },
    { kind: 'dns', value: 'c\0d' },
  ]);
});

test('the first name that is an identity counts', async () => {
  expect(peerIdentity(await certificate(dns('*.web'), dns('Web.ns'), url('spiffe://td/x')))).toEqual({ kind: 'dns', name: 'web.ns' });
  expect(peerIdentity(await certificate(url('https://td/x'), url('spiffe://td/x'), dns('web.ns')))).toEqual({ kind: 'uri', uri: 'spiffe://td/x' });
});

test('a name counts only as what it is declared to be', async () => {
  expect(peerIdentity(await certificate(url('web.ns')))).toBeUndefined();
  expect(peerIdentity(await certificate(dns('spiffe://td/x')))).toBeUndefined();
  expect(carriesIdentity(await certificate(url('web.ns')), { kind: 'dns', name: 'web.ns' })).toBe(false);
});

test('a certificate carries every one of its names, DNS names in any case', async () => {
  const der = await certificate(dns('web.ns'), url('spiffe://td/x'), dns('Vote.ns'));
  expect(carriesIdentity(der, { kind: 'dns', name: 'vote.ns' })).toBe(true);
  expect(carriesIdentity(der, { kind: 'dns', name: 'VOTE.NS' })).toBe(true);
  expect(carriesIdentity(der, { kind: 'uri', uri: 'spiffe://td/x' })).toBe(true);
  expect(carriesIdentity(der, { kind: 'uri', uri: 'spiffe://td/X' })).toBe(false);
  expect(carriesIdentity(der, { kind: 'dns', name: 'emoji.ns' })).toBe(false);
});

test('certificates without names, and bytes that are none, have no identity', async () => {
  expect(subjectAltNames(await certificate())).toEqual([]);
  expect(subjectAltNames(new Uint8Array())).toEqual([]);
  expect(peerIdentity(new Uint8Array([0x30, 0x80, 0, 0]))).toBeUndefined();
});

test('a damaged certificate never throws', async () => {
  const der = await certificate(dns('web.ns'), url('spiffe://td/x'));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(der.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), fc.nat(der.length), (changes, length) => {
      const bytes = der.slice(0, length);
      for (const [at, value] of changes) if (at < length) bytes[at] = value;
      expect(subjectAltNames(bytes).length).toBeLessThan(8);
    }),
    { numRuns: 1000 },
  );
});
