// Strategic merge patch with its directives ($patch, $retainKeys, $setElementOrder, $deleteFromPrimitiveList).
// Kubernetes "strategic-merge-patch" design; element order as that design's "mergeSortedSlice".
import { badRequest } from '../errors/api-error.ts';
import { deepEqual, isObject, type Json, type JsonObject } from '../json/json.ts';
import type { MergeSchema } from './merge-schema.ts';

const ORDER = '$setElementOrder/';
const REMOVE = '$deleteFromPrimitiveList/';
const NONE: MergeSchema = {};

/** A new tree: `original` with `patch` merged in. Throws a 400 for directives that cannot be understood. */
export function strategicMerge(original: JsonObject, patch: JsonObject, schema: MergeSchema): JsonObject {
  return mergeObject(original, patch, schema);
}

function mergeObject(original: JsonObject, patch: JsonObject, schema: MergeSchema): JsonObject {
  const directive = patch.$patch;
  if (directive === 'replace') return plainObject(patch);
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') throw badRequest(`unknown patch directive ${JSON.stringify(directive)}`);
  const result: JsonObject = { ...original };
  retainKeys(result, patch);
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined || key === '$patch' || key === '$retainKeys' || key.startsWith(ORDER)) continue;
    if (key.startsWith(REMOVE)) {
      removeValues(result, key.slice(REMOVE.length), value);
      continue;
    }
    const child = schema.fields?.[key] ?? NONE;
    if (value === null) delete result[key];
    else result[key] = mergeValue(result[key], value, child);
  }
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith(ORDER)) continue;
    const name = key.slice(ORDER.length);
    const list = result[name];
    if (!Array.isArray(order)) throw badRequest(`${key} is not a list`);
    if (Array.isArray(list)) result[name] = orderList(list, Array.isArray(original[name]) ? original[name] : [], order, schema.fields?.[name] ?? NONE);
  }
  return result;
}

function mergeValue(original: Json | undefined, patch: Json, schema: MergeSchema): Json {
  if (isObject(patch)) return mergeObject(isObject(original) ? original : {}, patch, schema);
  if (!Array.isArray(patch)) return patch;
  const list = Array.isArray(original) ? original : [];
  if (schema.key !== undefined) return mergeKeyed(list, patch, schema.key, schema.item ?? NONE);
  if (schema.set) return [...list, ...patch.filter((value) => !list.some((present) => deepEqual(present, value)))];
  return patch.map(plain);
}

function mergeKeyed(original: readonly Json[], patch: readonly Json[], key: string, item: MergeSchema): Json[] {
  const replaces = patch.some((element) => isObject(element) && element.$patch === 'replace' && element[key] === undefined);
  let result: Json[] = replaces ? [] : [...original];
  for (const element of patch) {
    if (!isObject(element)) throw badRequest(`a list merged by ${key} has an element that is not an object`);
    const directive = element.$patch;
    const id = element[key];
    if (directive === 'replace' && id === undefined) continue;
    if (id === undefined) throw badRequest(`map: ${JSON.stringify(element)} does not contain declared merge key: ${key}`);
    const at = result.findIndex((present) => isObject(present) && deepEqual(present[key], id));
    if (directive === 'delete') result = result.filter((present) => !isObject(present) || !deepEqual(present[key], id));
    else if (at < 0) result.push(mergeObject({}, element, item));
    else result[at] = mergeObject(isObject(result[at]) ? result[at] : {}, element, item);
  }
  return result;
}

/** Keys that are not listed go: members of a union that the patch switches away from. */
function retainKeys(result: JsonObject, patch: JsonObject): void {
  const retained = patch.$retainKeys;
  if (retained === undefined) return;
  if (!Array.isArray(retained)) throw badRequest('$retainKeys is not a list');
  for (const key of Object.keys(result)) if (!retained.includes(key)) delete result[key];
}

function removeValues(result: JsonObject, key: string, values: Json): void {
  const list = result[key];
  if (!Array.isArray(values)) throw badRequest(`${REMOVE}${key} is not a list`);
  if (Array.isArray(list)) result[key] = list.filter((value) => !values.some((gone) => deepEqual(gone, value)));
}

/** Elements named by the patch in its order; those only the server has keep their place relative to the ones the server knew. */
function orderList(list: readonly Json[], before: readonly Json[], order: readonly Json[], schema: MergeSchema): Json[] {
  const idOf = (element: Json): string => JSON.stringify(schema.key !== undefined && isObject(element) ? element[schema.key] : element);
  const wanted = new Map(order.map((element, index) => [idOf(element), index]));
  const known = new Map(before.map((element, index) => [idOf(element), index]));
  const patched = list.filter((element) => wanted.has(idOf(element))).sort((a, b) => (wanted.get(idOf(a)) ?? 0) - (wanted.get(idOf(b)) ?? 0));
  const others = list.filter((element) => !wanted.has(idOf(element)));
  const result: Json[] = [];
  let next = 0;
  for (const element of patched) {
    const at = known.get(idOf(element));
    for (let other = others[next]; other !== undefined && at !== undefined; other = others[next]) {
      const otherAt = known.get(idOf(other));
      if (otherAt === undefined || otherAt >= at) break;
      result.push(other);
      next++;
    }
    result.push(element);
  }
  return [...result, ...others.slice(next)];
}

/** A patch value as data: without directives and nulls. */
function plain(value: Json): Json {
  if (Array.isArray(value)) return value.map(plain);
  return isObject(value) ? plainObject(value) : value;
}

function plainObject(value: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined || item === null || key.startsWith('$patch') || key === '$retainKeys' || key.startsWith(ORDER) || key.startsWith(REMOVE)) continue;
    result[key] = plain(item);
  }
  return result;
}
