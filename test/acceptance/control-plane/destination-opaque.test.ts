// Opaque ports: by default, by annotation, by Server. spec/control-plane.md §1.6, §1.10, §6 rows 5, 6, 13, 14, 20, 40, 41.
import { type PolicyServer, policyServerKind } from '@weft/kube';
import { profileFromWire } from '@weft/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endpointOf } from './cluster.ts';
import { isForeign, stopControllers } from './controller.ts';
import { type DestinationScene, destinationScene } from './destination-scene.ts';

let scene: DestinationScene;
beforeAll(async () => {
  scene = await destinationScene();
});
afterAll(async () => {
  await stopControllers();
  await scene?.[Symbol.asyncDispose]();
});

const OPAQUE_PORTS = 'config.linkerd.io/opaque-ports';
const remove = ({ metadata: { namespace = '', name } }: PolicyServer) => scene.cluster.client.delete(policyServerKind, { namespace, name });

// Row 6.
test.each([
  ['', false, 8080, '10.42.3.1'],
  [' that is a native sidecar', true, 'http', '10.42.3.9'],
] as const)('an opaque Server makes the port of a pod with a proxy%s opaque until it is deleted', async (_name, nativeSidecar, port, ip) => {
  const ns = await scene.cluster.namespace();
  await ns.service('web');
  const pod = await ns.pod('web', { ip, nativeSidecar, labels: { app: 'web' } });
  await ns.slice('web', [endpointOf(pod)]);
  const stream = scene.get(ns.authority('web'));
  await stream.until(([endpoint]) => endpoint?.hint === 'h2');
  const profile = scene.profile(`${ip}:8080`);
  await profile.until(({ endpoint }) => Boolean(endpoint?.tlsIdentity));
  const server = await ns.opaqueServer('web', { port, podSelector: { matchLabels: { app: 'web' } } });
  const [endpoint] = await stream.until(([one]) => one?.hint === 'opaque');
  expect(endpoint?.opaqueTransportPort).toBe(4143);
  expect(profileFromWire(await profile.until(({ opaqueProtocol }) => opaqueProtocol === true)).endpoint).toMatchObject({
    hint: 'opaque',
    opaqueTransportPort: 4143,
  });
  await remove(server);
  const [again] = await stream.until(([one]) => one?.hint === 'h2');
  expect(again?.opaqueTransportPort).toBeUndefined();
  // Linkerd's takes the mark of a Server from addresses of Services only.
  if (!isForeign('destination')) await profile.until(({ opaqueProtocol }) => !opaqueProtocol);
});

// Row 40.
test('a Server of another namespace, for other pods, or for another port makes nothing opaque', async () => {
  const [ns, other] = [await scene.cluster.namespace(), await scene.cluster.namespace()];
  await ns.service('web');
  await ns.slice('web', [endpointOf(await ns.pod('web', { ip: '10.42.3.2', labels: { app: 'web' } }))]);
  const stream = scene.get(ns.authority('web'));
  await stream.until((set) => set.length === 1);
  await other.opaqueServer('all', {});
  await ns.opaqueServer('others', { podSelector: { matchLabels: { app: 'other' } } });
  await ns.opaqueServer('admin', { port: 4191 });
  await ns.opaqueServer('unknown', { proxyProtocol: 'unknown' });
  // The last one is seen after all others.
  await ns.opaqueServer('web', {});
  await stream.until(([one]) => one?.hint === 'opaque');
  const before = stream.messages.flatMap(({ add }) => add?.addrs ?? []).map(({ protocolHint }) => Boolean(protocolHint?.opaque));
  expect(before).toEqual([...before.slice(0, -1).map(() => false), true]);
});

// Row 5.
test('a port that the proxy does not see has neither hint nor identity', async () => {
  const ns = await scene.cluster.namespace();
  await ns.service('web');
  const annotations = { 'config.linkerd.io/skip-inbound-ports': '8080' };
  await ns.slice('web', [endpointOf(await ns.pod('web', { ip: '10.42.3.3', annotations }))]);
  const stream = scene.get(ns.authority('web'));
  await stream.until((set) => set.length === 1);
  const [address] = stream.messages.at(-1)?.add?.addrs ?? [];
  expect([Object.keys(address?.protocolHint ?? {}).filter((key) => address?.protocolHint?.[key as 'h2']), address?.tlsIdentity ?? undefined]).toEqual([
    [],
    undefined,
  ]);
});

// Row 20.
test('an opaque port is reached through the inbound port of the proxy, the admin port of the proxy is not', async () => {
  const ns = await scene.cluster.namespace();
  const annotations = { [OPAQUE_PORTS]: '8080,4191' };
  await ns.service('web', [
    { name: 'http', port: 80 },
    { name: 'admin', port: 4191 },
  ]);
  const ports = [
    { name: 'http', port: 8080 },
    { name: 'admin', port: 4191 },
  ];
  await ns.slice('web', [endpointOf(await ns.pod('web', { ip: '10.42.3.4', annotations }))], ports);
  const [web] = await scene.get(ns.authority('web')).until((set) => set.length === 1);
  const [admin] = await scene.get(ns.authority('web', 4191)).until((set) => set.length === 1);
  expect([web?.hint, web?.opaqueTransportPort, admin?.hint, admin?.opaqueTransportPort]).toEqual(['opaque', 4143, 'opaque', undefined]);
});

// Row 13.
test('a pod without a proxy on a port that is opaque by default has an opaque profile, without hint', async () => {
  const ns = await scene.cluster.namespace();
  const containers = [{ name: 'db', image: 'db', ports: [{ containerPort: 3306 }] }];
  await ns.pod('db', { ip: '10.42.3.5', meshed: false, spec: { containers } });
  const profile = await scene.profileOf('10.42.3.5:3306', ({ endpoint }) => endpoint?.labels['pod'] === 'db');
  expect([profile.opaqueProtocol, profile.endpoint?.hint, profile.endpoint?.opaqueTransportPort]).toEqual([true, 'none', undefined]);
});

// Row 14.
test('the profile of a Service is opaque by its own annotation, not by that of its pods', async () => {
  const ns = await scene.cluster.namespace();
  const service = await ns.service('web');
  await ns.slice('web', [endpointOf(await ns.pod('web', { ip: '10.42.3.6', annotations: { [OPAQUE_PORTS]: '80,8080' } }))]);
  const path = `${service.spec.clusterIP}:80`;
  // Whoever knows the Service by its name knows it by its address.
  await scene.profileOf(ns.authority('web'));
  const stream = scene.profile(path);
  const first = await stream.next();
  expect([first.fullyQualifiedName, first.opaqueProtocol ?? false]).toEqual([`web.${ns.name}.svc.cluster.local`, false]);
  await scene.patchService(service, { metadata: { annotations: { [OPAQUE_PORTS]: '80' } } });
  await stream.until(({ opaqueProtocol }) => opaqueProtocol === true);
});

// Row 41.
test('the opaque ports of a Service follow its annotation: added, empty, removed; and unchanged ones are not sent again', async () => {
  const ns = await scene.cluster.namespace();
  const service = await ns.service('db', [{ name: 'mysql', port: 3306 }]);
  const stream = scene.profile(ns.authority('db', 3306));
  const annotate = (value: string | null) => scene.patchService(service, { metadata: { annotations: { [OPAQUE_PORTS]: value } } });
  const opaque = (wanted: boolean) => stream.until(({ opaqueProtocol = false }) => opaqueProtocol === wanted);
  await opaque(true);
  await annotate('');
  await opaque(false);
  await annotate('mysql');
  await opaque(true);
  await annotate('3306, 9999');
  await annotate(null);
  await annotate('25');
  await opaque(false);
  // Linkerd's sends again what it has when the list of ports is another.
  expect(stream.messages.length).toBeLessThanOrEqual(isForeign('destination') ? 6 : 4);
});
