// A cluster without machines: the embedded API server, a kubeconfig that points at it, and the objects that controllers of a
// real one would write. Every test plays in a namespace of its own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@weft/core';
import {
  deploymentKind,
  type EndpointSlice,
  type ExternalWorkload,
  endpointSliceKind,
  externalWorkloadKind,
  type KubeClient,
  namespaceKind,
  type Pod,
  type PolicyServer,
  podKind,
  policyServerKind,
  type ReplicaSet,
  replicaSetKind,
  SERVICE_NAME_LABEL,
  type Service,
  type ServicePort,
  type ServiceProfile,
  type SliceEndpoint,
  serviceAccountKind,
  serviceKind,
  serviceProfileKind,
} from '@weft/kube';
import { gatewayDefinitions, linkerdDefinitions } from '@weft/kube/crds';
import { type ApiServer, startApiServer } from '@weft/kube/server';

export interface TestCluster extends AsyncDisposable {
  readonly client: KubeClient;
  /** Path of the file. */
  readonly kubeconfig: string;
  /** Path of a directory that goes with the cluster. */
  readonly dir: string;
  readonly port: number;
  namespace(annotations?: Readonly<Record<string, string>>, labels?: Readonly<Record<string, string>>): Promise<TestNamespace>;
  /** A namespace that is there already. */
  existing(name: string): TestNamespace;
}

export interface PodOptions {
  readonly ip?: string;
  /** With the label and the container of a proxy. Default true. */
  readonly meshed?: boolean;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly phase?: NonNullable<Pod['status']>['phase'];
  readonly owner?: ReplicaSet;
  /** The proxy as an init container that stays. Default false. */
  readonly nativeSidecar?: boolean;
  /** More of the status. */
  readonly status?: Partial<Pod['status']>;
  readonly spec?: Partial<Pod['spec']>;
}

export interface SliceOptions {
  /** Default: the name of the Service and `-1`. */
  readonly name?: string;
  readonly addressType?: EndpointSlice['addressType'];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface TestNamespace {
  readonly name: string;
  /** `NAME.NAMESPACE.svc.cluster.local:PORT` */
  authority(service: string, port?: number): string;
  /** With the ReplicaSet that it would have. */
  deployment(name: string): Promise<ReplicaSet>;
  pod(name: string, options?: PodOptions): Promise<Pod>;
  service(name: string, ports?: readonly ServicePort[], more?: Partial<Service['spec']>): Promise<Service>;
  /** The EndpointSlice of a Service: created, or replaced by these endpoints. */
  slice(service: string, endpoints: readonly SliceEndpoint[], ports?: EndpointSlice['ports'], more?: SliceOptions): Promise<EndpointSlice>;
  /** An opaque Server. */
  opaqueServer(name: string, spec: Partial<PolicyServer['spec']>): Promise<PolicyServer>;
  serviceProfile(fqn: string, spec: ServiceProfile['spec']): Promise<ServiceProfile>;
  externalWorkload(name: string, spec: Partial<ExternalWorkload['spec']>, metadata?: Partial<ExternalWorkload['metadata']>): Promise<ExternalWorkload>;
}

export interface TestClusterOptions {
  readonly clock?: Clock;
  /** Port of a former cluster, to take its place. */
  readonly port?: number;
  /** Custom resources that there are. Default: those of Linkerd and of the Gateway API. */
  readonly definitions?: typeof definitions;
  /** Called before anybody can connect. */
  readonly fill?: (cluster: Pick<TestCluster, 'client' | 'namespace'>) => Promise<void>;
}

const definitions = [...linkerdDefinitions, ...gatewayDefinitions];

export async function startCluster({ clock, port = 0, definitions: defined = definitions, fill }: TestClusterOptions = {}): Promise<TestCluster> {
  const server: ApiServer = await startApiServer({ listen: false, definitions: defined, ...(clock && { clock }) });
  const client = server.client();
  // Where the control plane keeps what is its own.
  await client.create(namespaceKind, { metadata: { name: 'linkerd' } });
  // Every cluster has a slice of its API server; Linkerd's destination takes one without any slice for one that does not know them.
  await namespaceOf(client, 'default').slice('kubernetes', [{ addresses: ['192.0.2.1'] }], [{ name: 'https', port: 6443 }]);
  let counter = 0;
  const namespace: TestCluster['namespace'] = async (annotations = {}, labels = {}) => {
    const name = `ns-${++counter}`;
    await client.create(namespaceKind, { metadata: { name, annotations, labels } });
    return namespaceOf(client, name);
  };
  await fill?.({ client, namespace });
  const listener = createServer();
  server.attach(listener);
  const bound = await new Promise<number>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(port, '127.0.0.1', () => {
      const address = listener.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
  const dir = mkdtempSync(join(tmpdir(), 'weft-cluster-'));
  const kubeconfig = join(dir, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigOf(`http://127.0.0.1:${bound}`));
  return {
    client,
    kubeconfig,
    dir,
    port: bound,
    namespace,
    existing: (name) => namespaceOf(client, name),
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => void listener.close(() => resolve()));
      await server.close();
      await closed;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export function kubeconfigOf(server: string): string {
  return `apiVersion: v1
kind: Config
current-context: test
clusters: [{ name: test, cluster: { server: "${server}" } }]
contexts: [{ name: test, context: { cluster: test, user: test } }]
users: [{ name: test, user: {} }]
`;
}

/** The container that injection adds, as far as the control plane reads it. */
const PROXY: Pod['spec']['containers'][number] = {
  name: 'linkerd-proxy',
  image: 'cr.l5d.io/linkerd/proxy:test',
  env: [
    { name: 'LINKERD2_PROXY_INBOUND_LISTEN_ADDR', value: '0.0.0.0:4143' },
    { name: 'LINKERD2_PROXY_ADMIN_LISTEN_ADDR', value: '0.0.0.0:4191' },
    { name: 'LINKERD2_PROXY_CONTROL_LISTEN_ADDR', value: '0.0.0.0:4190' },
  ],
};

const HTTP: ServicePort = { name: 'http', port: 80, targetPort: 8080 };

/** An endpoint of a slice that refers to a pod. */
export function endpointOf(pod: Pod, more: Partial<SliceEndpoint> = {}): SliceEndpoint {
  const { name, namespace, uid } = pod.metadata;
  const targetRef = { kind: 'Pod', name, ...(namespace !== undefined && { namespace }), ...(uid !== undefined && { uid }) };
  return { addresses: [pod.status?.podIP ?? ''], conditions: { ready: true }, targetRef, ...more };
}

/** A namespace that is there, of whatever cluster. */
export function namespaceOf(client: KubeClient, namespace: string): TestNamespace {
  return {
    name: namespace,
    authority: (service, port = 80) => `${service}.${namespace}.svc.cluster.local:${port}`,
    async deployment(name) {
      const labels = { app: name };
      const selector = { matchLabels: labels };
      const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'app' }] } };
      const deployment = await client.create(deploymentKind, { metadata: { name, namespace }, spec: { replicas: 1, selector, template } });
      const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name, uid: deployment.metadata.uid ?? '', controller: true };
      return client.create(replicaSetKind, {
        metadata: { name: `${name}-6c`, namespace, ownerReferences: [owner] },
        spec: { replicas: 1, selector, template },
      });
    },
    async pod(name, { ip, meshed = true, annotations = {}, labels = {}, phase = 'Running', owner, spec, nativeSidecar = false, status = {} } = {}) {
      const ownerReferences = owner
        ? [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner.metadata.name, uid: owner.metadata.uid ?? '', controller: true }]
        : [];
      const app = { name: 'app', image: 'app', ports: [{ name: 'http', containerPort: 8080 }] };
      const account = spec?.serviceAccountName ?? 'default';
      if (!(await client.get(serviceAccountKind, { namespace, name: account })))
        await client.create(serviceAccountKind, { metadata: { namespace, name: account } });
      const pod = await client.create(podKind, {
        metadata: { name, namespace, annotations, labels: { ...(meshed && { 'linkerd.io/control-plane-ns': 'linkerd' }), ...labels }, ownerReferences },
        spec: {
          containers: [app, ...(meshed && !nativeSidecar ? [PROXY] : [])],
          ...(meshed && nativeSidecar && { initContainers: [{ ...PROXY, restartPolicy: 'Always' as const }] }),
          ...spec,
        },
      });
      if (ip === undefined) return pod;
      return client.updateStatus(podKind, { ...pod, status: { ...pod.status, phase, podIP: ip, podIPs: [{ ip }], ...status } });
    },
    service: (name, ports = [HTTP], more = {}) => client.create(serviceKind, { metadata: { name, namespace }, spec: { ports, ...more } }),
    async slice(service, endpoints, ports = [{ name: 'http', port: 8080 }], more = {}) {
      const { name = `${service}-1`, addressType = 'IPv4', labels = { [SERVICE_NAME_LABEL]: service }, annotations = {} } = more;
      const slice = { metadata: { name, namespace, labels, annotations }, addressType, endpoints, ports };
      const present = await client.get(endpointSliceKind, { namespace, name });
      return present ? client.update(endpointSliceKind, slice) : client.create(endpointSliceKind, slice);
    },
    opaqueServer: (name, spec) =>
      client.create(policyServerKind, {
        metadata: { name, namespace },
        spec: { port: 8080, proxyProtocol: 'opaque', ...(!spec.externalWorkloadSelector && { podSelector: {} }), ...spec },
      }),
    serviceProfile: (name, spec) => client.create(serviceProfileKind, { metadata: { name, namespace }, spec }),
    externalWorkload: (name, spec, metadata = {}) =>
      client.create(externalWorkloadKind, {
        metadata: { name, namespace, ...metadata },
        spec: { meshTLS: { identity: `spiffe://root.linkerd.cluster.local/${name}`, serverName: `${name}.cluster.local` }, ...spec },
      }),
  };
}
