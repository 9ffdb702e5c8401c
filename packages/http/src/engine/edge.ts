// Between the codecs' fields and the flat lists of the engine port.
import type { FieldList } from '../exchange/head.ts';
import type { Field } from '../field/field.ts';

export function listOf(fields: readonly Field[] | null): FieldList {
  if (fields === null) return [];
  const list: FieldList = [];
  for (const field of fields) list.push(field.name, field.value);
  return list;
}
