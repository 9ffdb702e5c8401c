// Endpoint streams: what each message does to a set, and which messages lead from one set to another.
import type { Endpoint, EndpointSet } from '@weft/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { endpoint as anyEndpoint } from '../../test/arbitrary-basics.ts';
import { codecOf } from '../codec.ts';
import type { DestinationUpdate } from '../gen/messages.ts';
import { socketAddressToWire } from './address.ts';
import { endpointFromWire, endpointToWire } from './endpoint.ts';
import { applyUpdate, diffToUpdates, noEndpointsUpdate } from './update-stream.ts';

const endpoint = (port: number, labels: Record<string, string> = {}): Endpoint =>
  endpointFromWire(endpointToWire({ address: { ip: '10.42.0.5', port }, weight: 10_000, labels, hint: 'none' }));
const add = (...set: Endpoint[]): DestinationUpdate => ({ add: { addrs: set.map((item) => endpointToWire(item)) } });
const remove = (...set: Endpoint[]): DestinationUpdate => ({ remove: { addrs: set.map(({ address }) => socketAddressToWire(address)) } });
const [a, b, c] = [endpoint(1), endpoint(2), endpoint(3)];

function applied(previous: EndpointSet, update: DestinationUpdate, isFirst = false): EndpointSet {
  const result = applyUpdate(previous, update, isFirst);
  if (result.kind !== 'endpoints') throw new Error(`the update is ${result.kind}`);
  return result.endpoints;
}

test('adds new endpoints behind the known ones and replaces changed ones in place', () => {
  const changed = endpoint(1, { pod: 'a' });
  expect(applied([a, b], add(changed, c))).toEqual([changed, b, c]);
});

test('replaces the whole set by the first add of a stream', () => {
  expect(applied([a, b], add(b, c), true)).toEqual([b, c]);
});

test('keeps the identity of unchanged endpoints, and of the set when nothing changed', () => {
  const set = [a, b];
  expect(applied(set, add(endpoint(2), c))[1]).toBe(b);
  expect(applied(set, add(c, endpoint(2)), true)[1]).toBe(b);
  expect(applied(set, add(endpoint(2)))).toBe(set);
  expect(applied(set, add(endpoint(1), endpoint(2)), true)).toBe(set);
});

test('removes by address alone', () => {
  expect(applied([a, b], remove(endpoint(1, { other: 'labels' }), c))).toEqual([b]);
  expect(applied([a], remove(a))).toEqual([]);
});

test('ignores a leading remove and empty lists', () => {
  expect(applyUpdate([a], remove(a), true)).toEqual({ kind: 'ignored' });
  for (const isFirst of [true, false]) {
    for (const update of [{ add: {} }, { remove: {} }, {}]) expect(applyUpdate([a], update, isFirst)).toEqual({ kind: 'ignored' });
  }
});

test('empties the set of a target that exists, and tells one that does not', () => {
  expect(applied([a], noEndpointsUpdate(true))).toEqual([]);
  expect(applied([a], noEndpointsUpdate(true), true)).toEqual([]);
  expect(applyUpdate([a], noEndpointsUpdate(false), true)).toEqual({ kind: 'absent' });
});

test('overlays the labels of the set by those of the address', () => {
  const update = { add: { addrs: [endpointToWire(endpoint(1, { zone: 'own', pod: 'p' }))], metricLabels: { zone: 'set', service: 's' } } };
  expect(applied([], update)[0]?.labels).toEqual({ zone: 'own', pod: 'p', service: 's' });
});

test('skips addresses that are not valid', () => {
  const broken = { addr: { ip: {}, port: 1 } };
  expect(applied([], { add: { addrs: [broken, {}, { addr: { ip: { ipv4: 1 }, port: 65536 } }, endpointToWire(a)] } }, true)).toEqual([a]);
  expect(applyUpdate([b], { add: { addrs: [broken] } }, true)).toEqual({ kind: 'ignored' });
  expect(applied([a, b], { remove: { addrs: [{}, socketAddressToWire(a.address)] } })).toEqual([b]);
});

test('sends additions before removals and a changed endpoint as an addition alone', () => {
  const changed = endpoint(2, { pod: 'b' });
  const updates = diffToUpdates([a, b], [changed, c]);
  expect(updates.map(({ add: added, remove: removed }) => [added?.addrs?.map((item) => item.addr?.port), removed?.addrs?.map((item) => item.port)])).toEqual([
    [[2, 3], undefined],
    [undefined, [1]],
  ]);
});

test('sends nothing when nothing changed and never an empty list', () => {
  expect(diffToUpdates([], [])).toEqual([]);
  expect(diffToUpdates([a, b], [endpoint(2), endpoint(1)])).toEqual([]);
  expect(diffToUpdates([a], [])).toEqual([remove(a)]);
});

test('sends labels of the set once where every endpoint has them', () => {
  const set = [endpoint(1, { service: 's', pod: 'a' }), endpoint(2, { service: 'other', pod: 'b' })];
  const [update] = diffToUpdates([], set, { setLabels: { service: 's', pod: 'x', missing: 'y' } });
  expect(update?.add?.metricLabels).toEqual({ service: 's', pod: 'x' });
  expect(update?.add?.addrs?.map((item) => item.metricLabels)).toEqual([{ pod: 'a' }, { service: 'other', pod: 'b' }]);
  expect(applied([], update ?? {}, true)).toEqual(set);
});

test('what one side sends leads the other to the same set', () => {
  const sets = fc.uniqueArray(anyEndpoint, { maxLength: 5, selector: ({ address }) => `${address.ip} ${address.port}` });
  const codec = codecOf('destination.Update');
  fc.assert(
    fc.property(fc.array(sets, { maxLength: 5 }), fc.dictionary(fc.constantFrom('pod', 'zone'), fc.string()), (steps, setLabels) => {
      let [sent, received]: EndpointSet[] = [[], []];
      let isFirst = true;
      for (const next of steps) {
        for (const update of diffToUpdates(sent ?? [], next, { setLabels })) {
          received = applied(received ?? [], codec.decode(codec.encode(update)), isFirst);
          isFirst = false;
        }
        sent = next;
        const byPort = (set: EndpointSet) => new Map(set.map((item) => [`${item.address.ip} ${item.address.port}`, item]));
        expect(byPort(received ?? [])).toEqual(byPort(next));
      }
    }),
    { numRuns: 50, seed: 1 },
  );
});
