// What an API server answers besides resources: health, version, discovery, OpenAPI, token keys.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AGGREGATED_V2, type DiscoveryDocuments } from '../discovery/discovery-documents.ts';
import { OPENAPI_V2_BODY, OPENAPI_V2_TYPE, type OpenApiDocuments } from '../discovery/openapi.ts';
import { noSuchPath } from '../errors/api-error.ts';
import type { JsonObject } from '../json/json.ts';
import type { TokenAuthority } from '../tokens/token-authority.ts';
import { wantsAggregatedDiscovery } from './negotiate.ts';
import { sendText } from './reply.ts';

export interface SystemDocuments {
  readonly discovery: DiscoveryDocuments;
  readonly openApi: OpenApiDocuments;
  readonly tokens: TokenAuthority;
}

/** The Kubernetes whose behaviour is followed; clients warn when theirs is far from it. */
export const VERSION: JsonObject = {
  major: '1',
  minor: '37',
  gitVersion: 'v1.37.0+weft',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
};

const HEALTH = new Set(['/healthz', '/livez', '/readyz']);

/** False when the path is one of the resource API's. Throws a 404 for documents there are not. */
export function serveSystemPath(documents: SystemDocuments, request: IncomingMessage, response: ServerResponse, path: string): boolean {
  const json = (value: JsonObject | undefined, type = 'application/json'): true => {
    if (!value) throw noSuchPath();
    sendText(response, 200, type, JSON.stringify(value));
    return true;
  };
  if (HEALTH.has(path)) {
    sendText(response, 200, 'text/plain', 'ok');
    return true;
  }
  if (path === '/version' || path === '/version/') return json(VERSION);
  if (path === '/openid/v1/jwks') return json(documents.tokens.keys, 'application/jwk-set+json');
  if (path === '/openapi/v2') {
    sendText(response, 200, OPENAPI_V2_TYPE, OPENAPI_V2_BODY);
    return true;
  }
  if (path === '/openapi/v3') return json(documents.openApi.index());
  if (path.startsWith('/openapi/v3/')) return json(documents.openApi.document(path.slice('/openapi/v3/'.length)));
  const parts = path.split('/').filter((part) => part !== '');
  const [root, group = '', version = ''] = parts;
  if (root !== 'api' && root !== 'apis') return false;
  if (parts.length === 1) {
    if (wantsAggregatedDiscovery(request.headers.accept)) return json(documents.discovery.aggregated(root), AGGREGATED_V2);
    return json(documents.discovery.plain(root));
  }
  if (root === 'api' && parts.length === 2) return json(documents.discovery.resources('', group));
  if (root === 'apis' && parts.length === 2) return json(documents.discovery.group(group));
  if (root === 'apis' && parts.length === 3) return json(documents.discovery.resources(group, version));
  return false;
}
