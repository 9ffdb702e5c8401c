// As much OpenAPI as kubectl needs to trust the server with validation (`spec/runtime.md` §4): v3 per group, v2 as the smallest protobuf.
import { createHash } from 'node:crypto';
import { isObject, type JsonObject, objectAt } from '../json/json.ts';
import type { Messages } from '../messages/messages.ts';
import { messageSchemaName, messageSchemas, schemaRef } from '../messages/open-api-schemas.ts';
import type { ServedResource } from './served-resources.ts';

/** Swagger "2.0" and nothing else, as protobuf: the client then leaves validation to the server. */
export const OPENAPI_V2_BODY = Buffer.from([0x0a, 0x03, 0x32, 0x2e, 0x30]);
/** With a dot where the Accept header has `@`: Go refuses that character in a content type. */
export const OPENAPI_V2_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

export interface OpenApiDocuments {
  /** `/openapi/v3`. */
  index(): JsonObject;
  /** `/openapi/v3/api/v1`, `/openapi/v3/apis/GROUP/VERSION`. */
  document(path: string): JsonObject | undefined;
}

/** `served` must answer another array whenever it changes: documents are made once for each. */
export function openApiDocuments(served: () => readonly ServedResource[], messages: Messages): OpenApiDocuments {
  let known: readonly ServedResource[] = [];
  let made = new Map<string, JsonObject>();
  let index: JsonObject | undefined;
  const current = (): readonly ServedResource[] => {
    const now = served();
    if (now !== known) {
      known = now;
      made = new Map();
      index = undefined;
    }
    return known;
  };
  const document = (path: string): JsonObject | undefined => {
    const resources = current().filter((resource) => pathOf(resource) === path);
    if (resources.length === 0) return undefined;
    const present = made.get(path);
    if (present) return present;
    const paths: JsonObject = {};
    const schemas: JsonObject = {};
    for (const resource of resources) {
      addSchema(resource, messages, schemas);
      addPaths(resource, path, paths);
    }
    const result: JsonObject = { openapi: '3.0.0', info: { title: 'Kubernetes', version: 'v1' }, paths, components: { schemas } };
    made.set(path, result);
    return result;
  };
  return {
    index() {
      const paths: JsonObject = {};
      for (const path of new Set(current().map(pathOf))) {
        paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hashOf(document(path))}` };
      }
      index ??= { paths };
      return index;
    },
    document,
  };
}

function hashOf(document: JsonObject | undefined): string {
  return createHash('sha256')
    .update(JSON.stringify(document ?? {}))
    .digest('hex')
    .slice(0, 32)
    .toUpperCase();
}

function pathOf({ group, version }: ServedResource): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}

function gvkOf({ group, version, kind }: ServedResource): JsonObject {
  return { group, version, kind };
}

function addSchema(resource: ServedResource, messages: Messages, schemas: JsonObject): void {
  const { kind, schema } = resource;
  const typed = { apiVersion: { type: 'string' }, kind: { type: 'string' } };
  const gvk = { 'x-kubernetes-group-version-kind': [gvkOf(resource)] };
  messageSchemas(messages, 'ObjectMeta', schemas);
  const metadata = schemaRef('ObjectMeta');
  if (schema) schemas[schemaName(resource)] = { ...(schema as JsonObject), properties: { ...(schema.properties as JsonObject), ...typed, metadata }, ...gvk };
  else if (messages.has(kind)) {
    messageSchemas(messages, kind, schemas);
    const own = schemas[messageSchemaName(kind)];
    if (isObject(own)) schemas[messageSchemaName(kind)] = { ...own, properties: { ...typed, ...objectAt(own, 'properties') }, ...gvk };
  } else {
    const description = `${kind} of the embedded API server; its fields are checked by the server.`;
    schemas[schemaName(resource)] = { type: 'object', description, properties: { ...typed, metadata }, ...gvk };
  }
}

/** kubectl looks for the operation that says whether the server validates fields. */
function addPaths(resource: ServedResource, path: string, paths: JsonObject): void {
  if (!resource.verbs.includes('patch')) return;
  const scope = resource.namespaced ? '/namespaces/{namespace}' : '';
  paths[`/${path}${scope}/${resource.plural}/{name}`] = {
    patch: {
      operationId: `patch${resource.kind}`,
      'x-kubernetes-action': 'patch',
      'x-kubernetes-group-version-kind': gvkOf(resource),
      parameters: ['dryRun', 'fieldManager', 'fieldValidation', 'force'].map((name) => ({
        name,
        in: 'query',
        schema: { type: name === 'force' ? 'boolean' : 'string', uniqueItems: true },
      })),
      responses: { '200': { description: 'OK' } },
    },
  };
}

function schemaName({ group, version, kind }: ServedResource): string {
  return `io.k8s.${group === '' ? 'core' : group.split('.')[0]}.${version}.${kind}`;
}
