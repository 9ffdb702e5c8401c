// Destination.GetProfile of the process against the embedded API server. spec/control-plane.md §1.10.
import type { Profile } from '@weft/core';
import { podKind, serviceKind } from '@weft/kube';
import { type DestinationProfile, destinationService, profileFromWire, RpcCode } from '@weft/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endpointOf, startCluster, type TestCluster } from './cluster.ts';
import { type Controller, isForeign, startController, stopControllers } from './controller.ts';
import { openStream, type Stream } from './stream.ts';

let cluster: TestCluster;
let destination: Controller;

beforeAll(async () => {
  cluster = await startCluster();
  destination = await startController('destination', [`--kubeconfig=${cluster.kubeconfig}`, '--default-opaque-ports=3306']);
});

afterAll(async () => {
  await stopControllers();
  await cluster?.[Symbol.asyncDispose]();
});

/** Asked again while the Service is not known. */
const open = (path: string, retry: readonly number[] = [RpcCode.UNKNOWN, RpcCode.NOT_FOUND]): Stream<DestinationProfile> =>
  openStream(destination.channel(), destinationService.GetProfile, { path }, retry);
/** The first profile of a Service, or of a pod that the process knows by now. */
const profileOf = async (path: string, ready: (message: DestinationProfile) => boolean = () => true): Promise<Profile> =>
  profileFromWire(await open(path).until(ready));
const isPod = ({ endpoint }: DestinationProfile): boolean => endpoint?.metricLabels?.['pod'] !== undefined;
const isService = ({ fullyQualifiedName }: DestinationProfile): boolean => (fullyQualifiedName ?? '') !== '';
const DEFAULT_BUDGET = { retryRatio: expect.closeTo(0.2), minRetriesPerSecond: 10, ttlMs: 10_000 };

test('the cluster IP and the name of a Service have the same profile', async () => {
  const ns = await cluster.namespace();
  const { spec } = await ns.service('web');
  const byName = await profileOf(ns.authority('web'));
  expect(byName).toMatchObject({
    fullyQualifiedName: `web.${ns.name}.svc.cluster.local`,
    opaqueProtocol: false,
    retryBudget: DEFAULT_BUDGET,
    parent: { kind: 'resource', group: 'core', resource: 'Service', name: 'web', namespace: ns.name, port: 80 },
  });
  expect(byName.endpoint).toBeUndefined();
  expect(await profileOf(`${spec.clusterIP}:80`, isService)).toEqual(byName);
});

test('a port that the Service does not declare has the empty profile, until it does', async () => {
  const ns = await cluster.namespace();
  await ns.service('web');
  const stream = open(ns.authority('web', 81));
  expect(profileFromWire(await stream.next())).toEqual(profileFromWire({}));
  if (isForeign('destination')) return;
  await cluster.client.patch(
    serviceKind,
    { namespace: ns.name, name: 'web' },
    {
      kind: 'merge',
      value: {
        spec: {
          ports: [
            { name: 'http', port: 80 },
            { name: 'more', port: 81 },
          ],
        },
      },
    },
  );
  await stream.until(({ fullyQualifiedName }) => fullyQualifiedName === `web.${ns.name}.svc.cluster.local`);
});

test('a change of the annotation for opaque ports sends the profile again, other changes do not', async () => {
  const ns = await cluster.namespace();
  await ns.service('web');
  const stream = open(ns.authority('web'));
  expect((await stream.next()).opaqueProtocol ?? false).toBe(false);
  const annotate = (annotations: Record<string, string | null>): Promise<unknown> =>
    cluster.client.patch(serviceKind, { namespace: ns.name, name: 'web' }, { kind: 'merge', value: { metadata: { annotations } } });
  await annotate({ unrelated: 'yes' });
  // Services are seen in the order they are written in: whoever knows the second has seen the change of the first.
  await ns.service('marker');
  await profileOf(ns.authority('marker'));
  await annotate({ 'config.linkerd.io/opaque-ports': 'http' });
  await stream.until(({ opaqueProtocol }) => opaqueProtocol === true);
  await annotate({ 'config.linkerd.io/opaque-ports': null });
  await stream.until(({ opaqueProtocol }) => opaqueProtocol !== true);
  expect(stream.messages).toHaveLength(3);
});

test('the address of a meshed pod has a profile with that endpoint', async () => {
  const ns = await cluster.namespace();
  const owner = await ns.deployment('web');
  await ns.pod('web-6c-1', { ip: '10.42.7.1', owner });
  const name = `default.${ns.name}.serviceaccount.identity.linkerd.cluster.local`;
  const profile = await profileOf('10.42.7.1:8080', ({ endpoint }) => endpoint?.metricLabels?.['deployment'] !== undefined);
  expect(profile).toMatchObject({
    fullyQualifiedName: '',
    opaqueProtocol: false,
    retryBudget: DEFAULT_BUDGET,
    endpoint: {
      address: { ip: '10.42.7.1', port: 8080 },
      weight: 10_000,
      identity: { id: { kind: 'dns', name }, serverName: name },
      hint: 'h2',
      labels: { namespace: ns.name, pod: 'web-6c-1', deployment: 'web', serviceaccount: 'default', control_plane_ns: 'linkerd' },
    },
  });
  expect(profile.endpoint?.labels).not.toHaveProperty('zone_locality');
});

test('a pod that does not run yet has no identity until it runs, and none after it is deleted', async () => {
  const ns = await cluster.namespace();
  const pod = await ns.pod('one', { ip: '10.42.7.2', phase: 'Pending' });
  const stream = open('10.42.7.2:8080');
  expect(profileFromWire(await stream.next()).endpoint).toMatchObject({ address: { ip: '10.42.7.2', port: 8080 }, labels: {}, hint: 'none' });
  await cluster.client.updateStatus(podKind, { ...pod, status: { ...pod.status, phase: 'Running' } });
  await stream.until(({ endpoint }) => Boolean(endpoint?.tlsIdentity));
  await cluster.client.delete(podKind, { namespace: ns.name, name: 'one' });
  const last = await stream.until(({ endpoint }) => !endpoint?.tlsIdentity);
  expect(profileFromWire(last).endpoint?.labels).toEqual({});
});

test('the name of a pod behind a headless Service has the profile of that pod', async () => {
  const ns = await cluster.namespace();
  await ns.service('db', undefined, { clusterIP: 'None' });
  await ns.slice('db', [endpointOf(await ns.pod('db-0', { ip: '10.42.7.3' }), { hostname: 'db-0' })]);
  const profile = await profileOf(`db-0.${ns.authority('db', 8080)}`, isPod);
  expect(profile.endpoint).toMatchObject({ address: { ip: '10.42.7.3', port: 8080 }, labels: { pod: 'db-0' } });
  expect(await open(`db-1.${ns.authority('db', 8080)}`, []).ended).toBe(RpcCode.NOT_FOUND);
});

test.each([
  ['203.0.113.9:80', false],
  ['203.0.113.9:3306', true],
  ['[2001:db8::1]:80', false],
])('an address that nobody knows (%s) has a profile without knowledge, opaque by default port: %s', async (path, opaque) => {
  const profile = await profileOf(path);
  expect(profile).toMatchObject({ fullyQualifiedName: '', opaqueProtocol: opaque, retryBudget: DEFAULT_BUDGET });
  expect(profile.endpoint).toMatchObject({ weight: 10_000, labels: {}, hint: 'none' });
});

test.each([
  ['linkerd.io:80', RpcCode.INVALID_ARGUMENT],
  ['', RpcCode.INVALID_ARGUMENT],
  ['web.default.svc.other.domain:80', RpcCode.INVALID_ARGUMENT],
  ['none.default.svc.cluster.local:80', RpcCode.UNKNOWN],
])('the target %j is refused with %i', async (path, code) => {
  expect(await open(path, []).ended).toBe(code);
});

test('two pods with one address are a FailedPrecondition', async () => {
  const ns = await cluster.namespace();
  await ns.pod('one', { ip: '10.42.7.4' });
  await ns.pod('two', { ip: '10.42.7.4' });
  const outcome = async (): Promise<number> => {
    const stream = open('10.42.7.4:8080');
    const ended = await Promise.race([stream.ended, stream.next().then(() => -1)]);
    stream.cancel();
    return ended;
  };
  // Both writes are in the API server; the process may still be reading the second.
  await expect.poll(outcome).toBe(RpcCode.FAILED_PRECONDITION);
});
