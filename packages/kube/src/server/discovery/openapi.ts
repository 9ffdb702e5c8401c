// As much OpenAPI as kubectl needs to trust the server with validation (`spec/runtime.md` §4): v3 per group, v2 as the smallest protobuf.
import { createHash } from 'node:crypto';
import type { JsonObject } from '../json/json.ts';
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

export function openApiDocuments(served: () => readonly ServedResource[]): OpenApiDocuments {
  const pathOf = ({ group, version }: ServedResource): string => (group === '' ? `api/${version}` : `apis/${group}/${version}`);
  const document = (path: string): JsonObject | undefined => {
    const resources = served().filter((resource) => pathOf(resource) === path);
    if (resources.length === 0) return undefined;
    const paths: JsonObject = {};
    const schemas: JsonObject = {};
    for (const resource of resources) {
      const gvk = { group: resource.group, version: resource.version, kind: resource.kind };
      schemas[schemaName(resource)] = {
        type: 'object',
        description: `${resource.kind} of the embedded API server; its fields are checked by the server.`,
        properties: { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { type: 'object' } },
        'x-kubernetes-group-version-kind': [gvk],
      };
      if (!resource.verbs.includes('patch')) continue;
      const scope = resource.namespaced ? '/namespaces/{namespace}' : '';
      paths[`/${path}${scope}/${resource.plural}/{name}`] = {
        patch: {
          operationId: `patch${resource.kind}`,
          'x-kubernetes-action': 'patch',
          'x-kubernetes-group-version-kind': gvk,
          parameters: ['dryRun', 'fieldManager', 'fieldValidation', 'force'].map((name) => ({
            name,
            in: 'query',
            schema: { type: name === 'force' ? 'boolean' : 'string', uniqueItems: true },
          })),
          responses: { '200': { description: 'OK' } },
        },
      };
    }
    return { openapi: '3.0.0', info: { title: 'Kubernetes', version: 'v1' }, paths, components: { schemas } };
  };
  return {
    index() {
      const paths: JsonObject = {};
      for (const path of new Set(served().map(pathOf))) {
        const hash = createHash('sha256')
          .update(JSON.stringify(document(path) ?? {}))
          .digest('hex')
          .slice(0, 32)
          .toUpperCase();
        paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
      }
      return { paths };
    },
    document,
  };
}

function schemaName({ group, version, kind }: ServedResource): string {
  return `io.k8s.${group === '' ? 'core' : group.split('.')[0]}.${version}.${kind}`;
}
