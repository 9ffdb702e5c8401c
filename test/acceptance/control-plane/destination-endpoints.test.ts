// From Services to addresses, by EndpointSlices and by Endpoints. spec/control-plane.md §1.4, §6 rows 28 to 36.
import { endpointSliceKind, endpointsKind, type ServicePort, type SliceEndpoint, serviceKind } from '@weft/kube';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endpointOf, type TestNamespace } from './cluster.ts';
import { type Controller, isForeign, runController, startController, stopControllers } from './controller.ts';
import { type DestinationScene, destinationScene, ips, questions } from './destination-scene.ts';

type Ports = readonly { readonly name?: string; readonly port: number }[];
/** A part of a Service's endpoints: a slice, or a subset. */
interface Part {
  readonly endpoints: readonly SliceEndpoint[];
  readonly ports?: Ports;
}

let scene: DestinationScene;
let byEndpoints: Controller;
beforeAll(async () => {
  scene = await destinationScene();
  byEndpoints = await startController('destination', [`-kubeconfig=${scene.cluster.kubeconfig}`, '-enable-endpoint-slices=false', '-enable-ipv6=false']);
});
afterAll(async () => {
  await stopControllers();
  await scene?.[Symbol.asyncDispose]();
});

const HTTP: Ports = [{ name: 'http', port: 8080 }];

/** Writes all parts: as slices with numbers, or as subsets of one object. */
const writers = {
  async EndpointSlices(ns: TestNamespace, service: string, parts: readonly Part[]): Promise<void> {
    for (const [index, { endpoints, ports = HTTP }] of parts.entries()) await ns.slice(service, endpoints, ports, { name: `${service}-${index + 1}` });
  },
  async Endpoints(ns: TestNamespace, service: string, parts: readonly Part[]): Promise<void> {
    const { client } = scene.cluster;
    const address = ({ addresses: [ip = ''], hostname, targetRef }: SliceEndpoint) => ({ ip, ...(hostname && { hostname }), ...(targetRef && { targetRef }) });
    const object = {
      metadata: { name: service, namespace: ns.name },
      subsets: parts.map(({ endpoints, ports = HTTP }) => ({
        addresses: endpoints.filter(({ conditions }) => conditions?.ready !== false).map(address),
        notReadyAddresses: endpoints.filter(({ conditions }) => conditions?.ready === false).map(address),
        ports,
      })),
    };
    const known = await client.get(endpointsKind, { namespace: ns.name, name: service });
    await (known ? client.update(endpointsKind, object) : client.create(endpointsKind, object));
  },
};

describe.each(['EndpointSlices', 'Endpoints'] as const)('by %s', (kind) => {
  const write = writers[kind];
  const get = (path: string) => questions((kind === 'Endpoints' ? byEndpoints : scene.destination).channel()).get(path);
  const scenery = async (ports?: readonly ServicePort[], more?: object): Promise<TestNamespace> => {
    const ns = await scene.cluster.namespace();
    await ns.service('web', ports, more);
    return ns;
  };

  // Row 28.
  test('a NodePort Service with an unnamed port resolves', async () => {
    const ns = await scenery([{ port: 8989, targetPort: 8080 }], { type: 'NodePort' });
    await write(ns, 'web', [{ endpoints: [endpointOf(await ns.pod('web', { ip: '10.42.6.1' }))], ports: [{ port: 8080 }] }]);
    expect(ips(await get(ns.authority('web', 8989)).has('10.42.6.1:8080'))).toHaveLength(1);
  });

  test('a named target port resolves by the name of the Service port', async () => {
    const ns = await scenery([{ name: 'world', port: 7778, targetPort: 'hello' }]);
    await write(ns, 'web', [{ endpoints: [endpointOf(await ns.pod('web', { ip: '10.42.6.1' }))], ports: [{ name: 'world', port: 7779 }] }]);
    expect(ips(await get(ns.authority('web', 7778)).has('10.42.6.1:7779'))).toHaveLength(1);
  });

  // Row 29.
  test('of two parts with other ports, as in a rollout, only the one that has the named port counts', async () => {
    const ns = await scenery([
      { name: 'http', port: 80, targetPort: 'http' },
      { name: 'old', port: 81, targetPort: 'old' },
    ]);
    const [one, two] = [await ns.pod('one', { ip: '10.42.6.1' }), await ns.pod('two', { ip: '10.42.6.2' })];
    await write(ns, 'web', [{ endpoints: [endpointOf(one)] }, { endpoints: [endpointOf(two)], ports: [{ name: 'old', port: 9000 }] }]);
    await get(ns.authority('web')).has('10.42.6.1:8080');
    expect(ips(await get(ns.authority('web', 81)).has('10.42.6.2:9000'))).toEqual(['10.42.6.2']);
  });

  // Row 30.
  test('addresses of pods that are missing are left out, and the others are kept', async () => {
    const ns = await scenery();
    const here = endpointOf(await ns.pod('here', { ip: '10.42.6.1' }));
    const missing = { addresses: ['10.42.6.2'], targetRef: { kind: 'Pod', name: 'missing', namespace: ns.name } };
    await write(ns, 'web', [{ endpoints: [missing, here] }]);
    expect(ips(await get(ns.authority('web')).has('10.42.6.1:8080'))).toEqual(['10.42.6.1']);
  });

  // Row 31.
  test('the host name of a pod of a StatefulSet gives that pod alone', async () => {
    const ns = await scenery(undefined, { clusterIP: 'None' });
    const endpoints = [];
    for (const index of [0, 1, 2]) endpoints.push(endpointOf(await ns.pod(`web-${index}`, { ip: `10.42.6.${index}` }), { hostname: `web-${index}` }));
    await write(ns, 'web', [{ endpoints }]);
    const stream = get(`web-2.${ns.authority('web')}`);
    const set = await stream.has('10.42.6.2:8080');
    expect(set[0]?.labels['pod']).toBe('web-2');
  });

  // Row 34.
  test('what is deleted, a part, all parts or the Service, takes its own addresses and no others', async () => {
    const ns = await scenery();
    const pods = [await ns.pod('one', { ip: '10.42.6.1' }), await ns.pod('two', { ip: '10.42.6.2' })] as const;
    const parts = pods.map((pod) => ({ endpoints: [endpointOf(pod)] }));
    await write(ns, 'web', parts);
    const stream = get(ns.authority('web'));
    await stream.has('10.42.6.1:8080', '10.42.6.2:8080');
    if (kind === 'EndpointSlices') await scene.cluster.client.delete(endpointSliceKind, { namespace: ns.name, name: 'web-2' });
    else await write(ns, 'web', parts.slice(0, 1));
    await stream.has('10.42.6.1:8080');
    if (kind === 'EndpointSlices') await scene.cluster.client.delete(endpointSliceKind, { namespace: ns.name, name: 'web-1' });
    else await scene.cluster.client.delete(endpointsKind, { namespace: ns.name, name: 'web' });
    await stream.has();
    await write(ns, 'web', parts);
    await stream.has('10.42.6.1:8080', '10.42.6.2:8080');
    await scene.cluster.client.delete(serviceKind, { namespace: ns.name, name: 'web' });
    expect(await stream.has()).toEqual([]);
  });

  // Row 36.
  test('an endpoint that is no longer ready is removed, one that becomes ready is added, and scaling down removes one', async () => {
    const ns = await scenery();
    const [one, two] = [await ns.pod('one', { ip: '10.42.6.1' }), await ns.pod('two', { ip: '10.42.6.2' })];
    const state = (ready: boolean) => write(ns, 'web', [{ endpoints: [endpointOf(one), endpointOf(two, { conditions: { ready } })] }]);
    await state(true);
    const stream = get(ns.authority('web'));
    await stream.has('10.42.6.1:8080', '10.42.6.2:8080');
    const last = () => [stream.messages.at(-1)?.add?.addrs?.length, stream.messages.at(-1)?.remove?.addrs?.length];
    await state(false);
    await stream.has('10.42.6.1:8080');
    expect(last()).toEqual([undefined, 1]);
    await state(true);
    await stream.has('10.42.6.1:8080', '10.42.6.2:8080');
    expect(last()).toEqual([1, undefined]);
    await write(ns, 'web', [{ endpoints: [endpointOf(two)] }]);
    await stream.has('10.42.6.2:8080');
    expect(last()).toEqual([undefined, 1]);
  });
});

// Row 32.
test('a Service whose endpoints come later, or which comes back, has them then', async () => {
  const ns = await scene.cluster.namespace();
  await ns.service('web');
  const stream = scene.get(ns.authority('web'));
  await ns.slice('web', [endpointOf(await ns.pod('web', { ip: '10.42.6.9' }))]);
  await stream.has('10.42.6.9:8080');
  await scene.cluster.client.delete(serviceKind, { namespace: ns.name, name: 'web' });
  await stream.has();
  await ns.service('web');
  // Linkerd's looks at slices again when they change.
  await ns.slice('web', [endpointOf(await ns.pod('late', { ip: '10.42.6.10' }))]);
  expect(ips(await stream.has('10.42.6.10:8080'))).toEqual(['10.42.6.10']);
});

// Row 33.
test('a slice that names no Service is ignored, one that a Service owns is not', async () => {
  const ns = await scene.cluster.namespace();
  const { metadata } = await ns.service('web');
  const [one, two] = [await ns.pod('one', { ip: '10.42.6.1' }), await ns.pod('two', { ip: '10.42.6.2' })];
  // Linkerd's finds slices that a Service owns only when they change.
  await ns.slice('web', [endpointOf(await ns.pod('three', { ip: '10.42.6.3' }))]);
  const stream = scene.get(ns.authority('web'));
  await stream.has('10.42.6.3:8080');
  await ns.slice('web', [endpointOf(one)], undefined, { name: 'stray', labels: {} });
  const owner = { apiVersion: 'v1', kind: 'Service', name: 'web', uid: metadata.uid ?? '' };
  await scene.cluster.client.create(endpointSliceKind, {
    metadata: { name: 'owned', namespace: ns.name, ownerReferences: [owner] },
    addressType: 'IPv4',
    endpoints: [endpointOf(two)],
    ports: [{ name: 'http', port: 8080 }],
  });
  expect(ips(await stream.until((set) => set.length > 1))).toEqual(['10.42.6.2', '10.42.6.3']);
});

// Row 35.
test('a pod that changes is told again where what is told of it changes, and not for a slice that is written as it was', async () => {
  const ns = await scene.cluster.namespace();
  await ns.service('web');
  const pod = await ns.pod('web', { ip: '10.42.6.1' });
  await ns.slice('web', [endpointOf(pod)]);
  const stream = scene.get(ns.authority('web'));
  await stream.has('10.42.6.1:8080');
  const before = stream.messages.length;
  await ns.slice('web', [endpointOf(pod)]);
  await scene.patchPod(pod, { metadata: { annotations: { 'config.linkerd.io/opaque-ports': '8080' } } });
  // Linkerd's looks at pods again when their slice changes.
  if (isForeign('destination')) await ns.slice('web', [endpointOf(pod, { zone: 'zone-a' })]);
  await stream.until(([one]) => one?.hint === 'opaque');
  expect(stream.messages.slice(before).map(({ add, remove }) => [add?.addrs?.length, remove ?? undefined])).toEqual([[1, undefined]]);
});

test('the endpoint of a gateway whose identity changes is told again', async () => {
  const ns = await scene.cluster.namespace();
  await ns.service('web-east');
  const identity = (name: string) => ({ annotations: { 'mirror.linkerd.io/remote-gateway-identity': name } });
  const write = (name: string) => ns.slice('web-east', [{ addresses: ['198.51.100.2'] }], undefined, identity(name));
  await write('gateway.one');
  const stream = scene.get(ns.authority('web-east'));
  await stream.until(([one]) => one?.identity?.serverName === 'gateway.one');
  await write('gateway.two');
  await stream.until(([one]) => one?.identity?.serverName === 'gateway.two');
  expect(stream.messages.at(-1)?.remove ?? undefined).toBeUndefined();
});

// Linkerd's compares endpoints without their ports, and tells nothing.
test.skipIf(isForeign('destination'))('a change of the ports of a Service resolves them anew', async () => {
  const ns = await scene.cluster.namespace();
  const service = await ns.service('web');
  const ports = [
    { name: 'http', port: 8080 },
    { name: 'other', port: 9090 },
  ];
  await ns.slice('web', [endpointOf(await ns.pod('web', { ip: '10.42.6.1' }))], ports);
  const stream = scene.get(ns.authority('web'));
  await stream.has('10.42.6.1:8080');
  await scene.patchService(service, { spec: { ports: [{ name: 'other', port: 80, targetPort: 9090 }] } });
  expect(ips(await stream.has('10.42.6.1:9090'))).toEqual(['10.42.6.1']);
});

test.skipIf(isForeign('destination'))('IPv6 needs EndpointSlices', async () => {
  const { code, stderr } = await runController('destination', [`-kubeconfig=${scene.cluster.kubeconfig}`, '-enable-endpoint-slices=false']);
  expect([code, stderr.includes('-enable-ipv6')]).toEqual([64, true]);
});
