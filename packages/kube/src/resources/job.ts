// Job, batch/v1.
import type { KubeObject } from './meta.ts';
import type { PodTemplate } from './pod.ts';
import { resourceKind } from './resource-kind.ts';

export interface Job extends KubeObject {
  readonly spec: { readonly parallelism?: number; readonly completions?: number; readonly template: PodTemplate };
}

export const jobKind = resourceKind<Job>({ group: 'batch', version: 'v1', kind: 'Job', plural: 'jobs', namespaced: true });
