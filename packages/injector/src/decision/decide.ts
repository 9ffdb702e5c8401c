// Whether a pod is injected, and every reason why not. spec/injector-cli.md §1.3.
import type { Container, Pod } from '@weft/kube';
import { INJECT_ANNOTATION } from '../values/annotations.ts';

/** Report names, as metrics and events carry them. */
export type SkipReason =
  | 'host_network_enabled'
  | 'sidecar_already_exists'
  | 'injection_enable_annotation_absent'
  | 'injection_disable_annotation_present'
  | 'invalid_inject_annotation_at_workload'
  | 'invalid_inject_annotation_at_ns';

export const SKIP_TEXTS: Readonly<Record<SkipReason, string>> = {
  host_network_enabled: 'hostNetwork is enabled',
  sidecar_already_exists: 'pod has a sidecar injected already',
  injection_enable_annotation_absent: 'neither the namespace nor the pod have the annotation "linkerd.io/inject:enabled"',
  injection_disable_annotation_present: 'pod has the annotation "linkerd.io/inject:disabled"',
  invalid_inject_annotation_at_workload: 'invalid value for annotation "linkerd.io/inject" at workload',
  invalid_inject_annotation_at_ns: 'invalid value for annotation "linkerd.io/inject" at namespace',
};

export interface Decision {
  readonly inject: boolean;
  /** All of them, in the documented order. */
  readonly reasons: readonly SkipReason[];
  /** Which annotation decided. */
  readonly annotationAt: 'namespace' | 'workload' | '';
}

export function decide(pod: Pod, namespaceAnnotations: Readonly<Record<string, string>>): Decision {
  const byAnnotation = decideByAnnotation(namespaceAnnotations[INJECT_ANNOTATION], pod.metadata.annotations?.[INJECT_ANNOTATION]);
  const reasons: SkipReason[] = [];
  if (pod.spec.hostNetwork) reasons.push('host_network_enabled');
  if (hasSidecar(pod)) reasons.push('sidecar_already_exists');
  if (byAnnotation.reason) reasons.push(byAnnotation.reason);
  return { inject: reasons.length === 0, reasons, annotationAt: byAnnotation.at };
}

function decideByAnnotation(ns: string | undefined, pod: string | undefined): { readonly reason?: SkipReason; readonly at: Decision['annotationAt'] } {
  const on = (value: string | undefined): boolean => value === 'enabled' || value === 'ingress';
  const known = (value: string | undefined): boolean => value === undefined || value === '' || value === 'disabled' || on(value);
  if (!known(ns)) return { reason: 'invalid_inject_annotation_at_ns', at: 'namespace' };
  if (!known(pod)) return { reason: 'invalid_inject_annotation_at_workload', at: 'workload' };
  if (on(ns)) return pod === 'disabled' ? { reason: 'injection_disable_annotation_present', at: 'workload' } : { at: 'namespace' };
  return on(pod) ? { at: 'workload' } : { reason: 'injection_enable_annotation_absent', at: '' };
}

const SIDECAR_NAMES = new Set(['linkerd-proxy', 'istio-proxy']);
const SIDECAR_IMAGES = ['cr.l5d.io/linkerd/proxy:', 'gcr.io/istio-release/proxyv2:'];
const INIT_NAMES = new Set(['linkerd-init', 'istio-init']);
const INIT_IMAGES = ['cr.l5d.io/linkerd/proxy-init:', 'gcr.io/istio-release/proxy_init:'];

function hasSidecar(pod: Pod): boolean {
  const named = (names: ReadonlySet<string>, images: readonly string[]) => (container: Container) =>
    names.has(container.name) || images.some((image) => container.image?.startsWith(image) === true);
  const init = pod.spec.initContainers ?? [];
  return [...pod.spec.containers, ...init].some(named(SIDECAR_NAMES, SIDECAR_IMAGES)) || init.some(named(INIT_NAMES, INIT_IMAGES));
}
