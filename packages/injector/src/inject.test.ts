import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Pod, Service } from '@weft/kube';
import { applyPatch } from 'rfc6902';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { annotateService, defaultValues, type InjectPodOptions, injectPod } from './index.ts';
import { applyAnnotations } from './values/annotations.ts';
import { parseQuantity } from './values/syntax.ts';

const fixture = (name: string): URL => new URL(`../fixtures/${name}`, import.meta.url);
const values = defaultValues({ trustAnchorsPem: '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n', version: '0.1.0' });
const webPod = (): Pod => parse(readFileSync(fixture('web-pod.in.yaml'), 'utf8')) as Pod;

function inject(change: Partial<InjectPodOptions> = {}): { readonly pod: Pod; readonly paths: readonly string[]; readonly warnings: readonly string[] } {
  const options = {
    pod: webPod(),
    namespace: 'emojivoto',
    namespaceAnnotations: { 'linkerd.io/inject': 'enabled' },
    values,
    owner: { kind: 'deployment', name: 'web' },
    ...change,
  };
  const mutation = injectPod(options);
  const pod = structuredClone(options.pod);
  expect(applyPatch(pod, [...mutation.patch])).toEqual(mutation.patch.map(() => null));
  return { pod, paths: mutation.patch.map((op) => op.path), warnings: mutation.kind === 'injected' ? mutation.warnings : [] };
}

const env = (pod: Pod): Record<string, string | undefined> =>
  Object.fromEntries(
    [...(pod.spec.initContainers ?? []), ...pod.spec.containers]
      .find((c) => c.name === 'linkerd-proxy')
      ?.env?.map((e) => [e.name, e.value ?? e.valueFrom?.fieldRef?.fieldPath]) ?? [],
  );

const annotated = (annotations: Record<string, string>): Pod => ({ ...webPod(), metadata: { ...webPod().metadata, annotations } });

test('turns the worked example into its golden result', () => {
  const { pod, paths } = inject();
  const golden = fixture('web-pod.out.yaml');
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, stringify(pod));
  expect(pod).toEqual(parse(readFileSync(golden, 'utf8')));
  expect(paths).toEqual([
    '/metadata/annotations',
    '/metadata/annotations/linkerd.io~1created-by',
    '/metadata/annotations/linkerd.io~1inject',
    '/metadata/annotations/linkerd.io~1proxy-version',
    '/metadata/annotations/linkerd.io~1trust-root-sha256',
    '/metadata/labels/linkerd.io~1control-plane-ns',
    '/metadata/labels/linkerd.io~1proxy-deployment',
    '/metadata/labels/linkerd.io~1workload-ns',
    '/spec/initContainers',
    '/spec/volumes/-',
    '/spec/initContainers/0',
    '/spec/volumes/-',
    '/spec/volumes/-',
    '/spec/initContainers/1',
  ]);
  expect(pod.metadata.annotations?.['linkerd.io/trust-root-sha256']).toBe(createHash('sha256').update(values.trustAnchorsPem).digest('hex'));
});

test('writes the environment in the documented order', () => {
  const { pod } = inject();
  expect(Object.keys(env(pod)).map((name) => name.replace('LINKERD2_PROXY_', 'P_'))).toEqual(
    `_pod_name _pod_ns _pod_uid _pod_ip _pod_nodeName _pod_containerName P_CORES P_CORES_MIN P_SHUTDOWN_ENDPOINT_ENABLED P_LOG P_LOG_FORMAT
    P_DESTINATION_SVC_ADDR P_DESTINATION_PROFILE_NETWORKS P_POLICY_SVC_ADDR P_POLICY_WORKLOAD P_INBOUND_DEFAULT_POLICY P_POLICY_CLUSTER_NETWORKS
    P_CONTROL_STREAM_INITIAL_TIMEOUT P_CONTROL_STREAM_IDLE_TIMEOUT P_CONTROL_STREAM_LIFETIME P_INBOUND_CONNECT_TIMEOUT P_OUTBOUND_CONNECT_TIMEOUT
    P_OUTBOUND_DISCOVERY_IDLE_TIMEOUT P_INBOUND_DISCOVERY_IDLE_TIMEOUT P_CONTROL_LISTEN_ADDR P_ADMIN_LISTEN_ADDR P_OUTBOUND_LISTEN_ADDR
    P_OUTBOUND_LISTEN_ADDRS P_INBOUND_LISTEN_ADDR P_INBOUND_IPS P_INBOUND_PORTS P_DESTINATION_PROFILE_SUFFIXES P_INBOUND_ACCEPT_KEEPALIVE
    P_OUTBOUND_CONNECT_KEEPALIVE P_INBOUND_ACCEPT_USER_TIMEOUT P_OUTBOUND_CONNECT_USER_TIMEOUT P_OUTBOUND_METRICS_HOSTNAME_LABELS
    P_INBOUND_SERVER_HTTP2_KEEP_ALIVE_INTERVAL P_INBOUND_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT P_OUTBOUND_SERVER_HTTP2_KEEP_ALIVE_INTERVAL
    P_OUTBOUND_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT P_INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION P_DESTINATION_CONTEXT _pod_sa _l5d_ns _l5d_trustdomain
    P_IDENTITY_DIR P_IDENTITY_TRUST_ANCHORS P_IDENTITY_TOKEN_FILE P_IDENTITY_SVC_ADDR P_IDENTITY_LOCAL_NAME P_IDENTITY_SVC_NAME
    P_DESTINATION_SVC_NAME P_POLICY_SVC_NAME`.split(/\s+/),
  );
});

test.each([
  ['enabled', undefined, 'injected'],
  ['ingress', 'enabled', 'injected'],
  ['enabled', 'disabled', 'injection_disable_annotation_present'],
  [undefined, 'enabled', 'injected'],
  ['disabled', 'ingress', 'injected'],
  [undefined, undefined, 'injection_enable_annotation_absent'],
  ['disabled', 'disabled', 'injection_enable_annotation_absent'],
  ['yes', 'enabled', 'invalid_inject_annotation_at_ns'],
  ['enabled', 'yes', 'invalid_inject_annotation_at_workload'],
] as const)('namespace %s and pod %s: %s', (ns, own, outcome) => {
  const pod = own === undefined ? webPod() : annotated({ 'linkerd.io/inject': own });
  const mutation = injectPod({ pod, namespace: 'n', namespaceAnnotations: ns === undefined ? {} : { 'linkerd.io/inject': ns }, values });
  expect(mutation.kind === 'skipped' ? mutation.reasons : ['injected']).toEqual([outcome]);
});

test('collects every reason not to inject', () => {
  const pod: Pod = { ...webPod(), spec: { ...webPod().spec, hostNetwork: true, initContainers: [{ name: 'istio-init', image: 'x' }] } };
  expect(injectPod({ pod, namespace: 'n', namespaceAnnotations: {}, values })).toMatchObject({
    reasons: ['host_network_enabled', 'sidecar_already_exists', 'injection_enable_annotation_absent'],
  });
});

test('an injected pod is not injected again', () => {
  const { pod } = inject();
  expect(injectPod({ pod, namespace: 'n', namespaceAnnotations: { 'linkerd.io/inject': 'enabled' }, values })).toMatchObject({
    reasons: ['sidecar_already_exists'],
    patch: [],
  });
});

test('follows annotations of pod and namespace, the pod winning', () => {
  const { pod, warnings } = inject({
    pod: annotated({ 'config.linkerd.io/inbound-port': '5143', 'config.linkerd.io/proxy-cpu-limit': '1500m', 'config.linkerd.io/proxy-uid': 'nobody' }),
    namespaceAnnotations: {
      'linkerd.io/inject': 'ingress',
      'config.linkerd.io/inbound-port': '1',
      'config.linkerd.io/skip-outbound-ports': '443,9000-9100',
      'config.linkerd.io/proxy-outbound-connect-timeout': '1m1.5s',
      'config.linkerd.io/enable-gateway': 'true',
      'other/key': 'x',
    },
  });
  expect(env(pod)).toMatchObject({
    LINKERD2_PROXY_INBOUND_LISTEN_ADDR: '0.0.0.0:5143',
    LINKERD2_PROXY_INGRESS_MODE: 'true',
    LINKERD2_PROXY_CORES_MAX: '2',
    LINKERD2_PROXY_OUTBOUND_CONNECT_TIMEOUT: '61500ms',
  });
  expect(env(pod)['LINKERD2_PROXY_INBOUND_GATEWAY_SUFFIXES']).toBeUndefined();
  const proxy = pod.spec.initContainers?.[1];
  expect(proxy?.resources).toEqual({ limits: { cpu: '1500m' } });
  expect(proxy?.securityContext?.runAsUser).toBe(2102);
  expect(pod.spec.initContainers?.[0]?.args).toContain('443,9000-9100');
  expect(pod.metadata.annotations).not.toHaveProperty('other/key');
  expect(pod.metadata.annotations).toHaveProperty(['config.linkerd.io/skip-outbound-ports'], '443,9000-9100');
  expect(warnings).toEqual(['annotation config.linkerd.io/proxy-uid: "nobody" is not valid; the configured value stays']);
});

test('merges additional environment by name over both layers', () => {
  const { pod } = inject({
    pod: annotated({ 'config.linkerd.io/proxy-additional-env': '[{"name":"B","value":"pod"},{"name":"C","value":"c"}]' }),
    namespaceAnnotations: { 'linkerd.io/inject': 'enabled', 'config.linkerd.io/proxy-additional-env': '[{"name":"A","value":"a"},{"name":"B","value":"ns"}]' },
  });
  expect(pod.spec.initContainers?.[1]?.env?.slice(-3)).toEqual([
    { name: 'A', value: 'a' },
    { name: 'B', value: 'pod' },
    { name: 'C', value: 'c' },
  ]);
});

test('puts the containers where a cluster without native sidecars wants them', () => {
  const waiting = inject({ pod: annotated({ 'config.linkerd.io/proxy-enable-native-sidecar': 'false' }) }).pod;
  expect(waiting.spec.initContainers?.map((c) => c.name)).toEqual(['linkerd-init']);
  expect(waiting.spec.containers.map((c) => c.name)).toEqual(['linkerd-proxy', 'web-svc']);
  expect(waiting.spec.containers[0]?.lifecycle?.postStart?.exec?.command).toContain('--port=4191');
  expect(waiting.spec.containers[0]?.restartPolicy).toBeUndefined();
  const last = inject({ pod: annotated({ 'config.linkerd.io/proxy-enable-native-sidecar': 'false', 'config.linkerd.io/proxy-await': 'disabled' }) }).pod;
  expect(last.spec.containers.map((c) => c.name)).toEqual(['web-svc', 'linkerd-proxy']);
});

test('resolves opaque port names and writes defaults that concern the pod', () => {
  const named = annotated({ 'config.linkerd.io/opaque-ports': 'http, 9-9,70000,3000-3001,zip' });
  expect(env(inject({ pod: named }).pod)['LINKERD2_PROXY_INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION']).toBe('80,9,3000-3001');
  const database: Pod = { ...webPod(), spec: { containers: [{ name: 'db', image: 'db', ports: [{ containerPort: 3306 }, { containerPort: 1 }] }] } };
  const { pod } = inject({ pod: database });
  expect(pod.metadata.annotations?.['config.linkerd.io/opaque-ports']).toBe('3306');
  expect(env(pod)['LINKERD2_PROXY_INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION']).toBe('3306');
  expect(injectPod({ pod: database, namespace: 'n', namespaceAnnotations: { 'linkerd.io/inject': 'disabled' }, values }).patch.map((op) => op.path)).toEqual([
    '/metadata/annotations',
    '/metadata/annotations/config.linkerd.io~1opaque-ports',
  ]);
});

test('annotates Services with the opaque ports that concern them', () => {
  const service = (ports: readonly object[]): Service =>
    ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace: 'n' }, spec: { ports } }) as unknown as Service;
  const value = (s: Service, ns = {}): unknown => annotateService(s, ns, values).at(-1)?.value;
  expect(value(service([{ port: 3306 }, { port: 80, targetPort: 5432 }, { port: 25, targetPort: 'smtp' }]))).toBe('3306,80');
  expect(value(service([{ port: 80 }]))).toBeUndefined();
  expect(value(service([{ port: 80 }]), { 'config.linkerd.io/opaque-ports': '7' })).toBe('7');
});

test('reads quantities as Kubernetes does', () => {
  expect([parseQuantity('100m'), parseQuantity('1.5Gi'), parseQuantity('2k'), parseQuantity('1e3'), parseQuantity('x'), parseQuantity('1mi')]).toEqual([
    0.1,
    1.5 * 2 ** 30,
    2000,
    1000,
    undefined,
    undefined,
  ]);
});

test('invalid annotation values leave the configured ones and are all reported', () => {
  const { values: same, warnings } = applyAnnotations(
    values,
    { 'config.linkerd.io/admin-port': '99999', 'config.linkerd.io/default-inbound-policy': 'allow', 'config.linkerd.io/access-log': 'x' },
    {},
  );
  expect(same).toEqual(values);
  expect(warnings).toHaveLength(3);
});
