// InboundServerPolicies of the process against the embedded API server. spec/control-plane.md §2.4.
import { type DefaultPolicyName, formatNetwork, type ServerPolicy } from '@weft/core';
import { type Pod, podKind } from '@weft/kube';
import { durationFromWire, type InboundServer, inboundPoliciesService, RpcCode, serverPolicyFromWire } from '@weft/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCluster, type TestCluster, type TestNamespace } from './cluster.ts';
import { type Controller, startController, stopControllers } from './controller.ts';
import { openStream, refusalOf, type Stream } from './stream.ts';

let cluster: TestCluster;
let policy: Controller;

beforeAll(async () => {
  cluster = await startCluster();
  policy = await startController('policy', [
    `--kubeconfig=${cluster.kubeconfig}`,
    '--cluster-networks=10.0.0.0/8',
    '--probe-networks=0.0.0.0/0,::/0',
    '--default-opaque-ports=3306',
    '--admission-controller-disabled',
  ]);
});

afterAll(async () => {
  await stopControllers();
  await cluster?.[Symbol.asyncDispose]();
});

const workloadOf = (ns: TestNamespace, pod: string): string => `${JSON.stringify({ ns: ns.name, pod })}\n`;
const watchPort = (workload: string, port = 8080, retry: readonly number[] = []): Stream<InboundServer> =>
  openStream(policy.channel(), inboundPoliciesService.WatchPort, { workload, port }, retry);
/** As a proxy asks: again, as long as the pod is not known. */
const knownPort = async (workload: string, port = 8080): Promise<{ readonly stream: Stream<InboundServer>; readonly server: InboundServer }> => {
  const stream = watchPort(workload, port, [RpcCode.NOT_FOUND]);
  return { stream, server: await stream.next() };
};
const annotate = (pod: Pod, annotations: Readonly<Record<string, string | null>>): Promise<unknown> => {
  const { namespace = '', name } = pod.metadata;
  return cluster.client.patch(podKind, { namespace, name }, { kind: 'merge', value: { metadata: { annotations } } });
};
const networksOf = (server: ServerPolicy): readonly string[] =>
  server.protocol.authorizations
    .filter(({ metadata }) => metadata.name !== 'localhost')
    .flatMap(({ networks }) => networks.map(({ net }) => formatNetwork(net)));

test('admits everybody by default: detection, one route for all requests and one for probes', async () => {
  const ns = await cluster.namespace();
  const container = { name: 'app', image: 'app', ports: [{ name: 'http', containerPort: 8080 }] };
  await ns.pod('web', { spec: { containers: [{ ...container, livenessProbe: { httpGet: { path: '/live?full', port: 'http' } } }] } });
  const { server } = await knownPort(workloadOf(ns, 'web'));
  expect(server.labels).toEqual({ group: '', kind: 'default', name: 'all-unauthenticated' });
  expect(server.authorizations).toHaveLength(1);
  expect(server.authorizations?.[0]).toMatchObject({ authentication: { unauthenticated: {} }, metadata: { default: 'all-unauthenticated' } });
  const { detect } = server.protocol ?? {};
  expect(durationFromWire(detect?.timeout, 'timeout')).toBe(10_000);
  expect(
    detect?.httpRoutes?.map(({ metadata, authorizations }) => [metadata?.default, authorizations?.map((authorization) => authorization.metadata?.default)]),
  ).toEqual([
    ['default', []],
    ['probe', ['probe']],
  ]);
  const read = serverPolicyFromWire(server);
  expect(networksOf(read)).toEqual(['0.0.0.0/0', '::/0']);
  const [, probe] = read.protocol.kind === 'detect' ? read.protocol.routes : [];
  expect(probe?.rules[0]?.matches).toEqual([{ path: { kind: 'exact', value: '/live' }, headers: [], query: [], method: 'GET' }]);
});

test.each<[Readonly<Record<string, string>>, DefaultPolicyName, string, readonly string[]]>([
  [{ 'default-inbound-policy': 'all-authenticated' }, 'all-authenticated', 'detect', ['0.0.0.0/0', '::/0']],
  [{ 'default-inbound-policy': 'cluster-authenticated' }, 'cluster-authenticated', 'detect', ['10.0.0.0/8']],
  [{ 'default-inbound-policy': 'cluster-unauthenticated' }, 'cluster-unauthenticated', 'detect', ['10.0.0.0/8']],
  [{ 'default-inbound-policy': 'audit' }, 'audit', 'detect', ['0.0.0.0/0', '::/0']],
  [{ 'default-inbound-policy': 'deny' }, 'deny', 'detect', []],
  [{ 'default-inbound-policy': 'nonsense' }, 'all-unauthenticated', 'detect', ['0.0.0.0/0', '::/0']],
  [{ 'proxy-require-identity-inbound-ports': '8080' }, 'all-authenticated', 'detect', ['0.0.0.0/0', '::/0']],
  [{ 'opaque-ports': '8000-9000' }, 'all-unauthenticated', 'opaque', ['0.0.0.0/0', '::/0']],
])('a pod annotated %j gets the policy %s, protocol %s', async (annotations, name, protocol, networks) => {
  const ns = await cluster.namespace();
  await ns.pod('web', { annotations: Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`config.linkerd.io/${key}`, value])) });
  const { server } = await knownPort(workloadOf(ns, 'web'));
  const read = serverPolicyFromWire(server);
  expect([server.labels?.['name'], read.protocol.kind, networksOf(read)]).toEqual([name, protocol, networks]);
  const meshed = name.endsWith('-authenticated');
  const suffixes = server.authorizations?.map(({ authentication }) => authentication?.meshTLS?.identities?.suffixes);
  expect(meshed ? suffixes : []).toEqual(meshed ? [[{ parts: [] }]] : []);
});

test('the default opaque ports concern clients only', async () => {
  const ns = await cluster.namespace();
  await ns.pod('db');
  const { server } = await knownPort(workloadOf(ns, 'db'), 3306);
  expect(server.protocol?.detect).toBeTruthy();
});

test('a pod that is not there is NotFound, and found by asking again when it appears', async () => {
  const ns = await cluster.namespace();
  const workload = workloadOf(ns, 'late');
  expect(await watchPort(workload).ended).toBe(RpcCode.NOT_FOUND);
  await ns.pod('late');
  const { server } = await knownPort(workload);
  expect(server.labels?.['name']).toBe('all-unauthenticated');
});

test('a pod outside of the mesh is NotFound', async () => {
  const ns = await cluster.namespace();
  await ns.pod('plain', { meshed: false });
  await ns.pod('meshed');
  await knownPort(workloadOf(ns, 'meshed'));
  expect(await watchPort(workloadOf(ns, 'plain')).ended).toBe(RpcCode.NOT_FOUND);
});

test('a change of the annotation is sent, other changes are not', async () => {
  const ns = await cluster.namespace();
  const pod = await ns.pod('web');
  const { stream } = await knownPort(workloadOf(ns, 'web'));
  await annotate(pod, { unrelated: 'yes' });
  // Pods are seen in the order they are written in: whoever knows the second has seen the change of the first.
  await ns.pod('marker');
  await knownPort(workloadOf(ns, 'marker'));
  await annotate(pod, { 'config.linkerd.io/default-inbound-policy': 'deny' });
  const denied = await stream.next();
  expect([denied.labels?.['name'], denied.authorizations]).toEqual(['deny', []]);
  await annotate(pod, { 'config.linkerd.io/default-inbound-policy': null });
  expect((await stream.next()).labels?.['name']).toBe('all-unauthenticated');
});

test('the stream ends with OK when the pod is deleted', async () => {
  const ns = await cluster.namespace();
  await ns.pod('web');
  const { stream } = await knownPort(workloadOf(ns, 'web'));
  await cluster.client.delete(podKind, { namespace: ns.name, name: 'web' });
  expect([await stream.ended, stream.messages.length]).toEqual([RpcCode.OK, 1]);
});

test('GetPort answers once with the same policy', async () => {
  const ns = await cluster.namespace();
  await ns.pod('web');
  const { server } = await knownPort(workloadOf(ns, 'web'));
  const channel = policy.channel();
  expect(await channel.unary(inboundPoliciesService.GetPort, { workload: `${ns.name}:web`, port: 8080 })).toEqual(server);
  const { code } = await refusalOf(channel.unary(inboundPoliciesService.GetPort, { workload: `${ns.name}:none`, port: 8080 }));
  expect(code).toBe(RpcCode.NOT_FOUND);
});

test.each([
  ['', 80, RpcCode.INVALID_ARGUMENT],
  ['web', 80, RpcCode.INVALID_ARGUMENT],
  ['{"ns":"default"}', 80, RpcCode.INVALID_ARGUMENT],
  ['{"ns":', 80, RpcCode.INVALID_ARGUMENT],
  ['default:web', 0, RpcCode.INVALID_ARGUMENT],
  ['default:web', 65_536, RpcCode.INVALID_ARGUMENT],
  ['{"ns":"default","external_workload":"vm"}', 80, RpcCode.NOT_FOUND],
])('the workload %j with port %i is refused with %i', async (workload, port, code) => {
  expect(await watchPort(workload, port).ended).toBe(code);
});

test('a shutdown ends the streams and exits with 0', async () => {
  const ns = await cluster.namespace();
  await ns.pod('web');
  await using other = await startController('policy', [`--kubeconfig=${cluster.kubeconfig}`, '--default-opaque-ports=25', '--admission-controller-disabled']);
  const stream = openStream(other.channel(), inboundPoliciesService.WatchPort, { workload: `${ns.name}:web`, port: 8080 });
  await stream.next();
  const code = other.terminate();
  expect([RpcCode.OK, RpcCode.UNAVAILABLE]).toContain(await stream.ended);
  expect(await code).toBe(0);
});
