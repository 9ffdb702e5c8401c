// Puts the proxy into a pod template of the control plane, with the pod mutator that the admission webhook uses for everybody else.
import { type InjectorValues, injectPod } from '@weft/injector';
import type { Pod, PodTemplate } from '@weft/kube';

export interface InjectTemplateOptions {
  readonly template: PodTemplate;
  readonly namespace: string;
  readonly deployment: string;
  readonly values: InjectorValues;
}

/** Throws when the template cannot be meshed. */
export function injectTemplate({ template, namespace, deployment, values }: InjectTemplateOptions): PodTemplate {
  const pod: Pod = structuredClone({ apiVersion: 'v1', kind: 'Pod', metadata: { name: deployment, namespace, ...template.metadata }, spec: template.spec });
  const mutation = injectPod({
    pod,
    namespace,
    namespaceAnnotations: { 'linkerd.io/inject': 'enabled' },
    values,
    owner: { kind: 'deployment', name: deployment },
  });
  if (mutation.kind === 'skipped') throw new Error(`${deployment} cannot be meshed: ${mutation.reasons.join(', ')}`);
  const document: unknown = pod;
  for (const { path, value } of mutation.patch) addAt(document, path, value);
  const { labels, annotations } = pod.metadata;
  return { metadata: { ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) }, spec: pod.spec };
}

/** The `add` operation, RFC 6902 §4.1, which is all that injection uses. */
function addAt(document: unknown, path: string, value: unknown): void {
  const keys = path
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = keys.pop();
  if (last === undefined) throw new Error('a patch of the whole document is not expected');
  let target: unknown = document;
  for (const key of keys) target = (target as Record<string, unknown>)[key];
  if (Array.isArray(target)) target.splice(last === '-' ? target.length : Number(last), 0, value);
  else (target as Record<string, unknown>)[last] = value;
}
