// The injector as a process, called by the embedded API server as a cluster's would. spec/injector-cli.md §1.3, §1.8, §1.9.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { certificatesToPem, createAuthority, createKeyAndRequest } from '@weft/identity/authority';
import { KubeError, mutatingWebhookConfigurationKind, type Pod, podKind, serviceAccountKind, serviceKind } from '@weft/kube';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endpointOf, startCluster, type TestCluster, type TestNamespace } from './cluster.ts';
import { type Controller, startController, stopControllers } from './controller.ts';
import { openEndpoints } from './stream.ts';

let cluster: TestCluster;
let injector: Controller;
let args: readonly string[];
let caBundle: string;

beforeAll(async () => {
  cluster = await startCluster();
  const file = (name: string, text: string): string => {
    const path = join(cluster.dir, name);
    writeFileSync(path, text);
    return path;
  };
  const authority = await createAuthority({ trustDomain: 'localhost' });
  const { key, request } = await createKeyAndRequest('localhost');
  const { leaf } = await authority.issue(request, 'localhost');
  const pem = `-----BEGIN PRIVATE KEY-----\n${Buffer.from(key).toString('base64')}\n-----END PRIVATE KEY-----\n`;
  caBundle = Buffer.from(authority.issuer.anchors).toString('base64');
  args = [
    `-kubeconfig=${cluster.kubeconfig}`,
    '-linkerd-namespace=linkerd',
    '-log-level=info',
    `-tls-cert=${file('tls.crt', certificatesToPem([leaf]))}`,
    `-tls-key=${file('tls.key', pem)}`,
    `-values=${file('values', 'clusterDomain: cluster.local\nproxy:\n  image: { version: v9 }\n')}`,
    `-trust-roots=${file('roots.crt', authority.issuer.anchors)}`,
  ];
  injector = await startController('injector', args);
  await configure('injector', injector.port, 'Ignore', 'everyone');
});

afterAll(async () => {
  await stopControllers();
  await cluster?.[Symbol.asyncDispose]();
});

/** What the chart installs, with a URL in place of the Service. Serves namespaces with the label `webhook=audience`. */
async function configure(name: string, port: number, failurePolicy: 'Ignore' | 'Fail', audience: string): Promise<void> {
  await cluster.client.create(mutatingWebhookConfigurationKind, {
    metadata: { name },
    webhooks: [
      {
        name: `${name}.linkerd.io`,
        clientConfig: { url: `https://localhost:${port}/`, caBundle },
        rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods', 'services'], scope: 'Namespaced' }],
        failurePolicy,
        namespaceSelector: audience === 'everyone' ? {} : { matchLabels: { webhook: audience } },
        objectSelector: { matchExpressions: [{ key: 'linkerd.io/control-plane-component', operator: 'DoesNotExist' }] },
        sideEffects: 'None',
        timeoutSeconds: 10,
        admissionReviewVersions: ['v1', 'v1beta1'],
      },
    ],
  });
}

const namesOf = (pod: Pod): readonly string[] => [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(({ name }) => name);
const enabled = (): Promise<TestNamespace> => cluster.namespace({ 'linkerd.io/inject': 'enabled' });
const envOf = (pod: Pod, name: string): string | undefined =>
  pod.spec.initContainers?.find((container) => container.name === 'linkerd-proxy')?.env?.find((entry) => entry.name === name)?.value;

test('a pod in an annotated namespace comes back with a proxy and the label of its owner', async () => {
  const ns = await enabled();
  const owner = await ns.deployment('web');
  const pod = await ns.pod('web-6c-1', { meshed: false, owner, labels: { app: 'web' } });
  expect(namesOf(pod)).toEqual(['linkerd-init', 'linkerd-proxy', 'app']);
  expect(pod.metadata.labels).toEqual({
    app: 'web',
    'linkerd.io/control-plane-ns': 'linkerd',
    'linkerd.io/proxy-deployment': 'web',
    'linkerd.io/workload-ns': ns.name,
  });
  expect(pod.metadata.annotations).toMatchObject({
    'linkerd.io/inject': 'enabled',
    'linkerd.io/proxy-version': 'v9',
    'linkerd.io/created-by': expect.stringMatching(/^linkerd\/proxy-injector /),
    'linkerd.io/trust-root-sha256': expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect([envOf(pod, 'LINKERD2_PROXY_INBOUND_LISTEN_ADDR'), envOf(pod, 'LINKERD2_PROXY_IDENTITY_LOCAL_NAME')]).toEqual([
    '0.0.0.0:4143',
    '$(_pod_sa).$(_pod_ns).serviceaccount.identity.linkerd.cluster.local',
  ]);
});

test('the control plane takes an injected pod for a meshed one', async () => {
  const ns = await enabled();
  const owner = await ns.deployment('web');
  await ns.service('web');
  await ns.slice('web', [
    endpointOf(await ns.pod('web-6c-1', { meshed: false, owner, ip: '10.42.0.5', annotations: { 'config.linkerd.io/opaque-ports': '8080' } })),
  ]);
  await using destination = await startController('destination', [`-kubeconfig=${cluster.kubeconfig}`]);
  const [endpoint] = await openEndpoints(destination.channel(), { path: ns.authority('web') }).has('10.42.0.5:8080');
  const name = `default.${ns.name}.serviceaccount.identity.linkerd.cluster.local`;
  expect(endpoint).toMatchObject({ identity: { id: { name } }, hint: 'opaque', opaqueTransportPort: 4143, labels: { deployment: 'web' } });
});

test('annotations of the pod win over those of the namespace', async () => {
  const ns = await cluster.namespace({
    'linkerd.io/inject': 'enabled',
    'config.linkerd.io/inbound-port': '5143',
    'config.linkerd.io/proxy-log-level': 'debug',
  });
  const pod = await ns.pod('web', { meshed: false, annotations: { 'config.linkerd.io/inbound-port': '6143' } });
  expect(envOf(pod, 'LINKERD2_PROXY_INBOUND_LISTEN_ADDR')).toBe('0.0.0.0:6143');
  expect(envOf(pod, 'LINKERD2_PROXY_LOG')).toMatch(/^debug/);
});

test.each<[string, Readonly<Record<string, string>>, Parameters<TestNamespace['pod']>[1], string]>([
  ['asks not to be', { 'linkerd.io/inject': 'enabled' }, { annotations: { 'linkerd.io/inject': 'disabled' } }, 'injection_disable_annotation_present'],
  ['is in a namespace that does not ask', {}, {}, 'injection_enable_annotation_absent'],
  ['uses the network of its host', { 'linkerd.io/inject': 'enabled' }, { spec: { hostNetwork: true } }, 'host_network_enabled'],
  ['has a proxy already', { 'linkerd.io/inject': 'enabled' }, { meshed: true }, 'sidecar_already_exists'],
  [
    'has an annotation that means nothing',
    { 'linkerd.io/inject': 'enabled' },
    { annotations: { 'linkerd.io/inject': 'maybe' } },
    'invalid_inject_annotation_at_workload',
  ],
])('a pod that %s is left as it is, and the reason counted', async (_why, annotations, options, reason) => {
  const ns = await cluster.namespace(annotations);
  const pod = await ns.pod('web', { meshed: false, ...options });
  expect(namesOf(pod)).toEqual(options?.meshed === true ? ['app', 'linkerd-proxy'] : ['app']);
  expect(pod.metadata.annotations ?? {}).toEqual(options?.annotations ?? {});
  expect(await injector.metric('proxy_inject_admission_responses_total', { namespace: ns.name, skip: 'true', skip_reason: reason })).toBe(1);
});

test('a pod may ask for itself', async () => {
  const ns = await cluster.namespace();
  const pod = await ns.pod('web', { meshed: false, annotations: { 'linkerd.io/inject': 'enabled' } });
  expect(namesOf(pod)).toContain('linkerd-proxy');
});

test('Services and pods get the annotation for opaque ports of their namespace, injected or not', async () => {
  const ns = await cluster.namespace({ 'config.linkerd.io/opaque-ports': '8080' });
  expect((await ns.service('web')).metadata.annotations).toEqual({ 'config.linkerd.io/opaque-ports': '8080' });
  expect((await ns.pod('web', { meshed: false })).metadata.annotations).toEqual({ 'config.linkerd.io/opaque-ports': '8080' });
  const plain = await cluster.namespace();
  const mysql = await plain.service('db', [{ name: 'mysql', port: 3306 }]);
  expect(mysql.metadata.annotations).toEqual({ 'config.linkerd.io/opaque-ports': '3306' });
});

test('nothing is stored of a dry run, and an object that exists is not touched', async () => {
  const ns = await enabled();
  const pod = await ns.pod('web', { meshed: false });
  const patched = await cluster.client.patch(podKind, { namespace: ns.name, name: 'web' }, { kind: 'merge', value: { metadata: { labels: { more: 'yes' } } } });
  expect(namesOf(patched)).toEqual(namesOf(pod));
  const service = await cluster.client.create(
    serviceKind,
    { metadata: { name: 'dry', namespace: ns.name }, spec: { ports: [{ port: 3306 }] } },
    { dryRun: true },
  );
  expect(service.metadata.annotations).toEqual({ 'config.linkerd.io/opaque-ports': '3306' });
  expect(await cluster.client.get(serviceKind, { namespace: ns.name, name: 'dry' })).toBeUndefined();
});

test('with the webhook down, Ignore lets pods in as they are and Fail keeps them out', async () => {
  const gone = await startController('injector', args);
  const { port } = gone;
  expect(await gone.terminate()).toBe(0);
  await gone[Symbol.asyncDispose]();
  await configure('gone-ignored', port, 'Ignore', 'ignored');
  await configure('gone-required', port, 'Fail', 'required');
  const create = async (audience: string): Promise<Pod> => {
    const ns = await cluster.namespace({}, { webhook: audience });
    await cluster.client.get(serviceAccountKind, { namespace: ns.name, name: 'default' });
    return ns.pod('web', { meshed: false });
  };
  expect(namesOf(await create('ignored'))).toEqual(['app']);
  const refused = create('required');
  await expect(refused).rejects.toThrow(KubeError);
  await expect(refused).rejects.toThrow(/gone-required\.linkerd\.io/);
});
