// Short words for the schemas of this folder.
import type { JsonSchema } from '../resources/custom-resource-definition.ts';

type Properties = Readonly<Record<string, JsonSchema>>;
type More = Omit<JsonSchema, 'type' | 'properties' | 'items'>;

export function object(properties: Properties, more: More = {}): JsonSchema {
  return { type: 'object', properties, ...more };
}

export function list(items: JsonSchema, more: More = {}): JsonSchema {
  return { type: 'array', items, ...more };
}

export function text(more: More = {}): JsonSchema {
  return { type: 'string', ...more };
}

export function integer(more: More = {}): JsonSchema {
  return { type: 'integer', ...more };
}

export function flag(more: More = {}): JsonSchema {
  return { type: 'boolean', ...more };
}

export function oneOfTexts(...values: readonly string[]): JsonSchema {
  return { type: 'string', enum: values };
}

export const port: JsonSchema = { type: 'integer', format: 'int32', minimum: 1, maximum: 65_535 };
/** A port by number or name. */
export const intOrString: JsonSchema = { 'x-kubernetes-int-or-string': true };

export const labelSelector: JsonSchema = object({
  matchLabels: { type: 'object', additionalProperties: text() },
  matchExpressions: list(
    object({ key: text(), operator: oneOfTexts('In', 'NotIn', 'Exists', 'DoesNotExist'), values: list(text()) }, { required: ['key', 'operator'] }),
  ),
});

/** metav1.Condition. */
export const conditions: JsonSchema = list(
  object(
    {
      type: text({ maxLength: 316 }),
      status: oneOfTexts('True', 'False', 'Unknown'),
      reason: text({ minLength: 1, maxLength: 1024 }),
      message: text({ maxLength: 32_768 }),
      lastTransitionTime: text({ format: 'date-time' }),
      observedGeneration: integer({ format: 'int64', minimum: 0 }),
    },
    { required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'] },
  ),
  { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] },
);

export const namespaceName = text({ minLength: 1, maxLength: 63, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' });
export const objectName = text({ minLength: 1, maxLength: 253 });
export const groupName = text({ maxLength: 253, pattern: '^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$' });
export const kindName = text({ minLength: 1, maxLength: 63, pattern: '^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$' });

/** Everything about an object that is not written down here is checked elsewhere. */
export const anyFields: JsonSchema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
