// Lease, coordination.k8s.io/v1: who holds what, and since when.
import type { KubeObject } from './meta.ts';
import { resourceKind } from './resource-kind.ts';

export interface LeaseSpec {
  /** Absent or empty: nobody. */
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  /** RFC 3339, microseconds. */
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

export interface Lease extends KubeObject {
  readonly spec?: LeaseSpec;
}

export const leaseKind = resourceKind<Lease>({ group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases', namespaced: true });
