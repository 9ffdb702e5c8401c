// domain → message → bytes → message → domain gives the same value, for every converter.
import type { InboundRoute, ServerPolicy } from '@weft/core';
import { LOCALHOST_AUTHORIZATION } from '@weft/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { duration, endpoint, ip, metadata, network, profile, socketAddress } from '../../test/arbitrary-basics.ts';
import { clientPolicy, serverPolicy } from '../../test/arbitrary-policy.ts';
import { codecOf, type MessageName } from '../codec.ts';
import type { MessageTypes } from '../gen/messages.ts';
import { ipFromWire, ipToWire, networkFromWire, networkToWire, socketAddressFromWire, socketAddressToWire } from './address.ts';
import { clientPolicyFromWire, clientPolicyToWire } from './client-policy.ts';
import { endpointFromWire, endpointToWire } from './endpoint.ts';
import { metadataFromWire, metadataToWire } from './metadata.ts';
import { bigintFromLong, longFromBigint } from './number.ts';
import { profileFromWire, profileToWire } from './profile.ts';
import { serverPolicyFromWire, serverPolicyToWire } from './server-policy.ts';
import { durationFromWire, durationToWire, timestampFromWire, timestampToWire } from './time.ts';

function throughBytes<N extends MessageName>(name: N, message: MessageTypes[N]): MessageTypes[N] {
  const codec = codecOf(name);
  return codec.decode(codec.encode(message));
}

/** The first value that does not come back equal, with the reason; undefined when all do. */
function counterexample<T>(arbitrary: fc.Arbitrary<T>, trip: (value: T) => T, numRuns = 200): string | undefined {
  const property = fc.property(arbitrary, (value) => {
    expect(trip(value)).toEqual(value);
  });
  const outcome = fc.check(property, { numRuns, seed: 1 });
  return outcome.failed ? fc.defaultReportMessage(outcome) : undefined;
}

test('addresses, sockets and networks survive', () => {
  expect(counterexample(ip, (value) => ipFromWire(throughBytes('net.IPAddress', ipToWire(value))))).toBeUndefined();
  expect(counterexample(socketAddress, (value) => socketAddressFromWire(throughBytes('net.TcpAddress', socketAddressToWire(value))))).toBeUndefined();
  expect(counterexample(network, (value) => networkFromWire(throughBytes('net.IPNetwork', networkToWire(value))))).toBeUndefined();
});

test('64-bit values survive, the highest bits included', () => {
  expect(counterexample(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (value) => bigintFromLong(longFromBigint(value)))).toBeUndefined();
  for (const value of [0n, 1n, 1n << 31n, 1n << 32n, 1n << 53n, 1n << 63n, (1n << 64n) - 1n]) expect(bigintFromLong(longFromBigint(value))).toBe(value);
});

test('durations survive to the nanosecond, timestamps on both sides of the epoch to the millisecond', () => {
  expect(counterexample(duration, (value) => durationFromWire(durationToWire(value)))).toBeUndefined();
  expect(counterexample(fc.integer({ min: -1e14, max: 1e14 }), (value) => timestampFromWire(timestampToWire(value)))).toBeUndefined();
});

test('metadata survive', () => {
  expect(counterexample(metadata, (value) => metadataFromWire(throughBytes('meta.Metadata', metadataToWire(value))))).toBeUndefined();
});

test('endpoints survive', () => {
  expect(counterexample(endpoint, (value) => endpointFromWire(throughBytes('destination.WeightedAddr', endpointToWire(value))))).toBeUndefined();
});

test('profiles survive', () => {
  expect(counterexample(profile, (value) => profileFromWire(throughBytes('destination.DestinationProfile', profileToWire(value))), 100)).toBeUndefined();
});

test('client policies survive', () => {
  expect(
    counterexample(clientPolicy, (value) => clientPolicyFromWire(throughBytes('outbound.OutboundPolicy', clientPolicyToWire(value))), 100),
  ).toBeUndefined();
});

test('server policies survive, with effective authorizations added', () => {
  fc.assert(
    fc.property(serverPolicy, (value) => {
      const received = serverPolicyFromWire(throughBytes('inbound.Server', serverPolicyToWire(value)));
      expect(received).toEqual(effective(value));
      expect(serverPolicyFromWire(serverPolicyToWire(received))).toEqual(received);
    }),
    { numRuns: 100, seed: 1 },
  );
});

function effective({ metadata: name, protocol }: ServerPolicy): unknown {
  const authorizations = [...protocol.authorizations, LOCALHOST_AUTHORIZATION];
  const add = (route: InboundRoute<unknown>) => ({ ...route, authorizations: [...route.authorizations, ...authorizations] });
  return {
    metadata: name,
    protocol: 'routes' in protocol ? { ...protocol, authorizations, routes: protocol.routes.map(add) } : { ...protocol, authorizations },
  };
}

test('whatever is received is frozen throughout', () => {
  const thawed = (value: unknown): boolean => typeof value === 'object' && value !== null && (!Object.isFrozen(value) || Object.values(value).some(thawed));
  fc.assert(
    fc.property(clientPolicy, serverPolicy, profile, (client, server, prof) => {
      expect(thawed(clientPolicyFromWire(clientPolicyToWire(client)))).toBe(false);
      expect(thawed(serverPolicyFromWire(serverPolicyToWire(server)))).toBe(false);
      expect(thawed(profileFromWire(profileToWire(prof)))).toBe(false);
    }),
    { numRuns: 30, seed: 1 },
  );
});
