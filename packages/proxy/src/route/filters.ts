// Filters of a rule or backend compiled: what edits heads, and what answers in a backend's place. spec/proxy.md §7.4.
// What is not supported makes the policy invalid; it is never skipped.
import type { Filter, HeaderModifier, Random } from '@weft/core';
import { type Intercept, sortFilters } from '@weft/core/route';
import { type FieldList, removeField } from '@weft/http';

export interface HeadEdits {
  readonly request: ((headers: FieldList) => void) | undefined;
  readonly response: ((headers: FieldList) => void) | undefined;
}

export interface FilterPlan extends HeadEdits {
  /** Undefined where no filter answers requests. */
  readonly intercept: Intercept | undefined;
}

const NOTHING: HeadEdits = { request: undefined, response: undefined };

/** `place` is named where a filter answers. Throws POLICY_INVALID on a filter that cannot be applied. */
export function compileFilters(place: string, filters: readonly Filter[], random: Random): FilterPlan {
  const { headers, intercept } = sortFilters(place, filters, random);
  let edits = NOTHING;
  for (const filter of headers) {
    if (filter.kind === 'request-headers') edits = { ...edits, request: both(edits.request, modify(filter.modifier)) };
    else edits = { ...edits, response: both(edits.response, modify(filter.modifier)) };
  }
  return { ...edits, intercept };
}

export function joinEdits(first: HeadEdits, second: HeadEdits): HeadEdits {
  return { request: both(first.request, second.request), response: both(first.response, second.response) };
}

function both(first: HeadEdits['request'], second: HeadEdits['request']): HeadEdits['request'] {
  if (!first || !second) return first ?? second;
  return (headers) => {
    first(headers);
    second(headers);
  };
}

/** Add, then set, then remove. A field that is set has one value: of several that are given for it the last. */
function modify(modifier: HeaderModifier): (headers: FieldList) => void {
  const set = new Map(modifier.set.map(([name, value]) => [name.toLowerCase(), value]));
  const remove = new Set(modifier.remove.map((name) => name.toLowerCase()));
  const replaced = new Set([...set.keys(), ...remove]);
  for (const name of remove) set.delete(name);
  // What is set or removed afterwards need not be added.
  const add = modifier.add.map(([name, value]) => [name.toLowerCase(), value] as const).filter(([name]) => !replaced.has(name));
  return (headers) => {
    for (const name of replaced) removeField(headers, name);
    for (const [name, value] of add) headers.push(name, value);
    for (const [name, value] of set) headers.push(name, value);
  };
}
