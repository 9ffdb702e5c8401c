import type { Endpoint } from '@weft/core';
import { applyUpdate, codecOf } from '@weft/wire';
import { expect, test } from 'vitest';
import type { Snapshot } from '../endpoints/port-endpoints.ts';
import { endpointMessages } from './messages.ts';

const update = codecOf('destination.Update');
const labels = { service: 'web', namespace: 'shop' };
const endpoint = (ip: string, weight = 1): Endpoint => ({ address: { ip, port: 80 }, weight, labels, hint: 'none' });
const snapshot = (...endpoints: readonly Endpoint[]): Snapshot => new Map(endpoints.map((one) => [`${one.address.ip}:80`, one]));
const kinds = (messages: readonly Buffer[]) => messages.map((bytes) => Object.keys(update.decode(bytes)));

test('streams that take the same step get the same bytes, and one that skipped a state gets its own', () => {
  const messages = endpointMessages();
  const [a, b, c] = [endpoint('10.0.0.1'), endpoint('10.0.0.2'), endpoint('10.0.0.3')];
  const [first, second, third] = [snapshot(a), snapshot(a, b), snapshot(b, c)];
  expect(messages(second, first)).toBe(messages(second, first));
  expect(kinds(messages(third, second))).toEqual([['add'], ['remove']]);
  const skipped = messages(third, first);
  expect(skipped.map((bytes) => update.decode(bytes).add?.addrs?.length)).toEqual([2, undefined]);
  const set = skipped.reduce(
    (now, bytes) => {
      const applied = applyUpdate(now, update.decode(bytes), false);
      return applied.kind === 'endpoints' ? applied.endpoints : [];
    },
    [a] as readonly Endpoint[],
  );
  expect(set.map(({ address }) => address.ip)).toEqual(['10.0.0.2', '10.0.0.3']);
});

test('an empty set is said at the start, and is a removal later; one that is equal is not said again', () => {
  const messages = endpointMessages();
  const one = snapshot(endpoint('10.0.0.1'));
  expect(kinds(messages(snapshot(), undefined))).toEqual([['noEndpoints']]);
  expect(kinds(messages(one, undefined))).toEqual([['add']]);
  expect(kinds(messages(snapshot(), one))).toEqual([['remove']]);
  expect(messages(new Map(one), one)).toEqual([]);
});

test('an endpoint that changed is added again without being removed', () => {
  const messages = endpointMessages();
  expect(kinds(messages(snapshot(endpoint('10.0.0.1', 2)), snapshot(endpoint('10.0.0.1', 1))))).toEqual([['add']]);
});
