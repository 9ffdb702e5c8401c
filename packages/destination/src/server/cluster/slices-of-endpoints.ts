// Endpoints read as EndpointSlices, one per subset, so that nothing behind the store has to know of both. spec/control-plane.md §1.4.
import { canonicalIp } from '@weft/core';
import { type EndpointAddress, type EndpointSlice, type EndpointSubset, type Endpoints, SERVICE_NAME_LABEL, type StoreEvent } from '@weft/kube';

type Slices = readonly EndpointSlice[];

/** Turns the events of a store of Endpoints into those of slices. An object that changed leaves all its slices and brings all its new ones. */
export function sliceEvents(event: StoreEvent<Endpoints>, known: WeakMap<Endpoints, Slices>): readonly StoreEvent<EndpointSlice>[] {
  const removed = event.kind === 'added' ? [] : (known.get(event.old) ?? []);
  const added = event.kind === 'deleted' ? [] : slicesOf(event.object);
  if (event.kind !== 'deleted') known.set(event.object, added);
  return [...removed.map((old) => ({ kind: 'deleted' as const, old })), ...added.map((object) => ({ kind: 'added' as const, object }))];
}

function slicesOf(endpoints: Endpoints): Slices {
  return (endpoints.subsets ?? []).flatMap((subset, index) =>
    (['IPv4', 'IPv6'] as const).flatMap((family) => {
      const addresses = (subset.addresses ?? []).filter(({ ip }) => (canonicalIp(ip)?.includes(':') ? 'IPv6' : 'IPv4') === family);
      return addresses.length === 0 ? [] : [sliceOf(endpoints, subset, addresses, family, index)];
    }),
  );
}

/** Only the addresses that are ready are read. They carry neither zones nor hints. */
function sliceOf(
  { metadata }: Endpoints,
  { ports }: EndpointSubset,
  addresses: readonly EndpointAddress[],
  addressType: 'IPv4' | 'IPv6',
  index: number,
): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...metadata, name: `${metadata.name}-${index}-${addressType}`, labels: { ...metadata.labels, [SERVICE_NAME_LABEL]: metadata.name } },
    addressType,
    endpoints: addresses.map(({ ip, ...rest }) => ({ addresses: [ip], ...rest })),
    ...(ports && { ports }),
  };
}
