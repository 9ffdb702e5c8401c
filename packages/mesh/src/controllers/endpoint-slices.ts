// The endpoints of a Service, from its pods. Kubernetes "EndpointSlices"; named target ports are looked up per pod. Pure.
import { createHash } from 'node:crypto';
import {
  type Draft,
  type EndpointSlice,
  type Pod,
  SERVICE_NAME_LABEL,
  type Service,
  type ServicePort,
  type SliceEndpoint,
  type SlicePort,
  serviceKind,
} from '@weft/kube';
import { controllerReference, isPodFinished, isPodReady, matchesLabels } from './owner.ts';

/** One slice per combination of real ports; a Service whose pods agree on its named ports has one. */
export function slicesOf(service: Service, pods: readonly Pod[]): readonly Draft<EndpointSlice>[] {
  if (service.spec.type === 'ExternalName' || !service.spec.selector) return [];
  const groups = new Map<string, { readonly ports: readonly SlicePort[]; readonly endpoints: SliceEndpoint[] }>();
  for (const pod of pods) {
    const ip = pod.status?.podIP;
    if (!matchesLabels(service.spec.selector, pod.metadata.labels) || isPodFinished(pod) || ip === undefined || ip === '') continue;
    const ports = (service.spec.ports ?? []).flatMap((port) => portOf(port, pod));
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    groups.set(key, group);
    group.endpoints.push(endpointOf(service, pod, ip));
  }
  const labels = {
    ...service.metadata.labels,
    [SERVICE_NAME_LABEL]: service.metadata.name,
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    ...(service.spec.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {}),
  };
  return [...groups].map(([key, { ports, endpoints }]) => ({
    metadata: {
      name: `${service.metadata.name}-${createHash('sha256').update(key).digest('hex').slice(0, 5)}`,
      namespace: service.metadata.namespace ?? '',
      labels,
      ownerReferences: [controllerReference(serviceKind, service)],
    },
    addressType: 'IPv4',
    endpoints: endpoints.toSorted((a, b) => (a.addresses[0] ?? '').localeCompare(b.addresses[0] ?? '')),
    ports,
  }));
}

/** Nothing when the pod has no port of that name. */
function portOf(port: ServicePort, pod: Pod): SlicePort[] {
  const target = port.targetPort ?? port.port;
  const number = typeof target === 'number' ? target : containerPort(pod, target, port.protocol ?? 'TCP');
  if (number === undefined) return [];
  return [
    { name: port.name ?? '', port: number, protocol: port.protocol ?? 'TCP', ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }) },
  ];
}

/** The number of a named container port; native sidecars count as containers. */
export function containerPort(pod: Pod, name: string, protocol = 'TCP'): number | undefined {
  const sidecars = (pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  for (const container of [...pod.spec.containers, ...sidecars]) {
    const port = container.ports?.find((candidate) => candidate.name === name && (candidate.protocol ?? 'TCP') === protocol);
    if (port) return port.containerPort;
  }
  return undefined;
}

function endpointOf(service: Service, pod: Pod, ip: string): SliceEndpoint {
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const serving = isPodReady(pod);
  const { hostname, subdomain, nodeName } = pod.spec;
  return {
    addresses: [ip],
    conditions: { ready: service.spec.publishNotReadyAddresses === true || (serving && !terminating), serving, terminating },
    ...(hostname !== undefined && subdomain === service.metadata.name ? { hostname } : {}),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: { kind: 'Pod', namespace: pod.metadata.namespace ?? '', name: pod.metadata.name, uid: pod.metadata.uid ?? '' },
  };
}
