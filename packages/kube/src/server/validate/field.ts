// A cursor into an object under validation: reads with type checks and collects every problem with its path. Messages are Kubernetes' own.
import type { StatusCause } from '../../client/kube-error.ts';
import { isObject, type Json } from '../json/json.ts';

export interface Field {
  /** Such as `spec.containers[0].image`. */
  readonly path: string;
  readonly value: Json | undefined;
  /** Neither missing nor null. */
  readonly present: boolean;
  at(...keys: readonly string[]): Field;
  /** The elements of a list; none when missing; another type is a problem. */
  items(): Field[];
  /** The members of a map; none when missing; another type is a problem. */
  members(): [string, Field][];
  text(): string | undefined;
  integer(): number | undefined;
  flag(): boolean | undefined;
  required(message?: string): void;
  invalid(message: string): void;
  duplicate(): void;
  notFound(): void;
  unsupported(allowed: readonly string[]): void;
  forbidden(message: string): void;
  tooLong(limit: number): void;
  tooMany(count: number, limit: number): void;
}

export function fieldOf(root: Json | undefined, causes: StatusCause[], path = ''): Field {
  const add = (reason: string, message: string, at: string): void => void causes.push({ reason, message, field: at });
  const make = (value: Json | undefined, at: string): Field => {
    const present = value !== undefined && value !== null;
    const wrongType = (wanted: string): undefined => {
      if (present) add('FieldValueTypeInvalid', `Invalid value: ${show(value)}: must be ${wanted}`, at);
      return undefined;
    };
    return {
      path: at,
      value,
      present,
      at(...keys) {
        let child: Json | undefined = value;
        let name = at;
        for (const key of keys) {
          if (child !== undefined && child !== null && !isObject(child) && name !== at)
            add('FieldValueTypeInvalid', `Invalid value: ${show(child)}: must be an object`, name);
          child = isObject(child) ? child[key] : undefined;
          name = name === '' ? key : `${name}.${key}`;
        }
        return make(child, name);
      },
      items() {
        if (Array.isArray(value)) return value.map((item, index) => make(item, `${at}[${index}]`));
        wrongType('a list');
        return [];
      },
      members() {
        if (isObject(value)) return Object.entries(value).map(([key, item]) => [key, make(item, `${at}.${key}`)]);
        wrongType('an object');
        return [];
      },
      text: () => (typeof value === 'string' ? value : wrongType('a string')),
      integer: () => (typeof value === 'number' && Number.isSafeInteger(value) ? value : wrongType('an integer')),
      flag: () => (typeof value === 'boolean' ? value : wrongType('a boolean')),
      required: (message) => add('FieldValueRequired', message === undefined ? 'Required value' : `Required value: ${message}`, at),
      invalid: (message) => add('FieldValueInvalid', `Invalid value: ${show(value)}: ${message}`, at),
      duplicate: () => add('FieldValueDuplicate', `Duplicate value: ${show(value)}`, at),
      notFound: () => add('FieldValueNotFound', `Not found: ${show(value)}`, at),
      unsupported: (allowed) =>
        add('FieldValueNotSupported', `Unsupported value: ${show(value)}: supported values: ${allowed.map((item) => JSON.stringify(item)).join(', ')}`, at),
      forbidden: (message) => add('FieldValueForbidden', `Forbidden: ${message}`, at),
      tooLong: (limit) => add('FieldValueTooLong', `Too long: may not be more than ${limit} bytes`, at),
      tooMany: (count, limit) => add('FieldValueTooMany', `Too many: ${count}: must have at most ${limit} items`, at),
    };
  };
  return make(root, path);
}

function show(value: Json | undefined): string {
  const text = JSON.stringify(value ?? null);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** Reports each repeated value of a list's member. */
export function uniqueBy(items: readonly Field[], ...keys: readonly string[]): void {
  const seen = new Set<string>();
  for (const item of items) {
    const field = item.at(...keys);
    if (typeof field.value !== 'string' && typeof field.value !== 'number') continue;
    const key = JSON.stringify(field.value);
    if (seen.has(key)) field.duplicate();
    seen.add(key);
  }
}

export function oneOf(field: Field, allowed: readonly string[]): void {
  const value = field.text();
  if (value !== undefined && !allowed.includes(value)) field.unsupported(allowed);
}
