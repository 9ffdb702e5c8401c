// Between the codecs' fields and the flat lists of the engine port.
import type { FieldList } from '../exchange/head.ts';
import type { Field } from '../field/field.ts';
import { FieldKind } from '../field/kind.ts';
import type { FieldTable } from '../field/table.ts';
import type { Origin } from './ends.ts';

/** How many fields that were taken out in a row are passed over before a line is looked up instead. */
const LOOK_AHEAD = 12;

/** Fields from `from` on as a flat list. */
export function listOf(fields: readonly Field[] | null, from = 0): FieldList {
  const list: FieldList = [];
  if (fields === null) return list;
  for (let i = from; i < fields.length; i++) {
    const field = fields[i] as Field;
    list.push(field.name, field.value);
  }
  return list;
}

/**
 * Adds a flat list to `fields`, without what HTTP/2 has no place for (RFC 9113 §8.2.2). Lines that stand in `origin`, in the same order,
 * are found there by comparing pointers; others are looked up.
 */
export function addFields(fields: Field[], table: FieldTable, list: FieldList, origin: Origin): void {
  let next = 0;
  const known = origin === null ? 0 : origin.length;
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] as string;
    const value = list[i + 1] as string;
    let field: Field | undefined;
    for (let j = next; j < known && j < next + LOOK_AHEAD; j++) {
      const candidate = (origin as readonly Field[])[j] as Field;
      if (candidate.name !== name || candidate.value !== value) continue;
      field = candidate;
      next = j + 1;
      break;
    }
    field ??= table.field(name, value);
    if (field.kind < FieldKind.transferEncoding || field.kind > FieldKind.upgrade) fields.push(field);
  }
}
