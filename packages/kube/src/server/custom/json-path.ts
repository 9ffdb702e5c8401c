// The JSON paths of printer columns, selectable fields and scales: members, indexes, wildcards and equality filters. kubectl "JSONPath support".
import { isObject, type Json, type JsonObject } from '../json/json.ts';

type Step =
  | { readonly kind: 'member'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'filter'; readonly path: readonly string[]; readonly value: string };

export interface JsonPath {
  /** Everything that the path leads to. */
  find(object: JsonObject): Json[];
  /** The members on the way; undefined when it has other steps. */
  readonly members: readonly string[] | undefined;
}

const STEP =
  /\.\*|\[\*\]|\.((?:[^.[\]\\]|\\.)+)|\[(-?\d+)\]|\['((?:[^'\\]|\\.)+)'\]|\["((?:[^"\\]|\\.)+)"\]|\[\?\(\s*@\.([\w.-]+)\s*==\s*(?:"([^"]*)"|'([^']*)'|(\w+))\s*\)\]/y;

/** Undefined for a text that cannot be read. */
export function parseJsonPath(text: string): JsonPath | undefined {
  const trimmed = text
    .trim()
    .replace(/^\{(.*)\}$/, '$1')
    .replace(/^\$/, '');
  const source = /^[.[]/.test(trimmed) ? trimmed : `.${trimmed}`;
  const steps: Step[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < source.length) {
    const match = STEP.exec(source);
    if (!match) return undefined;
    steps.push(stepOf(match));
  }
  const members = steps.map((step) => (step.kind === 'member' ? step.name : undefined));
  return {
    find: (object) => steps.reduce<Json[]>((values, step) => values.flatMap((value) => take(value, step)), [object]),
    members: members.every((name) => name !== undefined) ? members : undefined,
  };
}

function stepOf([, member, index, single, double, filter, ...values]: RegExpExecArray): Step {
  const name = member ?? single ?? double;
  if (name !== undefined) return { kind: 'member', name: name.replace(/\\(.)/g, '$1') };
  if (index !== undefined) return { kind: 'index', index: Number(index) };
  if (filter !== undefined) return { kind: 'filter', path: filter.split('.'), value: values.find((value) => value !== undefined) ?? '' };
  return { kind: 'all' };
}

function take(value: Json, step: Step): Json[] {
  if (step.kind === 'member') return isObject(value) ? present(value[step.name]) : [];
  const items = Array.isArray(value) ? value : [];
  if (step.kind === 'index') return present(items.at(step.index));
  if (step.kind === 'all') return isObject(value) ? Object.values(value).flatMap(present) : items;
  return items.filter((item) => {
    let at: Json | undefined = item;
    for (const name of step.path) at = isObject(at) ? at[name] : undefined;
    return at !== undefined && String(at as string | number | boolean | null) === step.value;
  });
}

function present(value: Json | undefined): Json[] {
  return value === undefined ? [] : [value];
}
