// Where endpoints and clients are: zones, hints, nodes. spec/control-plane.md §1.5, §1.6, §6 rows 23, 37, 39.
import type { SliceEndpoint } from '@weft/kube';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endpointOf } from './cluster.ts';
import { startController, stopControllers } from './controller.ts';
import { type DestinationScene, destinationScene, ips, questions } from './destination-scene.ts';

let scene: DestinationScene;
beforeAll(async () => {
  scene = await destinationScene();
});
afterAll(async () => {
  await stopControllers();
  await scene?.[Symbol.asyncDispose]();
});

const hint = (...names: readonly string[]): Partial<SliceEndpoint> => ({ hints: { forZones: names.map((name) => ({ name })) } });
const here = { nodeName: 'node-a' };

// Row 23.
test.each([
  ['off', [], [10_000, 10_000]],
  ['on', ['-ext-endpoint-zone-weights'], [100_000, 10_000]],
] as const)('with zone weights %s the endpoints in the zone of the client and in another weigh as they should', async (_name, args, weights) => {
  await using destination = await startController('destination', [`-kubeconfig=${scene.cluster.kubeconfig}`, ...args]);
  const ns = await scene.cluster.namespace();
  await ns.service('web');
  const [near, far] = [await ns.pod('near', { ip: '10.42.2.1' }), await ns.pod('far', { ip: '10.42.2.2' })];
  await ns.slice('web', [endpointOf(near, { zone: 'zone-a' }), endpointOf(far, { zone: 'zone-b' })]);
  const set = await questions(destination.channel()).get(ns.authority('web'), here).has('10.42.2.1:8080', '10.42.2.2:8080');
  const sorted = [...set].sort((a, b) => (a.address.ip < b.address.ip ? -1 : 1));
  expect(sorted.map(({ weight }) => weight)).toEqual(weights);
  expect(sorted.map(({ labels }) => labels['zone_locality'])).toEqual(['local', 'remote']);
});

// Row 37.
test('zone hints that come and go filter anew, and an endpoint without any turns them off', async () => {
  const ns = await scene.cluster.namespace();
  await ns.service('web');
  const [one, two] = [await ns.pod('one', { ip: '10.42.2.1' }), await ns.pod('two', { ip: '10.42.2.2' })];
  const write = (first: Partial<SliceEndpoint>, second: Partial<SliceEndpoint>) => ns.slice('web', [endpointOf(one, first), endpointOf(two, second)]);
  await write({}, {});
  const stream = scene.get(ns.authority('web'), here);
  await stream.until((set) => set.length === 2);
  await write(hint('zone-a'), hint('zone-b'));
  expect(ips(await stream.until((set) => set.length === 1))).toEqual(['10.42.2.1']);
  await write(hint('zone-b'), hint('zone-b'));
  await stream.until((set) => set.length === 2);
  await write(hint('zone-b'), hint('zone-b', 'zone-a'));
  expect(ips(await stream.until((set) => set.length === 1))).toEqual(['10.42.2.2']);
  await write({}, hint('zone-a'));
  await stream.until((set) => set.length === 2);
});

// Row 39.
test('with a local traffic policy a change of endpoints on another node sends nothing', async () => {
  const ns = await scene.cluster.namespace();
  await ns.service('web', undefined, { internalTrafficPolicy: 'Local' });
  const pods = [
    await ns.pod('here', { ip: '10.42.2.1', spec: { nodeName: 'node-a' } }),
    await ns.pod('too', { ip: '10.42.2.2', spec: { nodeName: 'node-a' } }),
    await ns.pod('there', { ip: '10.42.2.3', spec: { nodeName: 'node-b' } }),
  ] as const;
  await ns.slice('web', [endpointOf(pods[0]), endpointOf(pods[2])]);
  const stream = scene.get(ns.authority('web'), here);
  await stream.has('10.42.2.1:8080');
  const before = stream.messages.length;
  await ns.slice('web', [endpointOf(pods[0])]);
  await ns.slice('web', [endpointOf(pods[0]), endpointOf(pods[1])]);
  await stream.has('10.42.2.1:8080', '10.42.2.2:8080');
  expect(stream.messages.slice(before).map(({ add, remove }) => [add?.addrs?.length, remove ?? undefined])).toEqual([[1, undefined]]);
});

test('a change of the traffic policy filters anew from all endpoints', async () => {
  const ns = await scene.cluster.namespace();
  const service = await ns.service('web');
  const [near, far] = [
    await ns.pod('here', { ip: '10.42.2.1', spec: { nodeName: 'node-a' } }),
    await ns.pod('there', { ip: '10.42.2.3', spec: { nodeName: 'node-b' } }),
  ];
  await ns.slice('web', [endpointOf(near), endpointOf(far)]);
  const stream = scene.get(ns.authority('web'), here);
  await stream.has('10.42.2.1:8080', '10.42.2.3:8080');
  const policy = (internalTrafficPolicy: string) => scene.patchService(service, { spec: { internalTrafficPolicy } });
  await policy('Local');
  await stream.has('10.42.2.1:8080');
  await policy('Cluster');
  expect(ips(await stream.has('10.42.2.1:8080', '10.42.2.3:8080'))).toEqual(['10.42.2.1', '10.42.2.3']);
});
