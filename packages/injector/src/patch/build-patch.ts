// The JSON Patch of an injected pod: operations in the documented order. spec/injector-cli.md §1.4.
import { createHash } from 'node:crypto';
import type { Pod } from '@weft/kube';
import type { InjectorValues } from '../values/values.ts';
import { IDENTITY_VOLUME, initContainer, proxyContainer, TOKEN_VOLUME, XTABLES_VOLUME } from './containers.ts';

/** RFC 6902 §4.1; injection only ever adds. */
export interface AddOperation {
  readonly op: 'add';
  readonly path: string;
  readonly value: unknown;
}

const add = (path: string, value: unknown): AddOperation => ({ op: 'add', path, value });
/** RFC 6901 §3. */
const pointer = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');

export interface OwnerRef {
  /** Lower-case kind. */
  readonly kind: string;
  readonly name: string;
}

/** Kinds whose name goes into a label of the pod. */
const LABELLED_OWNERS: ReadonlySet<string> = new Set(['deployment', 'replicationcontroller', 'replicaset', 'job', 'daemonset', 'statefulset']);

/** Annotations alone: for pods that are not injected, and for Services. */
export function annotationPatch(
  existing: Readonly<Record<string, string>> | undefined,
  annotations: Readonly<Record<string, string>>,
): readonly AddOperation[] {
  const keys = Object.keys(annotations).sort();
  return [
    ...(existing || keys.length === 0 ? [] : [add('/metadata/annotations', {})]),
    ...keys.map((key) => add(`/metadata/annotations/${pointer(key)}`, annotations[key])),
  ];
}

export interface PatchInput {
  readonly pod: Pod;
  /** Of the pod's Namespace, where the pod itself does not say. */
  readonly namespace: string;
  readonly values: InjectorValues;
  /** Inherited from the Namespace, and opaque ports. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly owner?: OwnerRef | undefined;
}

export function injectionPatch({ pod, namespace, values, annotations, owner }: PatchInput): readonly AddOperation[] {
  const { proxy } = values;
  const added = {
    ...annotations,
    'linkerd.io/created-by': values.createdBy,
    'linkerd.io/proxy-version': proxy.version,
    'linkerd.io/trust-root-sha256': createHash('sha256').update(values.trustAnchorsPem).digest('hex'),
  };
  const labels: Record<string, string> = {
    'linkerd.io/control-plane-ns': values.controlPlaneNamespace,
    'linkerd.io/workload-ns': namespace,
    ...(owner && LABELLED_OWNERS.has(owner.kind) ? { [`linkerd.io/proxy-${owner.kind}`]: owner.name } : {}),
  };
  const empty = pod.metadata as object | undefined;
  return [
    ...(empty === undefined || Object.keys(empty).length === 0 ? [add('/metadata', {})] : []),
    ...annotationPatch(pod.metadata?.annotations, added),
    ...(pod.metadata?.labels ? [] : [add('/metadata/labels', {})]),
    ...Object.keys(labels)
      .sort()
      .map((key) => add(`/metadata/labels/${pointer(key)}`, labels[key])),
    ...(pod.spec.volumes ? [] : [add('/spec/volumes', [])]),
    ...(pod.spec.initContainers ? [] : [add('/spec/initContainers', [])]),
    add('/spec/volumes/-', { name: XTABLES_VOLUME, emptyDir: {} }),
    add(proxy.nativeSidecar ? '/spec/initContainers/0' : '/spec/initContainers/-', initContainer(values, pod)),
    add('/spec/volumes/-', { name: IDENTITY_VOLUME, emptyDir: { medium: 'Memory' } }),
    add('/spec/volumes/-', {
      name: TOKEN_VOLUME,
      projected: { sources: [{ serviceAccountToken: { path: 'linkerd-identity-token', expirationSeconds: 86400, audience: 'identity.l5d.io' } }] },
    }),
    add(proxy.nativeSidecar ? '/spec/initContainers/1' : proxy.await ? '/spec/containers/0' : '/spec/containers/-', proxyContainer(values, pod)),
  ];
}
