// The pod mutator: a pod, its Namespace's annotations and the values give a JSON Patch, or the reasons for none. Pure.
import type { Pod, Service } from '@weft/kube';
import { type Decision, decide, type SkipReason } from './decision/decide.ts';
import { type AddOperation, annotationPatch, injectionPatch, type OwnerRef } from './patch/build-patch.ts';
import { podOpaquePorts, serviceOpaquePorts } from './patch/opaque-ports.ts';
import { applyAnnotations, inheritedAnnotations, OPAQUE_PORTS_ANNOTATION } from './values/annotations.ts';
import type { InjectorValues } from './values/values.ts';

export interface InjectPodOptions {
  readonly pod: Pod;
  /** Annotations of the pod's Namespace. */
  readonly namespaceAnnotations: Readonly<Record<string, string>>;
  readonly namespace: string;
  readonly values: InjectorValues;
  /** The workload that owns the pod, where there is one. */
  readonly owner?: OwnerRef | undefined;
}

export type PodMutation =
  | { readonly kind: 'injected'; readonly patch: readonly AddOperation[]; readonly decision: Decision; readonly warnings: readonly string[] }
  /** Not injected; the patch may still add the opaque-ports annotation, and is empty where not even that is needed. */
  | { readonly kind: 'skipped'; readonly patch: readonly AddOperation[]; readonly decision: Decision; readonly reasons: readonly SkipReason[] };

export function injectPod({ pod, namespaceAnnotations, namespace, values, owner }: InjectPodOptions): PodMutation {
  const own = pod.metadata?.annotations ?? {};
  const decision = decide(pod, namespaceAnnotations);
  if (!decision.inject) {
    const patch = annotationPatch(pod.metadata?.annotations, opaqueAnnotation(own, namespaceAnnotations, podOpaquePorts(pod, values.proxy.opaquePorts)));
    return { kind: 'skipped', patch, decision, reasons: decision.reasons };
  }
  const annotations = {
    ...inheritedAnnotations(namespaceAnnotations, own),
    ...opaqueAnnotation(own, namespaceAnnotations, podOpaquePorts(pod, values.proxy.opaquePorts)),
  };
  const overridden = applyAnnotations(values, { ...annotations, ...own }, namespaceAnnotations);
  const patch = injectionPatch({ pod, namespace, values: overridden.values, annotations, owner });
  return { kind: 'injected', patch, decision, warnings: overridden.warnings };
}

/** The opaque-ports annotation of a Service; empty where it has one or needs none. */
export function annotateService(service: Service, namespaceAnnotations: Readonly<Record<string, string>>, values: InjectorValues): readonly AddOperation[] {
  const own = service.metadata.annotations;
  return annotationPatch(own, opaqueAnnotation(own ?? {}, namespaceAnnotations, serviceOpaquePorts(service, values.proxy.opaquePorts)));
}

/** Own annotation: nothing. Else the Namespace's word for word, else the defaults that concern this object. */
function opaqueAnnotation(
  own: Readonly<Record<string, string>>,
  namespace: Readonly<Record<string, string>>,
  defaults: string | undefined,
): Readonly<Record<string, string>> {
  if (Object.hasOwn(own, OPAQUE_PORTS_ANNOTATION)) return {};
  const value = namespace[OPAQUE_PORTS_ANNOTATION] ?? defaults;
  return value === undefined ? {} : { [OPAQUE_PORTS_ANNOTATION]: value };
}
