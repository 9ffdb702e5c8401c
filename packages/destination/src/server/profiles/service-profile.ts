// The profile of a Service's port: its own facts, and the ServiceProfile of the client's namespace, else of its own. spec/control-plane.md §1.10.
import { formatServiceName, type Logger, type Profile, portSetHas } from '@weft/core';
import type { Service, ServiceProfile } from '@weft/kube';
import { samePlain } from '@weft/wire';
import type { ClusterIndex } from '../cluster/cluster-index.ts';
import { opaquePortsOfService } from '../opaque-ports/annotated.ts';
import type { DestinationSettings } from '../settings.ts';
import type { Outcome } from '../shared-watches.ts';
import { DEFAULT_BUDGET, profileSpecOf } from './profile-spec.ts';

/** All fields default: nothing is known, the client policy rules. */
export const EMPTY_PROFILE: Profile = { fullyQualifiedName: '', opaqueProtocol: false, routes: [], overrides: [] };

export interface ServiceProfileLookup {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  /** Namespace of the client; empty where it is not known. */
  readonly clientNamespace: string;
}

/** Namespaces whose ServiceProfile counts, the first one that has it first. */
export function profileNamespaces({ namespace, clientNamespace }: ServiceProfileLookup): readonly string[] {
  return clientNamespace === '' || clientNamespace === namespace ? [namespace] : [clientNamespace, namespace];
}

export function serviceProfileOutcome(
  lookup: ServiceProfileLookup,
  cluster: Pick<ClusterIndex, 'service' | 'serviceProfile'>,
  settings: DestinationSettings,
  logger: Logger,
): Outcome<Profile> {
  const { namespace, name, port } = lookup;
  const service = cluster.service(namespace, name);
  // Without the port there is no profile, and the client policy rules.
  if (!service?.spec.ports?.some((declared) => declared.port === port)) return { kind: 'value', value: EMPTY_PROFILE };
  const fqn = formatServiceName({ service: name, namespace }, settings.clusterDomain);
  const [object] = profileNamespaces(lookup).flatMap((place) => cluster.serviceProfile(place, fqn) ?? []);
  return { kind: 'value', value: profileOf(service, object, fqn, port, settings, logger) };
}

function profileOf(service: Service, object: ServiceProfile | undefined, fqn: string, port: number, settings: DestinationSettings, logger: Logger): Profile {
  const { name, namespace = '' } = service.metadata;
  const resource = { kind: 'resource', section: '' } as const;
  return {
    fullyQualifiedName: fqn,
    opaqueProtocol: portSetHas(opaquePortsOfService(service, settings.defaultOpaquePorts), port),
    ...(object ? profileSpecOf(object, port, logger) : { routes: [], retryBudget: DEFAULT_BUDGET, overrides: [] }),
    parent: { ...resource, group: 'core', resource: 'Service', name, namespace, port },
    // The default profile is referred to as well, by nothing but its group.
    profile: {
      ...resource,
      group: 'linkerd.io',
      resource: object ? 'ServiceProfile' : '',
      name: object?.metadata.name ?? '',
      namespace: object?.metadata.namespace ?? '',
      port: 0,
    },
  };
}

/** The former profile where nothing that is told has changed, so that it is not told again. */
export function unchanged(former: Profile | undefined, outcome: Outcome<Profile>): Outcome<Profile> {
  return former && outcome.kind === 'value' && samePlain(former, outcome.value) ? { kind: 'value', value: former } : outcome;
}
