// Which webhooks a write concerns. Kubernetes "Dynamic Admission Control", matching requests.

import type { ResourceKind } from '../../resources/resource-kind.ts';
import type { ValidatingWebhook, WebhookRule } from '../../resources/webhook.ts';
import { selectorMatches } from '../../select/label-selector.ts';
import { type JsonObject, objectAt, stringMap } from '../json/json.ts';

export interface AdmissionTarget {
  readonly kind: ResourceKind;
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly subresource: string | undefined;
  readonly namespace: string | undefined;
  readonly object: JsonObject | undefined;
  readonly old: JsonObject | undefined;
  /** Labels of the object's namespace; of the object itself when it is a Namespace. */
  readonly namespaceLabels: Readonly<Record<string, string>> | undefined;
  /** The other versions that the object is served in. */
  readonly equivalents: readonly ResourceKind[];
}

/** The version that the webhook is to see: the one written or, unless it asks for exactness, another that its rules name. Undefined: none. */
export function matchedKind(webhook: ValidatingWebhook, target: AdmissionTarget): ResourceKind | undefined {
  const versions = webhook.matchPolicy === 'Exact' ? [target.kind] : [target.kind, ...target.equivalents];
  const kind = versions.find((version) => (webhook.rules ?? []).some((rule) => ruleMatches(rule, { ...target, kind: version })));
  return kind && selects(webhook, target) ? kind : undefined;
}

function selects(webhook: ValidatingWebhook, target: AdmissionTarget): boolean {
  // Cluster-scoped objects other than namespaces have no namespace to select by.
  const { namespaceLabels } = target;
  if (namespaceLabels !== undefined && !selectorMatches(webhook.namespaceSelector ?? {}, namespaceLabels)) return false;
  const selector = webhook.objectSelector ?? {};
  return [target.object, target.old].some((object) => object !== undefined && selectorMatches(selector, labelsOf(object)));
}

function ruleMatches(rule: WebhookRule, { kind, operation, subresource }: AdmissionTarget): boolean {
  const has = (list: readonly string[] | undefined, value: string): boolean => list !== undefined && (list.includes('*') || list.includes(value));
  if (!has(rule.operations, operation) || !has(rule.apiGroups, kind.group) || !has(rule.apiVersions, kind.version)) return false;
  if (rule.scope === 'Cluster' && kind.namespaced) return false;
  if (rule.scope === 'Namespaced' && !kind.namespaced) return false;
  return (rule.resources ?? []).some((pattern) => {
    const [resource = '', sub] = pattern.split('/');
    if (resource !== '*' && resource !== kind.plural) return false;
    if (pattern === '*/*') return true;
    return subresource === undefined ? sub === undefined : sub === '*' || sub === subresource;
  });
}

export function labelsOf(object: JsonObject): Record<string, string> {
  return stringMap(objectAt(object, 'metadata', 'labels'));
}
