// Filters compiled to edits of heads. spec/proxy.md §7.4. What is not supported makes the policy invalid; it is never skipped.
import { type Filter, type HeaderModifier, ReasonError, reason } from '@weft/core';
import { type FieldList, removeField } from '@weft/http';

export interface HeadEdits {
  readonly request: ((headers: FieldList) => void) | undefined;
  readonly response: ((headers: FieldList) => void) | undefined;
}

const NOTHING: HeadEdits = { request: undefined, response: undefined };

/** Throws POLICY_INVALID on a filter that cannot be applied. */
export function compileFilters(filters: readonly Filter[]): HeadEdits {
  let edits = NOTHING;
  for (const filter of filters) {
    if (filter.kind === 'request-headers') edits = { ...edits, request: both(edits.request, modify(filter.modifier)) };
    else if (filter.kind === 'response-headers') edits = { ...edits, response: both(edits.response, modify(filter.modifier)) };
    else throw new ReasonError(reason('POLICY_INVALID', filter.kind === 'invalid' ? filter.message : `filter ${filter.kind} is not supported`));
  }
  return edits;
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

/** Add, then set, then remove. */
function modify(modifier: HeaderModifier): (headers: FieldList) => void {
  const add = modifier.add.map(([name, value]) => [name.toLowerCase(), value] as const);
  const set = modifier.set.map(([name, value]) => [name.toLowerCase(), value] as const);
  const remove = [...set.map(([name]) => name), ...modifier.remove.map((name) => name.toLowerCase())];
  const removed = new Set(modifier.remove.map((name) => name.toLowerCase()));
  return (headers) => {
    for (const [name, value] of add) headers.push(name, value);
    for (const name of remove) removeField(headers, name);
    for (const [name, value] of set) if (!removed.has(name)) headers.push(name, value);
  };
}
