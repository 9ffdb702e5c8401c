// From the slices that are there to those that should be, with few writes: endpoints stay where they are. spec/control-plane.md §1.9.
import { type Draft, type EndpointSlice, SERVICE_NAME_LABEL, type Service, type SliceEndpoint } from '@weft/kube';
import { samePlain } from '@weft/wire';
import { type EndpointGroup, portsKey } from './desired-endpoints.ts';

export const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by';
export const MANAGER = 'linkerd-external-workloads-controller';
const HEADLESS_LABEL = 'service.kubernetes.io/headless';
const MAX_ENDPOINTS = 100;

export interface SlicePlan {
  readonly create: readonly Draft<EndpointSlice>[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly EndpointSlice[];
}

/** A slice that is there, on its way to what it should be. */
interface Working {
  readonly slice: EndpointSlice;
  readonly endpoints: SliceEndpoint[];
  changed: boolean;
}

/** `existing`: those that this controller manages for the Service. */
export function planSlices(service: Service, groups: readonly EndpointGroup[], existing: readonly EndpointSlice[]): SlicePlan {
  const create: Draft<EndpointSlice>[] = [];
  const update: EndpointSlice[] = [];
  const remove = new Set(existing);
  for (const group of groups) {
    const own = existing.filter((slice) => slice.addressType === group.family && isOwned(slice, service) && portsKey(slice.ports) === portsKey(group.ports));
    const plan = planGroup(service, group, own);
    for (const { slice, endpoints, changed } of plan.kept) {
      if (endpoints.length === 0) continue;
      remove.delete(slice);
      if (changed) update.push({ ...slice, metadata: { ...slice.metadata, labels: labelsOf(service) }, endpoints });
    }
    create.push(...plan.created);
  }
  recycle(service, create, update, remove);
  return { create, update, remove: [...remove] };
}

function planGroup(
  service: Service,
  group: EndpointGroup,
  own: readonly EndpointSlice[],
): { readonly kept: readonly Working[]; readonly created: readonly Draft<EndpointSlice>[] } {
  const left = new Map(group.endpoints);
  const kept = own.map((slice): Working => {
    const endpoints = (slice.endpoints ?? []).flatMap(({ targetRef }) => {
      const wanted = left.get(targetRef?.name ?? '');
      left.delete(targetRef?.name ?? '');
      return wanted ? [wanted] : [];
    });
    return { slice, endpoints, changed: !samePlain(endpoints, slice.endpoints ?? []) || !samePlain(slice.metadata.labels ?? {}, labelsOf(service)) };
  });
  const rest = [...left.values()];
  // Slices that are written anyway first, the fullest first.
  for (const working of kept.filter(({ changed, endpoints }) => changed && endpoints.length > 0).sort((a, b) => b.endpoints.length - a.endpoints.length))
    fill(working, rest);
  // One that could be left alone is written only where it takes all that is left.
  const roomy = kept
    .filter(({ changed, endpoints }) => !changed && endpoints.length + rest.length <= MAX_ENDPOINTS)
    .sort((a, b) => b.endpoints.length - a.endpoints.length)[0];
  if (roomy) fill(roomy, rest);
  const created: Draft<EndpointSlice>[] = [];
  while (rest.length > 0) created.push(newSlice(service, group, rest.splice(0, MAX_ENDPOINTS)));
  return { kept, created };
}

function fill(working: Working, rest: SliceEndpoint[]): void {
  const taken = rest.splice(0, Math.max(0, MAX_ENDPOINTS - working.endpoints.length));
  if (taken.length === 0) return;
  working.endpoints.push(...taken);
  working.changed = true;
}

/** A slice that would go is written as one that would come. */
function recycle(service: Service, create: Draft<EndpointSlice>[], update: EndpointSlice[], remove: Set<EndpointSlice>): void {
  for (const slice of remove) {
    const index = create.findIndex((draft) => draft.addressType === slice.addressType);
    const draft = create[index];
    if (!draft || !isOwned(slice, service)) continue;
    create.splice(index, 1);
    remove.delete(slice);
    update.push({
      ...slice,
      metadata: { ...slice.metadata, labels: labelsOf(service) },
      endpoints: draft.endpoints,
      ...(draft.ports && { ports: draft.ports }),
    });
  }
}

function newSlice(service: Service, { family, ports }: EndpointGroup, endpoints: readonly SliceEndpoint[]): Draft<EndpointSlice> {
  const { name, namespace = '', uid = '' } = service.metadata;
  return {
    metadata: {
      generateName: `linkerd-external-${name}-`,
      namespace,
      labels: labelsOf(service),
      ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name, uid, controller: true, blockOwnerDeletion: true }],
    },
    addressType: family,
    endpoints,
    ports,
  };
}

/** The labels of the Service, and those that are the controller's to say. */
function labelsOf({ metadata, spec }: Service): Readonly<Record<string, string>> {
  const { [HEADLESS_LABEL]: _headless, ...labels } = metadata.labels ?? {};
  return {
    ...labels,
    [SERVICE_NAME_LABEL]: metadata.name,
    [MANAGED_BY_LABEL]: MANAGER,
    ...(spec.clusterIP === 'None' && { [HEADLESS_LABEL]: '' }),
  };
}

function isOwned({ metadata }: EndpointSlice, service: Service): boolean {
  return metadata.ownerReferences?.some(({ uid, kind }) => kind === 'Service' && uid === service.metadata.uid) ?? false;
}
