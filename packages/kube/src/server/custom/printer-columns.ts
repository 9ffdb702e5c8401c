// The columns of a custom kind in kubectl's tables. Kubernetes "Additional printer columns".
import type { PrinterColumn } from '../../resources/custom-resource-definition.ts';
import type { Json } from '../json/json.ts';
import { age, ageColumn, type Column, column, nameColumn } from '../table/column.ts';
import { parseJsonPath } from './json-path.ts';

/** Without columns of its own a kind shows its age. */
export function printerColumns(columns: readonly PrinterColumn[] | undefined): readonly Column[] {
  if (!columns || columns.length === 0) return [nameColumn, ageColumn];
  return [nameColumn, ...columns.map(columnOf)];
}

function columnOf({ name, type, jsonPath, format, description, priority }: PrinterColumn): Column {
  const path = parseJsonPath(jsonPath);
  return column(name, (object, nowMs) => cellOf(path?.find(object) ?? [], type, nowMs), {
    type,
    priority: priority ?? 0,
    description: description ?? `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    ...(format === undefined ? {} : { format }),
  });
}

function cellOf(found: readonly Json[], type: PrinterColumn['type'], nowMs: number): Json {
  const [first] = found;
  if (first === undefined) return null;
  if (type === 'date') return age(typeof first === 'string' ? first : undefined, nowMs);
  if (type === 'string') return found.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join(' ');
  return typeof first === (type === 'boolean' ? 'boolean' : 'number') ? first : null;
}
