// The endpoints that a Service has in external workloads, by address family and by the ports they resolve to. spec/control-plane.md §1.9.
import { canonicalIp } from '@weft/core';
import type { ExternalWorkload, Service, ServicePort, SliceEndpoint, SlicePort } from '@weft/kube';

export type Family = 'IPv4' | 'IPv6';

export interface EndpointGroup {
  readonly family: Family;
  readonly ports: readonly SlicePort[];
  /** By name of the workload. */
  readonly endpoints: ReadonlyMap<string, SliceEndpoint>;
}

const FAMILIES: readonly Family[] = ['IPv4', 'IPv6'];
const ZONE_LABEL = 'topology.kubernetes.io/zone';

/** Services that select workloads, and are written for. */
export function selectsWorkloads({ metadata, spec }: Service): boolean {
  return metadata.namespace !== 'kube-system' && spec.type !== 'ExternalName' && spec.selector !== undefined && spec.selector !== null;
}

export function selects({ spec }: Service, workload: Pick<ExternalWorkload, 'metadata'>): boolean {
  const { labels = {} } = workload.metadata;
  return Object.entries(spec.selector ?? {}).every(([key, value]) => labels[key] === value);
}

function familiesOf({ spec }: Service): readonly Family[] {
  return spec.ipFamilies && spec.ipFamilies.length > 0 ? spec.ipFamilies : FAMILIES;
}

/** Equal for lists of ports that mean the same, whatever the API server filled in. */
export function portsKey(ports: readonly SlicePort[] | undefined | null): string {
  const texts = (ports ?? []).map(({ name, port, protocol }) => `${name ?? ''} ${port ?? ''} ${protocol ?? 'TCP'}`);
  return texts.sort().join(',');
}

export function desiredEndpoints(service: Service, workloads: readonly ExternalWorkload[]): readonly EndpointGroup[] {
  const groups = new Map<string, { family: Family; ports: readonly SlicePort[]; endpoints: Map<string, SliceEndpoint> }>();
  for (const workload of workloads) {
    if (!selects(service, workload)) continue;
    const ports = portsOf(service, workload);
    for (const family of familiesOf(service)) {
      const endpoint = endpointOf(service, workload, family);
      if (!endpoint) continue;
      const key = `${family} ${portsKey(ports)}`;
      const group = groups.get(key) ?? { family, ports, endpoints: new Map<string, SliceEndpoint>() };
      groups.set(key, group);
      group.endpoints.set(workload.metadata.name, endpoint);
    }
  }
  return [...groups.values()];
}

/** Undefined where the workload has no address of the family. */
function endpointOf(service: Service, { metadata, spec, status }: ExternalWorkload, family: Family): SliceEndpoint | undefined {
  const { name, namespace, uid, labels } = metadata;
  const addresses = (spec.workloadIPs ?? []).flatMap(({ ip }) => canonicalIp(ip) ?? []).filter((ip) => ip.includes(':') === (family === 'IPv6'));
  if (addresses.length === 0) return undefined;
  const ready = status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
  const zone = labels?.[ZONE_LABEL];
  return {
    addresses,
    conditions: { ready, serving: ready, terminating: false },
    targetRef: { kind: 'ExternalWorkload', name, ...(namespace !== undefined && { namespace }), ...(uid !== undefined && { uid }) },
    ...(zone !== undefined && { zone }),
    ...(service.spec.clusterIP === 'None' && { hostname: name }),
  };
}

/** Ports of the Service that the workload declares. */
function portsOf({ spec }: Service, workload: ExternalWorkload): readonly SlicePort[] {
  return (spec.ports ?? []).flatMap((port) => {
    const number = targetOf(port, workload);
    return number === undefined ? [] : [{ name: port.name ?? '', port: number, protocol: port.protocol ?? 'TCP' }];
  });
}

function targetOf({ port, targetPort = port, protocol = 'TCP' }: ServicePort, { spec }: ExternalWorkload): number | undefined {
  const declared = spec.ports?.find(
    (one) => (one.protocol ?? 'TCP') === protocol && (typeof targetPort === 'number' ? one.port === targetPort : one.name === targetPort),
  );
  return declared?.port;
}
