// Addresses of both families. spec/control-plane.md §1.5, §6 rows 2, 3, 33, 38.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endpointOf, type TestNamespace } from './cluster.ts';
import { startController, stopControllers } from './controller.ts';
import { type DestinationScene, destinationScene, dualStack, ips, questions } from './destination-scene.ts';

let scene: DestinationScene;
beforeAll(async () => {
  scene = await destinationScene();
});
afterAll(async () => {
  await stopControllers();
  await scene?.[Symbol.asyncDispose]();
});

const V6 = { name: 'web-v6', addressType: 'IPv6' } as const;

/** A Service whose one pod has `10.42.1.1` and `2001:db8::1`; its slices are written by the test. */
async function dual(): Promise<{ ns: TestNamespace; v4: (present: boolean) => Promise<unknown>; v6: (present: boolean) => Promise<unknown> }> {
  const ns = await scene.cluster.namespace();
  await ns.service('web');
  const pod = await ns.pod('web', dualStack('10.42.1.1', '2001:db8::1'));
  return {
    ns,
    v4: (present) => ns.slice('web', present ? [endpointOf(pod)] : []),
    v6: (present) => ns.slice('web', present ? [endpointOf(pod, { addresses: ['2001:db8::1'] })] : [], undefined, V6),
  };
}

// Rows 2 and 3.
test.each([
  ['IPv4', true, false, ['10.42.1.1']],
  ['IPv6', false, true, ['2001:db8::1']],
  ['dual-stack', true, true, ['2001:db8::1']],
])('a Service that is %s has one addition, with the IPv6 address where there is one', async (_name, v4, v6, expected) => {
  const service = await dual();
  if (v6) await service.v6(true);
  if (v4) await service.v4(true);
  const stream = scene.get(service.ns.authority('web'));
  expect(ips(await stream.until((set) => ips(set).join() === expected.join()))).toEqual(expected);
  expect(stream.messages.filter(({ add }) => add)).toHaveLength(1);
});

test('a Service that becomes single-stack has its IPv4 address added and its IPv6 address removed, and the reverse', async () => {
  const { ns, v4, v6 } = await dual();
  await v6(true);
  await v4(true);
  const stream = scene.get(ns.authority('web'));
  await stream.until((set) => ips(set).join() === '2001:db8::1');
  await v6(false);
  await stream.until((set) => ips(set).join() === '10.42.1.1');
  await v6(true);
  await stream.until((set) => ips(set).join() === '2001:db8::1');
  const [added, removed] = stream.messages.slice(-2);
  expect([added?.add?.addrs?.length, removed?.remove?.addrs?.map(({ ip }) => ip?.ipv4)]).toEqual([1, [0x0a2a_0101]]);
});

test('an IPv4 slice that joins a dual-stack Service sends nothing', async () => {
  const { ns, v4, v6 } = await dual();
  await v6(true);
  const stream = scene.get(ns.authority('web'));
  await stream.until((set) => ips(set).join() === '2001:db8::1');
  const before = stream.messages.length;
  await v4(true);
  const other = await ns.pod('other', { ip: '10.42.1.2' });
  await ns.slice('web', [endpointOf(other)], undefined, { name: 'web-2' });
  await stream.until((set) => set.length === 2);
  const later = stream.messages.slice(before);
  expect(later.map(({ add, remove }) => [add?.addrs?.map(({ addr }) => addr?.ip?.ipv4), remove ?? undefined])).toEqual([[[0x0a2a_0102], undefined]]);
});

// Row 38.
test('an IPv6 address is preferred only if it is left by the zone hints', async () => {
  const ns = await scene.cluster.namespace();
  await ns.service('web');
  const pod = await ns.pod('web', dualStack('10.42.1.1', '2001:db8::1'));
  const inZone = (name: string) => ({ hints: { forZones: [{ name }] } });
  await ns.slice('web', [endpointOf(pod, { addresses: ['2001:db8::1'], ...inZone('zone-b') })], undefined, V6);
  await ns.slice('web', [endpointOf(pod, inZone('zone-a'))]);
  const near = scene.get(ns.authority('web'), { nodeName: 'node-a' });
  expect(ips(await near.until((set) => ips(set).join() === '10.42.1.1'))).toEqual(['10.42.1.1']);
  await scene.get(ns.authority('web'), { nodeName: 'node-b' }).until((set) => ips(set).join() === '2001:db8::1');
});

// Row 33.
test('without IPv6 a slice of IPv6 is ignored', async () => {
  await using other = await startController('destination', [`-kubeconfig=${scene.cluster.kubeconfig}`, '-enable-ipv6=false']);
  const { ns, v4, v6 } = await dual();
  await v6(true);
  await v4(true);
  const stream = questions(other.channel()).get(ns.authority('web'));
  await stream.until((set) => ips(set).join() === '10.42.1.1');
  expect(stream.messages.flatMap(({ add }) => add?.addrs ?? []).every(({ addr }) => addr?.ip?.ipv6 === null || addr?.ip?.ipv6 === undefined)).toBe(true);
});
