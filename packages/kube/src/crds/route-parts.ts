// What the routes of the Gateway API and of policy.linkerd.io have in common. `spec/control-plane.md` §2.2; gateway.networking.k8s.io.
import type { JsonSchema } from '../resources/custom-resource-definition.ts';
import { conditions, groupName, integer, kindName, list, namespaceName, object, objectName, oneOfTexts, port, text } from './schema-parts.ts';

export interface RouteRules {
  /** Group that a parentRef means when it names none. */
  readonly parentGroup: string;
  readonly rule: JsonSchema;
  readonly ruleDefault?: unknown;
  readonly maxRules: number;
  readonly hostnames: boolean;
  readonly parentPort?: boolean;
  readonly rulesRequired?: boolean;
}

const hostname = text({
  minLength: 1,
  maxLength: 253,
  pattern: '^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
});
const sectionName = text({ minLength: 1, maxLength: 253 });

function parentRef(parentGroup: string, withPort = true): JsonSchema {
  return object(
    {
      group: { ...groupName, default: parentGroup },
      kind: { ...kindName, default: 'Gateway' },
      namespace: namespaceName,
      name: objectName,
      sectionName,
      ...(withPort ? { port } : {}),
    },
    { required: ['name'] },
  );
}

export function routeSpec({ parentGroup, rule, ruleDefault, maxRules, hostnames, parentPort, rulesRequired }: RouteRules): JsonSchema {
  return object(
    {
      parentRefs: list(parentRef(parentGroup, parentPort), { maxItems: 32 }),
      ...(hostnames ? { hostnames: list(hostname, { maxItems: 16 }) } : {}),
      rules: list(rule, { minItems: rulesRequired ? 1 : 0, maxItems: maxRules, ...(ruleDefault === undefined ? {} : { default: ruleDefault }) }),
    },
    rulesRequired ? { required: ['rules'] } : {},
  );
}

export function routeStatus(parentGroup: string): JsonSchema {
  const parent = object(
    { parentRef: parentRef(parentGroup), controllerName: text({ minLength: 1, maxLength: 253 }), conditions: { ...conditions, maxItems: 8 } },
    { required: ['parentRef', 'controllerName'] },
  );
  return object({ parents: list(parent, { maxItems: 32 }) }, { required: ['parents'] });
}

const headerName = text({ minLength: 1, maxLength: 256, pattern: "^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$" });
const headerValue = text({ minLength: 1, maxLength: 4096 });
const named = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'], maxItems: 16 } as const;
const headers = list(object({ name: headerName, value: headerValue }, { required: ['name', 'value'] }), named);

export const headerModifier = object({ set: headers, add: headers, remove: list(text(), { maxItems: 16, 'x-kubernetes-list-type': 'set' }) });

export function matchList(...types: readonly string[]): JsonSchema {
  return list(object({ type: { ...oneOfTexts(...types), default: 'Exact' }, name: headerName, value: headerValue }, { required: ['name', 'value'] }), named);
}

/** Where a rule sends what it matches. */
export function backendRef(filters?: JsonSchema): JsonSchema {
  return object(
    {
      group: { ...groupName, default: '' },
      kind: { ...kindName, default: 'Service' },
      name: objectName,
      namespace: namespaceName,
      port,
      weight: integer({ format: 'int32', minimum: 0, maximum: 1_000_000, default: 1 }),
      ...(filters ? { filters } : {}),
    },
    { required: ['name'] },
  );
}

/** A filter is one of several, named by `type`. */
export function filterOf(kinds: Readonly<Record<string, JsonSchema>>): JsonSchema {
  const members: Record<string, JsonSchema> = {};
  for (const [kind, schema] of Object.entries(kinds)) members[`${kind.charAt(0).toLowerCase()}${kind.slice(1)}`] = schema;
  return object({ type: oneOfTexts(...Object.keys(kinds)), ...members }, { required: ['type'] });
}
