// The default server policy of a workload's port. Server resources are not read yet. spec/control-plane.md §2.4.
import {
  type Authorization,
  type DefaultPolicyName,
  defaultMetadata,
  defaultServerPolicy,
  type HttpMatch,
  type InboundRoute,
  isDefaultPolicyName,
  type PortSet,
  portList,
  portSetHas,
  type ServerPolicy,
} from '@weft/core';
import type { Container, Pod } from '@weft/kube';
import { DETECT_TIMEOUT_MS, type PolicySettings } from './settings.ts';

const annotation = (pod: Pod, name: string): string | undefined => pod.metadata.annotations?.[`config.linkerd.io/${name}`];

export function inboundPolicy(pod: Pod, port: number, settings: PolicySettings): ServerPolicy {
  const name = policyName(pod, port, settings);
  const base = defaultServerPolicy(name, { clusterNetworks: settings.clusterNetworks, opaque: opaquePort(pod, port), detectTimeoutMs: DETECT_TIMEOUT_MS });
  const { authorizations } = base.protocol;
  // On the wire `deny` is a port that detects and admits nobody, unless it is opaque.
  if (base.protocol.kind === 'opaque' && (name !== 'deny' || opaquePort(pod, port))) return base;
  const routes = [defaultRoute(authorizations), ...probeRoutes(pod, port, authorizations, settings)];
  return { metadata: base.metadata, protocol: { kind: 'detect', timeoutMs: DETECT_TIMEOUT_MS, routes, authorizations } };
}

/** The workload's annotation where valid, else the controller's; a port that requires identity turns it authenticated. */
function policyName(pod: Pod, port: number, settings: PolicySettings): DefaultPolicyName {
  const own = annotation(pod, 'default-inbound-policy') ?? '';
  const name = isDefaultPolicyName(own) ? own : settings.defaultPolicy;
  const required = ports(annotation(pod, 'proxy-require-identity-inbound-ports') ?? '', pod);
  if (!portSetHas(required, port)) return name;
  if (name === 'all-unauthenticated') return 'all-authenticated';
  return name === 'cluster-unauthenticated' ? 'cluster-authenticated' : name;
}

function opaquePort(pod: Pod, port: number): boolean {
  return portSetHas(ports(annotation(pod, 'opaque-ports') ?? '', pod), port);
}

function ports(text: string, pod: Pod): PortSet {
  const named = containersOf(pod).flatMap((container) => container.ports ?? []);
  return portList(text, (name) => named.find((candidate) => candidate.name === name)?.containerPort);
}

function containersOf(pod: Pod): readonly Container[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
}

function defaultRoute(authorizations: readonly Authorization[]): InboundRoute<HttpMatch> {
  return route('default', [{ path: { kind: 'prefix', value: '/' }, headers: [], query: [] }], authorizations);
}

function route(name: string, matches: readonly HttpMatch[], authorizations: readonly Authorization[]): InboundRoute<HttpMatch> {
  return { metadata: defaultMetadata(name), hosts: [], authorizations, rules: [{ matches, filters: [] }] };
}

/** One route for all http probes of this port, open to the networks that probes come from. */
function probeRoutes(pod: Pod, port: number, server: readonly Authorization[], settings: PolicySettings): readonly InboundRoute<HttpMatch>[] {
  if (settings.probeNetworks.length === 0) return [];
  const paths = new Set(containersOf(pod).flatMap((container) => probePaths(container, port)));
  if (paths.size === 0) return [];
  const probe: Authorization = {
    metadata: defaultMetadata('probe'),
    networks: settings.probeNetworks.map((net) => ({ net, except: [] })),
    authentication: { kind: 'unauthenticated' },
  };
  const matches = [...paths].sort().map((value): HttpMatch => ({ path: { kind: 'exact', value }, headers: [], query: [], method: 'GET' }));
  return [route('probe', matches, [probe, ...server])];
}

function probePaths(container: Container, port: number): readonly string[] {
  return [container.livenessProbe, container.readinessProbe, container.startupProbe].flatMap((probe) => {
    const get = probe?.httpGet;
    if (!get) return [];
    const number =
      typeof get.port === 'number' ? get.port : container.ports?.find((p) => p.name === get.port && (p.protocol ?? 'TCP') === 'TCP')?.containerPort;
    return number === port ? [(get.path ?? '/').split('?', 1)[0] || '/'] : [];
  });
}
