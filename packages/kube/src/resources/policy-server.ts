// Server, policy.linkerd.io/v1beta3: which protocol a port of some workloads speaks, and who may speak it. spec/control-plane.md §2.2.
import type { KubeObject, LabelSelector } from './meta.ts';
import { resourceKind } from './resource-kind.ts';

export interface PolicyServer extends KubeObject {
  readonly spec: {
    /** One of the two selectors is there; an empty one selects everything in the namespace. */
    readonly podSelector?: LabelSelector;
    readonly externalWorkloadSelector?: LabelSelector;
    readonly port: number | string;
    readonly proxyProtocol?: 'unknown' | 'HTTP/1' | 'HTTP/2' | 'gRPC' | 'opaque' | 'TLS';
    readonly accessPolicy?: string;
  };
}

export const policyServerKind = resourceKind<PolicyServer>({
  group: 'policy.linkerd.io',
  version: 'v1beta3',
  kind: 'Server',
  plural: 'servers',
  namespaced: true,
});
