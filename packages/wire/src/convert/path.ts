// Walking a message while keeping the path for errors.
import { ConvertError } from './convert-error.ts';

/** A field that a decoder may have left out. */
export type Wire<T> = T | null | undefined;

export function join(at: string, field: string): string {
  return at === '' ? field : `${at}.${field}`;
}

export function required<T>(value: Wire<T>, path: string): T {
  if (value === null || value === undefined) throw new ConvertError('FIELD_MISSING', path);
  return value;
}

export function optional<T, U>(value: Wire<T>, path: string, convert: (value: T, path: string) => U): U | undefined {
  return value === null || value === undefined ? undefined : convert(value, path);
}

export function each<T, U>(list: readonly T[] | undefined, path: string, convert: (item: T, path: string) => U): U[] {
  return (list ?? []).map((item, index) => convert(item, `${path}[${index}]`));
}

export function nonEmpty<T>(list: readonly T[] | undefined, path: string): readonly T[] {
  if (list === undefined || list.length === 0) throw new ConvertError('LIST_EMPTY', path);
  return list;
}

/** The converted value, or undefined where it is not valid: for the places in which the protocol is lenient. */
export function lenient<U>(convert: () => U): U | undefined {
  try {
    return convert();
  } catch (error) {
    if (error instanceof ConvertError) return undefined;
    throw error;
  }
}

export function portFromWire(port: number | undefined, path: string): number {
  if ((port ?? 0) > 65535) throw new ConvertError('VALUE_INVALID', path, port);
  return port ?? 0;
}
