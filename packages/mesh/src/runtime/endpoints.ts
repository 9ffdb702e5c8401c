// What the local runtimes read of Services and EndpointSlices: ready addresses of a Service port, and names for DNS.
import { type EndpointSlice, type ResourceStore, SERVICE_NAME_LABEL, type Service } from '@weft/kube';

export interface ClusterView {
  readonly services: ResourceStore<Service>;
  readonly slices: ResourceStore<EndpointSlice>;
}

export interface ReadyAddress {
  readonly ip: string;
  readonly port: number;
}

export function slicesOfService(view: ClusterView, namespace: string, name: string): readonly EndpointSlice[] {
  return view.slices.list(namespace).filter((slice) => slice.metadata.labels?.[SERVICE_NAME_LABEL] === name && slice.addressType === 'IPv4');
}

/** Ready endpoints behind one port of a Service. */
export function readyAddresses(view: ClusterView, service: Service, port: number): ReadyAddress[] {
  const declared = service.spec.ports?.find((candidate) => candidate.port === port);
  if (!declared) return [];
  const result: ReadyAddress[] = [];
  for (const slice of slicesOfService(view, service.metadata.namespace ?? '', service.metadata.name)) {
    const real = slice.ports?.find((candidate) => (candidate.name ?? '') === (declared.name ?? ''))?.port;
    if (real === undefined) continue;
    for (const endpoint of slice.endpoints) {
      if (endpoint.conditions?.ready === false) continue;
      for (const ip of endpoint.addresses) result.push({ ip, port: real });
    }
  }
  return result;
}

/** Addresses that the name of a Service resolves to. */
export function addressesOfName(view: ClusterView, service: Service): string[] {
  const { clusterIP } = service.spec;
  if (clusterIP !== undefined && clusterIP !== '' && clusterIP !== 'None') return [clusterIP];
  const ips = new Set<string>();
  for (const slice of slicesOfService(view, service.metadata.namespace ?? '', service.metadata.name)) {
    for (const endpoint of slice.endpoints) {
      if (endpoint.conditions?.ready !== false) for (const ip of endpoint.addresses) ips.add(ip);
    }
  }
  return [...ips];
}
