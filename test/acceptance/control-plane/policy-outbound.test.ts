// OutboundPolicies of the process against the embedded API server. spec/control-plane.md §2.5, §2.6.
import { serviceKind } from '@weft/kube';
import { clientPolicyFromWire, ipToWire, type OutboundPolicy, outboundPoliciesService, RpcCode, type TrafficSpec } from '@weft/wire';
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
    '--default-opaque-ports=3306',
    '--admission-controller-disabled',
  ]);
});

afterAll(async () => {
  await stopControllers();
  await cluster?.[Symbol.asyncDispose]();
});

const CLIENT = '{"ns":"default","pod":"client"}\n';
const at = (ip: string, port: number): TrafficSpec => ({ sourceWorkload: CLIENT, addr: { ip: ipToWire(ip), port } });
const named = (authority: string): TrafficSpec => ({ sourceWorkload: CLIENT, authority });
const watch = (spec: TrafficSpec, retry: readonly number[] = []): Stream<OutboundPolicy> =>
  openStream(policy.channel(), outboundPoliciesService.Watch, spec, retry);
/** Asked again until the Service, written a moment ago, is known. */
const known = async (spec: TrafficSpec): Promise<{ readonly stream: Stream<OutboundPolicy>; readonly policy: OutboundPolicy }> => {
  const stream = watch(spec, [RpcCode.NOT_FOUND]);
  return { stream, policy: await stream.next() };
};
const clusterIpOf = async (ns: TestNamespace, name: string, ports?: Parameters<TestNamespace['service']>[1]): Promise<string> =>
  (await ns.service(name, ports)).spec.clusterIP ?? '';
const kindOf = (message: OutboundPolicy): string => clientPolicyFromWire(message).protocol.kind;

test('the cluster IP of a Service has one default route to its balanced endpoints, for every protocol', async () => {
  const ns = await cluster.namespace();
  const { policy: message } = await known(at(await clusterIpOf(ns, 'web'), 80));
  const { parent, protocol } = clientPolicyFromWire(message);
  const service = { kind: 'resource', group: 'core', resource: 'Service', name: 'web', namespace: ns.name, port: 80 };
  expect(parent).toMatchObject(service);
  if (protocol.kind !== 'detect') throw new TypeError(`protocol ${protocol.kind}`);
  expect(protocol.timeoutMs).toBe(10_000);
  const backend = {
    metadata: service,
    queue: { capacity: 100, failfastTimeoutMs: 3000 },
    dispatcher: { kind: 'balancer', path: ns.authority('web'), load: { kind: 'peak-ewma', defaultRttMs: 30, decayMs: 10_000 } },
  };
  const distribution = { kind: 'first-available', backends: [{ backend, filters: [] }] };
  for (const http of [protocol.http1, protocol.http2]) {
    expect(http.routes).toHaveLength(1);
    expect(http.routes[0]).toMatchObject({
      metadata: { kind: 'default', name: 'http' },
      rules: [{ matches: [{ path: { kind: 'prefix', value: '/' } }], distribution }],
    });
  }
  expect(protocol.opaque.routes).toMatchObject([{ metadata: { kind: 'default', name: 'opaq' }, rules: [{ distribution }] }]);
});

test.each(['web.NS.svc.cluster.local:80', 'web.NS.svc.cluster.local.:80', 'web.NS.svc.cluster.local'])(
  'the authority %s names the same Service',
  async (text) => {
    const ns = await cluster.namespace();
    const { policy: byIp } = await known(at(await clusterIpOf(ns, 'web'), 80));
    expect(await watch(named(text.replace('NS', ns.name))).next()).toEqual(byIp);
  },
);

test('an authority of a Service that does not exist gets the defaults, and what is declared once it does', async () => {
  const ns = await cluster.namespace();
  const stream = watch(named(ns.authority('late')));
  expect(kindOf(await stream.next())).toBe('detect');
  await ns.service('late', [{ name: 'grpc', port: 80, appProtocol: 'kubernetes.io/h2c' }]);
  expect(kindOf(await stream.next())).toBe('http2');
});

test('a port that the Service does not declare is forbidden', async () => {
  const ns = await cluster.namespace();
  const { policy: message } = await known(at(await clusterIpOf(ns, 'web'), 81));
  const { parent, protocol } = clientPolicyFromWire(message);
  expect(parent).toMatchObject({ resource: 'Service', name: 'web', port: 81 });
  expect(protocol).toMatchObject({
    kind: 'opaque',
    routes: [{ metadata: { kind: 'default', name: 'undefined-port' }, rules: [{ filters: [{ kind: 'forbidden' }], distribution: { kind: 'empty' } }] }],
  });
});

test('an address outside of the cluster is forwarded as it is', async () => {
  const { parent, protocol } = clientPolicyFromWire(await watch(at('203.0.113.7', 443)).next());
  expect(parent).toEqual({ kind: 'default', name: 'egress-fallback' });
  if (protocol.kind !== 'detect') throw new TypeError(`protocol ${protocol.kind}`);
  const dispatcher = { kind: 'forward', endpoint: { address: { ip: '203.0.113.7', port: 443 } } };
  for (const { routes } of [protocol.http1, protocol.http2, protocol.opaque]) {
    expect(routes).toMatchObject([{ rules: [{ distribution: { kind: 'first-available', backends: [{ backend: { dispatcher } }] } }] }]);
  }
});

test.each([
  [at('10.42.0.9', 8080), RpcCode.NOT_FOUND],
  [named('example.com:80'), RpcCode.NOT_FOUND],
  [named('web.default.pod.cluster.local:80'), RpcCode.NOT_FOUND],
  [{ sourceWorkload: CLIENT }, RpcCode.INVALID_ARGUMENT],
  [{ sourceWorkload: CLIENT, addr: { port: 80 } }, RpcCode.INVALID_ARGUMENT],
  [at('203.0.113.7', 0), RpcCode.INVALID_ARGUMENT],
  [at('203.0.113.7', 65_536), RpcCode.INVALID_ARGUMENT],
  [named(''), RpcCode.INVALID_ARGUMENT],
  [named(':80'), RpcCode.INVALID_ARGUMENT],
  [{ ...at('203.0.113.7', 80), sourceWorkload: 'nobody' }, RpcCode.INVALID_ARGUMENT],
])('the target %j is refused with %i', async (spec, code) => {
  expect(await watch(spec).ended).toBe(code);
  expect((await refusalOf(policy.channel().unary(outboundPoliciesService.Get, spec))).code).toBe(code);
});

test('an external workload may be the source', async () => {
  const spec = { ...at('203.0.113.7', 443), sourceWorkload: '{"ns":"default","external_workload":"vm"}' };
  expect(kindOf(await policy.channel().unary(outboundPoliciesService.Get, spec))).toBe('detect');
});

test('a change of the protocol of a port, or of the annotation for opaque ports, is sent', async () => {
  const ns = await cluster.namespace();
  const { stream, policy: first } = await known(at(await clusterIpOf(ns, 'web'), 80));
  expect(kindOf(first)).toBe('detect');
  const change = async (value: unknown): Promise<string> => {
    await cluster.client.patch(serviceKind, { namespace: ns.name, name: 'web' }, { kind: 'merge', value });
    return kindOf(await stream.next());
  };
  const speaking = (appProtocol?: string): unknown => ({
    spec: { ports: [{ name: 'http', port: 80, targetPort: 8080, ...(appProtocol !== undefined && { appProtocol }) }] },
  });
  expect(await change(speaking('http'))).toBe('http1');
  expect(await change(speaking('kubernetes.io/h2c'))).toBe('http2');
  expect(await change(speaking('https'))).toBe('opaque');
  expect(await change(speaking())).toBe('detect');
  expect(await change({ metadata: { annotations: { 'config.linkerd.io/opaque-ports': '80' } } })).toBe('opaque');
  expect(await change(speaking('HTTP'))).toBe('http1');
  expect(stream.messages).toHaveLength(7);
});

test('ports that are opaque by default stay so unless the Service says otherwise', async () => {
  const ns = await cluster.namespace();
  const { stream, policy: first } = await known(at(await clusterIpOf(ns, 'db', [{ name: 'mysql', port: 3306 }]), 3306));
  expect(kindOf(first)).toBe('opaque');
  const annotations = { 'config.linkerd.io/opaque-ports': '' };
  await cluster.client.patch(serviceKind, { namespace: ns.name, name: 'db' }, { kind: 'merge', value: { metadata: { annotations } } });
  expect(kindOf(await stream.next())).toBe('detect');
});

test('counts calls, and answers as a Rust controller does', async () => {
  const labels = { grpc_service: 'io.linkerd.proxy.outbound.OutboundPolicies', grpc_method: 'Watch' };
  const before = await policy.metric('grpc_server_started_total', labels);
  const stream = watch(at('203.0.113.7', 443));
  await stream.next();
  stream.cancel();
  expect(await policy.metric('grpc_server_started_total', labels)).toBe(before + 1);
  expect((await policy.admin('/live')).status).toBe(200);
  expect((await policy.admin('/ready')).status).toBe(200);
});
