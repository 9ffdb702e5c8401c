// The Deployments of the control plane as data: containers, ports, arguments, volumes. spec/control-plane.md §0,
// spec/injector-cli.md §5.2.
import type { Container, PodTemplate, Probe, Volume } from '@weft/kube';

export interface WorkloadSettings {
  readonly namespace: string;
  readonly clusterDomain: string;
  readonly trustDomain: string;
  readonly clusterNetworks: string;
  readonly opaquePorts: string;
  readonly logLevel: string;
  readonly issuanceLifetime: string;
}

export interface Workload {
  readonly name: string;
  readonly component: string;
  readonly template: PodTemplate;
}

/** Where the objects of `control-plane.ts` are mounted. */
const PATHS = {
  kubeconfig: '/var/run/weft/kubeconfig',
  issuer: '/var/run/linkerd/identity/issuer',
  trustRoots: '/var/run/linkerd/identity/trust-roots',
  tls: '/var/run/linkerd/tls',
  config: '/var/run/linkerd/config',
};

export const OBJECTS = {
  kubeconfig: 'weft-kubeconfig',
  issuer: 'linkerd-identity-issuer',
  trustRoots: 'linkerd-identity-trust-roots',
  injectorTls: 'linkerd-proxy-injector-k8s-tls',
  config: 'linkerd-config',
};

export function identityWorkload(settings: WorkloadSettings): Workload {
  const container: Container = {
    name: 'identity',
    image: IMAGE,
    command: ['weft-identity'],
    args: [
      '-addr=:8080',
      '-admin-addr=:9990',
      ...common(settings),
      `-controller-namespace=${settings.namespace}`,
      `-identity-trust-domain=${settings.trustDomain}`,
      '-identity-scheme=linkerd.io/tls',
      `-identity-issuance-lifetime=${settings.issuanceLifetime}`,
      '-identity-clock-skew-allowance=20s',
      `-issuer=${PATHS.issuer}`,
      `-trust-roots=${PATHS.trustRoots}/ca-bundle.crt`,
    ],
    ports: [
      { name: 'ident-grpc', containerPort: 8080 },
      { name: 'ident-admin', containerPort: 9990 },
    ],
    ...probes('/ping', 9990),
    volumeMounts: [mount('kubeconfig'), mount('issuer'), mount('trustRoots')],
    ...SECURITY,
  };
  return workload(settings, 'linkerd-identity', 'identity', [container], [secret('kubeconfig'), secret('issuer'), configMap('trustRoots')]);
}

export function destinationWorkload(settings: WorkloadSettings): Workload {
  const destination: Container = {
    name: 'destination',
    image: IMAGE,
    command: ['weft-destination'],
    args: [
      '-addr=:8086',
      '-metrics-addr=:9996',
      ...common(settings),
      `-controller-namespace=${settings.namespace}`,
      '-outbound-transport-mode=transport-header',
      '-enable-ipv6=false',
      `-cluster-domain=${settings.clusterDomain}`,
      `-identity-trust-domain=${settings.trustDomain}`,
      `-default-opaque-ports=${settings.opaquePorts}`,
    ],
    env: [HOSTNAME],
    ports: [
      { name: 'dest-grpc', containerPort: 8086 },
      { name: 'dest-admin', containerPort: 9996 },
    ],
    ...probes('/ping', 9996),
    volumeMounts: [mount('kubeconfig')],
    ...SECURITY,
  };
  const policy: Container = {
    name: 'policy',
    image: IMAGE,
    command: ['weft-policy'],
    args: [
      '--grpc-addr=0.0.0.0:8090',
      '--admin-addr=0.0.0.0:9990',
      ...common(settings),
      '--admission-controller-disabled',
      `--control-plane-namespace=${settings.namespace}`,
      `--cluster-networks=${settings.clusterNetworks}`,
      `--identity-domain=${settings.trustDomain}`,
      `--cluster-domain=${settings.clusterDomain}`,
      '--default-policy=all-unauthenticated',
      `--default-opaque-ports=${settings.opaquePorts}`,
      '--probe-networks=0.0.0.0/0,::/0',
    ],
    env: [HOSTNAME],
    ports: [
      { name: 'policy-grpc', containerPort: 8090 },
      { name: 'policy-admin', containerPort: 9990 },
    ],
    ...probes('/live', 9990),
    volumeMounts: [mount('kubeconfig')],
    ...SECURITY,
  };
  return workload(settings, 'linkerd-destination', 'destination', [destination, policy], [secret('kubeconfig')]);
}

export function injectorWorkload(settings: WorkloadSettings): Workload {
  const container: Container = {
    name: 'proxy-injector',
    image: IMAGE,
    command: ['weft-injector'],
    args: [
      '-addr=:8443',
      '-metrics-addr=:9995',
      ...common(settings),
      `-linkerd-namespace=${settings.namespace}`,
      `-tls-cert=${PATHS.tls}/tls.crt`,
      `-tls-key=${PATHS.tls}/tls.key`,
      `-trust-roots=${PATHS.trustRoots}/ca-bundle.crt`,
      `-values=${PATHS.config}/values`,
    ],
    ports: [
      { name: 'proxy-injector', containerPort: 8443 },
      { name: 'injector-admin', containerPort: 9995 },
    ],
    ...probes('/ping', 9995),
    volumeMounts: [mount('kubeconfig'), mount('tls'), mount('trustRoots'), mount('config')],
    ...SECURITY,
  };
  const volumes = [secret('kubeconfig'), { name: 'tls', secret: { secretName: OBJECTS.injectorTls } }, configMap('trustRoots'), configMap('config')];
  return workload(settings, 'linkerd-proxy-injector', 'proxy-injector', [container], volumes, { 'config.linkerd.io/opaque-ports': '8443' });
}

const IMAGE = 'weft.dev/controller';
const HOSTNAME = { name: 'HOSTNAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } };
const SECURITY: Pick<Container, 'securityContext'> = {
  securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 2103 },
};

function common(settings: WorkloadSettings): string[] {
  return [`-kubeconfig=${PATHS.kubeconfig}/config`, `-log-level=${settings.logLevel}`, '-log-format=plain'];
}

function probes(live: string, port: number): { readonly livenessProbe: Probe; readonly readinessProbe: Probe } {
  return {
    livenessProbe: { httpGet: { path: live, port }, initialDelaySeconds: 10 },
    readinessProbe: { httpGet: { path: '/ready', port }, failureThreshold: 7 },
  };
}

function mount(name: keyof typeof PATHS): { readonly name: string; readonly mountPath: string; readonly readOnly: boolean } {
  return { name: volumeName(name), mountPath: PATHS[name], readOnly: true };
}

function secret(name: 'kubeconfig' | 'issuer'): Volume {
  return { name: volumeName(name), secret: { secretName: OBJECTS[name] } };
}

function configMap(name: 'trustRoots' | 'config'): Volume {
  return { name: volumeName(name), configMap: { name: OBJECTS[name] } };
}

/** DNS label of a name in camel case. */
function volumeName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function workload(
  settings: WorkloadSettings,
  name: string,
  component: string,
  containers: readonly Container[],
  volumes: readonly Volume[],
  annotations: Readonly<Record<string, string>> = {},
): Workload {
  const labels = { 'linkerd.io/control-plane-component': component, 'linkerd.io/control-plane-ns': settings.namespace };
  return { name, component, template: { metadata: { labels, annotations }, spec: { serviceAccountName: name, containers, volumes } } };
}
