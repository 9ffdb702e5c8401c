// The API server goes away and comes back with another history: nothing is lost meanwhile, changes after are seen.
import { podKind } from '@weft/kube';
import { destinationService, inboundPoliciesService, outboundPoliciesService } from '@weft/wire';
import { afterAll, expect, test } from 'vitest';
import { endpointOf, startCluster, type TestCluster } from './cluster.ts';
import { startController, stopControllers } from './controller.ts';
import { addressesOf, openEndpoints, openStream } from './stream.ts';

afterAll(stopControllers);

/** The same objects each time: of a cluster that is restored. */
async function fill({ namespace }: Pick<TestCluster, 'namespace'>): ReturnType<TestCluster['namespace']> {
  const ns = await namespace();
  await ns.service('web', undefined, { clusterIP: '10.43.0.80' });
  const pods = [];
  for (const index of [1, 2]) pods.push(await ns.pod(`web-${index}`, { ip: `10.42.0.${index}` }));
  await ns.slice(
    'web',
    pods.map((pod) => endpointOf(pod)),
  );
  return ns;
}

test('no endpoint and no policy is lost while the API server is away, and changes after its return are seen', async () => {
  const first = await startCluster();
  const ns = await fill(first);
  await using destination = await startController('destination', [`-kubeconfig=${first.kubeconfig}`]);
  await using policy = await startController('policy', [`--kubeconfig=${first.kubeconfig}`, '--default-opaque-ports=25', '--admission-controller-disabled']);
  const endpoints = openEndpoints(destination.channel(), { path: ns.authority('web') });
  const profile = openStream(destination.channel(), destinationService.GetProfile, { path: '10.42.0.1:8080' });
  const inbound = openStream(policy.channel(), inboundPoliciesService.WatchPort, { workload: `${ns.name}:web-1`, port: 8080 });
  const outbound = openStream(policy.channel(), outboundPoliciesService.Watch, { sourceWorkload: `${ns.name}:web-1`, authority: ns.authority('web') });
  await Promise.all([endpoints.has('10.42.0.1:8080', '10.42.0.2:8080'), profile.next(), inbound.next(), outbound.next()]);
  const messages = endpoints.messages.length;

  await first[Symbol.asyncDispose]();
  // Still served, to those who were there and to those who come.
  const late = openEndpoints(destination.channel(), { path: ns.authority('web') });
  expect(addressesOf(await late.has('10.42.0.1:8080', '10.42.0.2:8080'))).toHaveLength(2);
  expect((await destination.admin('/ready')).status).toBe(200);

  const second = await startCluster({ port: first.port, fill: (cluster) => fill(cluster).then(() => undefined) });
  await using _second = second;
  const again = second.existing(ns.name);
  await second.client.delete(podKind, { namespace: ns.name, name: 'web-2' });
  const third = await again.pod('web-3', { ip: '10.42.0.3' });
  const one = await second.client.get(podKind, { namespace: ns.name, name: 'web-1' });
  if (!one) throw new TypeError('web-1 is not there');
  await again.slice('web', [endpointOf(one), endpointOf(third)]);
  await Promise.all([endpoints.has('10.42.0.1:8080', '10.42.0.3:8080'), late.has('10.42.0.1:8080', '10.42.0.3:8080')]);
  // Neither stream ended, and web-1 was never taken away.
  const removed = endpoints.messages.slice(messages).flatMap(({ remove }) => remove?.addrs ?? []);
  expect(removed.map(({ ip }) => ip?.ipv4)).not.toContain(0x0a2a0001);
  const annotations = { 'config.linkerd.io/default-inbound-policy': 'deny' };
  await second.client.patch(podKind, { namespace: ns.name, name: 'web-1' }, { kind: 'merge', value: { metadata: { annotations } } });
  expect((await inbound.next()).labels?.['name']).toBe('deny');
  expect([inbound.messages.length, outbound.messages.length]).toEqual([2, 1]);
});
