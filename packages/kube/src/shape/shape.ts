// What a reader needs of an object, as checks put together from parts: an object that does not have it is skipped, and the first field that is
// wrong is named. A server checks what it stores; this is for what reaches a reader all the same. Says nothing of fields that nobody reads.
import { isIp } from '@weft/core';

/** The first thing that is wrong. */
export interface Unfit {
  /** Path such as `spec.ports[1].port`; empty for the value itself. */
  readonly field: string;
  /** Such as `"eighty" is not a port`. */
  readonly problem: string;
}

/** Undefined where the value will do. */
export type Check = (value: unknown) => Unfit | undefined;

const MOST_SHOWN = 80;

/** A check of one value; `what` names what it should be, with its article. Not `shown`: the value is a secret. */
export function checked(what: string, test: (value: unknown) => boolean, { shown = true }: { readonly shown?: boolean } = {}): Check {
  return (value) => (test(value) ? undefined : shown ? unfit(value, what) : { field: '', problem: `is not ${what}` });
}

export const text: Check = checked('text', (value) => typeof value === 'string');
export const someText: Check = checked('a text with something in it', (value) => typeof value === 'string' && value !== '');
export const flag: Check = checked('true or false', (value) => typeof value === 'boolean');
export const anyNumber: Check = checked('a number', (value) => typeof value === 'number');
export const port: Check = checked('a port', (value) => Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536);
export const ip: Check = checked('an IP address', (value) => typeof value === 'string' && isIp(value));

/** May be left out. Null is not that: Go writes it in the place of empty lists only. */
export const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined ? undefined : check(value);

/** May be left out or null. */
export const nullable =
  (check: Check): Check =>
  (value) =>
    value === undefined || value === null ? undefined : check(value);

export function either(what: string, ...checks: readonly Check[]): Check {
  return (value) => (checks.some((check) => check(value) === undefined) ? undefined : unfit(value, what));
}

/** An object with fields that pass; others may be there. */
export function record(fields: Readonly<Record<string, Check>>): Check {
  const entries = Object.entries(fields);
  return (value) => {
    if (!isRecord(value)) return unfit(value, 'an object');
    for (const [name, check] of entries) {
      const found = check(value[name]);
      if (found) return inside(name, found);
    }
    return undefined;
  };
}

/** An object whose values all pass, whatever their names. */
export function mapOf(check: Check): Check {
  return (value) => {
    if (!isRecord(value)) return unfit(value, 'an object');
    for (const name in value) {
      const found = check(value[name]);
      if (found) return inside(name, found);
    }
    return undefined;
  };
}

export function listOf(check: Check, { min = 0 }: { readonly min?: number } = {}): Check {
  return (value) => {
    if (!Array.isArray(value)) return unfit(value, 'a list');
    if (value.length < min) return { field: '', problem: 'is empty' };
    for (let index = 0; index < value.length; index++) {
      const found = check(value[index]);
      if (found) return inside(`[${index}]`, found);
    }
    return undefined;
  };
}

/** Each in turn; the first that finds something speaks. */
export function every(...checks: readonly Check[]): Check {
  return (value) => {
    for (const check of checks) {
      const found = check(value);
      if (found) return found;
    }
    return undefined;
  };
}

/** The path and what is wrong there, in one line. */
export function unfitText({ field, problem }: Unfit): string {
  return field === '' ? problem : `${field}: ${problem}`;
}

function unfit(value: unknown, what: string): Unfit {
  if (value === undefined) return { field: '', problem: 'is missing' };
  const shown = JSON.stringify(value);
  return { field: '', problem: `${shown.length > MOST_SHOWN ? `${shown.slice(0, MOST_SHOWN)}…` : shown} is not ${what}` };
}

function inside(name: string, { field, problem }: Unfit): Unfit {
  return { field: field === '' || field.startsWith('[') ? `${name}${field}` : `${name}.${field}`, problem };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
