// Bytes from a peer to a JSON tree that is safe to walk: bounded depth, no key that reaches a prototype.
import { readYaml } from '../../resources/read-yaml.ts';
import { badRequest } from '../errors/api-error.ts';
import type { Json } from './json.ts';

const MAX_DEPTH = 100;

export function decodeJson(text: string): Json {
  try {
    return checked(JSON.parse(text) as Json);
  } catch (error) {
    if (error instanceof SyntaxError) throw badRequest(`the body of the request is not JSON: ${error.message}`);
    throw error;
  }
}

export function decodeYaml(text: string): Json {
  // What kubectl sends as YAML is JSON, for which there is no need of the slower reader.
  const json = jsonIn(text);
  if (json !== undefined) return checked(json);
  const read = readYaml(text);
  if (read.kind === 'refused') throw badRequest(`the body of the request is not YAML: ${read.message}`);
  if (read.values.length > 1) throw badRequest('the body of the request has more than one YAML document');
  return checked((read.values[0] ?? null) as Json);
}

function jsonIn(text: string): Json | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Throws a 400 for a tree that is too deep or has a forbidden key. Iterative, so that depth cannot overflow the stack. */
function checked(root: Json): Json {
  const open: { readonly value: Json; readonly depth: number }[] = [{ value: root, depth: 0 }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { value, depth } = next;
    if (typeof value !== 'object' || value === null) continue;
    if (depth > MAX_DEPTH) throw badRequest(`the body of the request is nested deeper than ${MAX_DEPTH} levels`);
    for (const [key, item] of Object.entries(value)) {
      if (key === '__proto__') throw badRequest('the body of the request has a member named __proto__');
      open.push({ value: item as Json, depth: depth + 1 });
    }
  }
  return root;
}
