import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatIp, parseIp } from '../address/ip.ts';
import { type IpNetwork, parseNetwork } from '../address/network.ts';
import { defaultMetadata } from '../domain/metadata.ts';
import type { Authentication, Authorization } from '../domain/server-policy.ts';
import type { InboundClient } from './authorization-rule.ts';
import { createAuthorizer, explainAuthorization } from './authorizer.ts';

// The rules of spec/proxy.md §8.2 once more, bit by bit and word by word, to hold the compiled ones against.
const bits = (ip: string): string => {
  const { family, value } = parseIp(ip) ?? { family: 4, value: 0n };
  return `${family}:${value.toString(2).padStart(family === 4 ? 32 : 128, '0')}`;
};
const contains = ({ ip, prefix }: IpNetwork, client: string): boolean => bits(client).startsWith(bits(ip).slice(0, 2 + prefix));

function admits({ networks, authentication }: Authorization, { ip, tls }: InboundClient): boolean {
  let inside = false;
  for (const { net, except } of networks) if (contains(net, ip) && !except.some((one) => contains(one, ip))) inside = true;
  if (!inside) return false;
  if (authentication.kind === 'unauthenticated') return true;
  if (tls.kind === 'none') return false;
  if (authentication.kind === 'tls') return true;
  if (!tls.identity) return false;
  if (tls.identity.kind === 'uri') return authentication.identities.includes(tls.identity.uri);
  const labels = tls.identity.name.split('.');
  if (authentication.identities.some((name) => name.toLowerCase() === labels.join('.'))) return true;
  return authentication.suffixes.some((suffix) => {
    const end = labels.slice(labels.length - suffix.length);
    return suffix.length === 0 || (labels.length > suffix.length && end.every((label, i) => label === suffix[i]?.toLowerCase()));
  });
}

// Few values, so that they meet.
const byte = fc.constantFrom(0, 1, 2, 128, 255);
const v4 = fc.tuple(fc.constantFrom(10, 192), byte, byte, byte).map((parts) => parts.join('.'));
const v6 = fc
  .tuple(fc.constantFrom(0xfd, 0xfe), byte, byte)
  .map(([a, b, c]) => formatIp({ family: 6, value: (BigInt(a) << 120n) | (BigInt(b) << 64n) | BigInt(c) }));
const address = fc.oneof(v4, v6);
const network = fc.tuple(address, fc.double({ min: 0, max: 1, noNaN: true })).map(([ip, part]) => {
  const made = parseNetwork(`${ip}/${Math.round(part * (ip.includes(':') ? 128 : 32))}`);
  if (!made) throw new TypeError(ip);
  return made;
});
const label = fc.constantFrom('a', 'b', 'ab');
const labels = fc.array(label, { minLength: 1, maxLength: 3 });
const uri = labels.map((path) => `spiffe://root/${path.join('/')}`);
const authentication: fc.Arbitrary<Authentication> = fc.oneof(
  fc.constant({ kind: 'unauthenticated' } as const),
  fc.constant({ kind: 'tls' } as const),
  fc.record({
    kind: fc.constant('clients' as const),
    identities: fc.array(
      fc.oneof(
        labels.map((name) => name.join('.')),
        labels.map((name) => name.join('.').toUpperCase()),
        uri,
      ),
      { maxLength: 3 },
    ),
    suffixes: fc.array(fc.array(fc.constantFrom('a', 'b', 'AB'), { maxLength: 2 }), { maxLength: 2 }),
  }),
);
const authorization: fc.Arbitrary<Authorization> = fc.record({
  metadata: fc.constant(defaultMetadata('x')),
  networks: fc.array(fc.record({ net: network, except: fc.array(network, { maxLength: 2 }) }), { maxLength: 3 }),
  authentication,
});
const client: fc.Arbitrary<InboundClient> = fc.record({
  ip: address,
  tls: fc.oneof(
    fc.constant({ kind: 'none' } as const),
    fc.constant({ kind: 'mesh' } as const),
    labels.map((name) => ({ kind: 'mesh', identity: { kind: 'dns', name: name.join('.') } }) as const),
    uri.map((id) => ({ kind: 'mesh', identity: { kind: 'uri', uri: id } }) as const),
  ),
});

test('authorizing and explaining agree with the rules applied by hand, over random policies and clients', () => {
  const server = defaultMetadata('server');
  let allowed = 0;
  fc.assert(
    fc.property(fc.array(authorization, { maxLength: 4 }), client, (authorizations, who) => {
      const expected = authorizations.find((one) => admits(one, who));
      const verdict = createAuthorizer({ authorizations, server }).authorize(who);
      expect(verdict.kind === 'allowed' ? verdict.authorization : undefined).toBe(expected);
      const { trials } = explainAuthorization({ authorizations, server }, who);
      expect(trials.map(({ rejected }) => rejected === undefined)).toEqual(authorizations.map((one) => admits(one, who)));
      if (expected) allowed++;
    }),
    { numRuns: 3_000, seed: 8 },
  );
  // Neither answer is rare, or this would show nothing.
  expect(allowed).toBeGreaterThan(400);
  expect(allowed).toBeLessThan(2_600);
});
