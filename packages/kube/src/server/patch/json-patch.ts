// JSON Patch. RFC 6902, applied by the rfc6902 package to a copy; what it would let through to a prototype is refused before.
import { applyPatch, type Operation } from 'rfc6902';
import { clone, isObject, type Json, type JsonObject, stringAt } from '../json/json.ts';

const OPERATIONS = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test']);
/** Kubernetes' own limit. */
const MAX_OPERATIONS = 10_000;

export type JsonPatchResult = { readonly kind: 'patched'; readonly object: JsonObject } | { readonly kind: 'refused'; readonly message: string };

export function jsonPatch(original: JsonObject, patch: Json): JsonPatchResult {
  const refused = (message: string): JsonPatchResult => ({ kind: 'refused', message });
  if (!Array.isArray(patch)) return refused('a JSON patch is a list of operations');
  if (patch.length > MAX_OPERATIONS) return refused(`the patch has more than ${MAX_OPERATIONS} operations`);
  for (const [index, operation] of patch.entries()) {
    const problem = operationProblem(operation);
    if (problem !== undefined) return refused(`operation ${index}: ${problem}`);
  }
  // The root is wrapped, so that an operation on the whole document works too.
  const wrapped = { root: clone(original) as Json };
  const operations = patch.map((operation) => rooted(operation as JsonObject));
  try {
    for (const [index, error] of applyPatch(wrapped, operations).entries()) {
      if (error) return refused(`operation ${index}: ${error.message}`);
    }
  } catch (error) {
    return refused(error instanceof Error ? error.message : String(error));
  }
  return isObject(wrapped.root) ? { kind: 'patched', object: wrapped.root } : refused('the patch leaves no object');
}

function operationProblem(operation: Json): string | undefined {
  if (!isObject(operation) || typeof operation.op !== 'string' || !OPERATIONS.has(operation.op)) return 'unknown op';
  const pointers = operation.op === 'move' || operation.op === 'copy' ? [operation.path, operation.from] : [operation.path];
  for (const pointer of pointers) {
    if (typeof pointer !== 'string' || (pointer !== '' && !pointer.startsWith('/'))) return `${JSON.stringify(pointer ?? null)} is not a JSON pointer`;
    if (pointer.split('/').some((token) => token === '__proto__' || token === 'constructor' || token === 'prototype')) return `${pointer} is not allowed`;
  }
  const needsValue = operation.op === 'add' || operation.op === 'replace' || operation.op === 'test';
  return needsValue && operation.value === undefined ? 'value is missing' : undefined;
}

function rooted(operation: JsonObject): Operation {
  const path = `/root${stringAt(operation, 'path') ?? ''}`;
  return { ...operation, path, ...(typeof operation.from === 'string' ? { from: `/root${operation.from}` } : {}) } as unknown as Operation;
}
