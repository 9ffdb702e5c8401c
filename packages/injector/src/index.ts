// The pod mutator: a pure function from a pod to the JSON Patch that adds linkerd-init and linkerd-proxy to it, with the
// annotations, labels, volumes and environment that Linkerd's injector writes; and the opaque-ports annotation of Services.
// Example: injectPod({ pod, namespace: 'default', namespaceAnnotations: { 'linkerd.io/inject': 'enabled' }, values })
export { type Decision, SKIP_TEXTS, type SkipReason } from './decision/decide.ts';
export { annotateService, type InjectPodOptions, injectPod, type PodMutation } from './inject.ts';
export type { AddOperation, OwnerRef } from './patch/build-patch.ts';
export { readValues } from './values/read-values.ts';
export {
  defaultValues,
  type InboundPolicyName,
  type InjectorValues,
  type ProxyInitValues,
  type ProxyValues,
  type RequiredValues,
  type ResourceValues,
} from './values/values.ts';
