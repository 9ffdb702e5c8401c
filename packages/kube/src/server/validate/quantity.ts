// Resource quantities such as 100m, 1.5Gi, 2e3. Kubernetes "Quantity".
import type { Field } from './field.ts';

const QUANTITY = /^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$/;

function isQuantity(value: unknown): boolean {
  return (typeof value === 'number' && Number.isFinite(value)) || (typeof value === 'string' && QUANTITY.test(value));
}

export function checkQuantity(value: Field): void {
  if (!isQuantity(value.value)) value.invalid("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  else if (`${value.value as string | number}`.startsWith('-')) value.invalid('must be greater than or equal to 0');
}

/** A map from resource names to quantities that may not be negative. */
export function checkQuantities(map: Field): void {
  for (const [, value] of map.members()) checkQuantity(value);
}
