// Between the codecs' fields and the flat lists of the engine port.
import type { FieldList } from '../exchange/head.ts';
import type { Field } from '../field/field.ts';

export function listOf(fields: readonly Field[] | null): FieldList {
  if (fields === null) return [];
  const list = new Array<string>(fields.length * 2);
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i] as Field;
    list[i * 2] = field.name;
    list[i * 2 + 1] = field.value;
  }
  return list;
}
