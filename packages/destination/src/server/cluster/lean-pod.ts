// Pods as discovery keeps them: what is read here, a tenth of what there is. spec/control-plane.md §1.6.
import type { Container, Pod } from '@weft/kube';

const READ_ANNOTATION = /^config\.linkerd\.io\/(opaque-ports|skip-inbound-ports)$/;
const READ_VARIABLE = /^LINKERD2_PROXY_(INBOUND|ADMIN|CONTROL)_LISTEN_ADDR$/;

export function leanPod(pod: Pod): Pod {
  const { name, namespace, uid, resourceVersion, deletionTimestamp, labels, annotations, ownerReferences } = pod.metadata;
  const { nodeName, serviceAccountName, hostNetwork, containers, initContainers } = pod.spec;
  const { phase, podIP, podIPs, hostIP, hostIPs } = pod.status ?? {};
  const kept = Object.entries(annotations ?? {}).filter(([key]) => READ_ANNOTATION.test(key));
  return {
    apiVersion: pod.apiVersion,
    kind: pod.kind,
    metadata: defined({
      name,
      namespace,
      uid,
      resourceVersion,
      deletionTimestamp,
      labels,
      ownerReferences,
      ...(kept.length > 0 && { annotations: Object.fromEntries(kept) }),
    }),
    spec: defined({
      nodeName,
      serviceAccountName,
      hostNetwork,
      containers: (containers ?? []).map(leanContainer),
      ...(initContainers && { initContainers: initContainers.map(leanContainer) }),
    }),
    status: defined({ phase, podIP, podIPs, hostIP, hostIPs }),
  };
}

function leanContainer({ name, image, ports, env }: Container): Container {
  const read = name === 'linkerd-proxy' ? env?.filter((variable) => READ_VARIABLE.test(variable.name)) : undefined;
  return defined({ name, image, ports, env: read });
}

/** Without the members that are undefined. */
function defined<T extends object>(object: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}
