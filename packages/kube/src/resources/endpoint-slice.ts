// EndpointSlice, discovery.k8s.io/v1.
import type { KubeObject, ObjectReference } from './meta.ts';
import { resourceKind } from './resource-kind.ts';

export interface EndpointConditions {
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
}

export interface SliceEndpoint {
  readonly addresses: readonly string[];
  readonly conditions?: EndpointConditions;
  readonly hostname?: string;
  readonly nodeName?: string;
  readonly zone?: string;
  readonly targetRef?: ObjectReference;
  readonly hints?: { readonly forZones?: readonly { readonly name: string }[] };
}

export interface SlicePort {
  readonly name?: string;
  readonly port?: number;
  readonly protocol?: 'TCP' | 'UDP' | 'SCTP';
  readonly appProtocol?: string;
}

export interface EndpointSlice extends KubeObject {
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN';
  readonly endpoints: readonly SliceEndpoint[];
  readonly ports?: readonly SlicePort[];
}

export const endpointSliceKind = resourceKind<EndpointSlice>({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
  lists: ['endpoints'],
});

/** Label that names the Service of a slice. */
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
