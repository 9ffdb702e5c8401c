// ServiceProfile, linkerd.io/v1alpha2: routes, retries and splits of one Service. spec/control-plane.md §1.11.
import type { KubeObject } from './meta.ts';
import { resourceKind } from './resource-kind.ts';

/** At least one field; several mean all of them. The schema of Linkerd's CRD says that `not` is a list, its controller reads an object. */
export interface ProfileRequestMatch {
  readonly all?: readonly ProfileRequestMatch[];
  readonly any?: readonly ProfileRequestMatch[];
  readonly not?: ProfileRequestMatch | readonly ProfileRequestMatch[];
  readonly method?: string;
  readonly pathRegex?: string;
}

export interface ProfileResponseMatch {
  readonly all?: readonly ProfileResponseMatch[];
  readonly any?: readonly ProfileResponseMatch[];
  readonly not?: ProfileResponseMatch | readonly ProfileResponseMatch[];
  readonly status?: { readonly min?: number; readonly max?: number };
}

export interface ServiceProfileRoute {
  readonly name: string;
  readonly condition?: ProfileRequestMatch;
  readonly responseClasses?: readonly { readonly condition?: ProfileResponseMatch; readonly isFailure?: boolean }[];
  readonly isRetryable?: boolean;
  /** A Go duration. */
  readonly timeout?: string;
}

export interface ServiceProfile extends KubeObject {
  readonly spec: {
    readonly routes?: readonly ServiceProfileRoute[];
    readonly retryBudget?: { readonly retryRatio?: number; readonly minRetriesPerSecond?: number; readonly ttl?: string };
    /** The weight is a quantity, such as 1 or `500m`. */
    readonly dstOverrides?: readonly { readonly authority: string; readonly weight: number | string }[];
  };
}

export const serviceProfileKind = resourceKind<ServiceProfile>({
  group: 'linkerd.io',
  version: 'v1alpha2',
  kind: 'ServiceProfile',
  plural: 'serviceprofiles',
  namespaced: true,
});
