// ExternalWorkload, workload.linkerd.io/v1beta1: a member of the mesh outside of the cluster. spec/control-plane.md §1.9.
import type { Condition, KubeObject } from './meta.ts';
import { resourceKind } from './resource-kind.ts';

export interface ExternalWorkloadPort {
  readonly name?: string;
  readonly port: number;
  readonly protocol?: 'TCP' | 'UDP' | 'SCTP';
}

export interface ExternalWorkload extends KubeObject {
  readonly spec: {
    readonly meshTLS: { readonly identity: string; readonly serverName: string };
    readonly ports?: readonly ExternalWorkloadPort[];
    readonly workloadIPs?: readonly { readonly ip: string }[];
  };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

export const externalWorkloadKind = resourceKind<ExternalWorkload>({
  group: 'workload.linkerd.io',
  version: 'v1beta1',
  kind: 'ExternalWorkload',
  plural: 'externalworkloads',
  namespaced: true,
});
