// Versions of a kind share their objects, and differ in apiVersion alone: the conversion strategy None.
import { apiVersionOf } from '../../resources/resource-kind.ts';
import type { JsonObject } from '../json/json.ts';
import type { KindDefinition } from './kind-definition.ts';

/** The object as this version of its kind shows it; itself where it was written so. */
export function inVersion({ resource }: KindDefinition, object: JsonObject): JsonObject {
  const apiVersion = apiVersionOf(resource);
  return object.apiVersion === apiVersion ? object : { ...object, apiVersion };
}
