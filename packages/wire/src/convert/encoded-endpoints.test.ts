import type { Endpoint, EndpointSet } from '@weft/core';
import { expect, test } from 'vitest';
import { codecOf } from '../codec.ts';
import { endpointEncoder } from './encoded-endpoints.ts';
import { applyUpdate, noEndpointsUpdate } from './update-stream.ts';

const update = codecOf('destination.Update');
const encoder = endpointEncoder(['service', 'namespace']);
const endpoint = (ip: string, labels: Readonly<Record<string, string>>): Endpoint => ({ address: { ip, port: 8080 }, weight: 10_000, labels, hint: 'h2' });
const web = { service: 'web', namespace: 'shop' };
const apply = (messages: readonly Buffer[]): EndpointSet =>
  messages.reduce<EndpointSet>((set, bytes, index) => {
    const applied = applyUpdate(set, update.decode(bytes), index === 0);
    return applied.kind === 'endpoints' ? applied.endpoints : [];
  }, []);

test('bytes of an addition read as the endpoints that were given, however many', () => {
  const many = Array.from({ length: 300 }, (_, index) => endpoint(`10.0.${index >> 8}.${index & 255}`, { ...web, pod: `web-${index}` }));
  const messages = encoder.add(many);
  expect(messages).toHaveLength(1);
  expect(apply(messages)).toEqual(many.map((one) => expect.objectContaining(one)));
});

test('labels of the set stand with the set, and endpoints of another set are another message', () => {
  const messages = encoder.add([endpoint('10.0.0.1', { ...web, pod: 'a' }), endpoint('10.0.0.2', { ...web, service: 'other' }), endpoint('10.0.0.3', web)]);
  const sets = messages.map((bytes) => update.decode(bytes).add);
  expect(sets.map((set) => [set?.metricLabels, set?.addrs?.map(({ metricLabels }) => metricLabels)])).toEqual([
    [web, [{ pod: 'a' }, {}]],
    [{ ...web, service: 'other' }, [{}]],
  ]);
});

test('removals name addresses, and an empty set is said', () => {
  const { remove } = update.decode(encoder.remove([{ ip: '10.0.0.1', port: 8080 }]));
  expect(remove?.addrs).toMatchObject([{ ip: { ipv4: 0x0a00_0001 }, port: 8080 }]);
  expect(update.decode(encoder.noEndpoints(true))).toMatchObject(noEndpointsUpdate(true));
});
