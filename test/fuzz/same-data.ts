// Equality of plain data where a member that is undefined counts as absent.
import { isDeepStrictEqual } from 'node:util';

export function sameData(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(present(a), present(b));
}

function present(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(present);
  if (value === 0) return 0; // -0 too
  if (typeof value !== 'object' || value === null || value instanceof Map || value instanceof Uint8Array) return value;
  return new Map(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, present(item)]),
  );
}
