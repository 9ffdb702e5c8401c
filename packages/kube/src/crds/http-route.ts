// HTTPRoute of policy.linkerd.io and of the Gateway API, which differ in versions, defaults and filters. `spec/control-plane.md` §2.2.
import type { JsonSchema } from '../resources/custom-resource-definition.ts';
import { AGE, define, type VersionSpec } from './define.ts';
import { backendRef, filterOf, headerModifier, matchList, routeSpec, routeStatus } from './route-parts.ts';
import { anyFields, integer, list, object, oneOfTexts, port, text } from './schema-parts.ts';

const PREFIX = { type: 'PathPrefix', value: '/' };
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];

const match = object({
  path: object(
    { type: { ...oneOfTexts('Exact', 'PathPrefix', 'RegularExpression'), default: 'PathPrefix' }, value: text({ maxLength: 1024, default: '/' }) },
    { default: PREFIX },
  ),
  headers: matchList('Exact', 'RegularExpression'),
  queryParams: matchList('Exact', 'RegularExpression'),
  method: oneOfTexts(...METHODS),
});

const pathModifier = object(
  { type: oneOfTexts('ReplaceFullPath', 'ReplacePrefixMatch'), replaceFullPath: text({ maxLength: 1024 }), replacePrefixMatch: text({ maxLength: 1024 }) },
  { required: ['type'] },
);
const redirect = object({
  scheme: oneOfTexts('http', 'https'),
  hostname: text({ minLength: 1, maxLength: 253 }),
  path: pathModifier,
  port,
  statusCode: integer({ enum: [301, 302], default: 302 }),
});

const policyFilters = filterOf({ RequestHeaderModifier: headerModifier, RequestRedirect: redirect });
const backendFilters = filterOf({ RequestHeaderModifier: headerModifier, ResponseHeaderModifier: headerModifier, RequestRedirect: redirect });
const gatewayFilters = filterOf({
  RequestHeaderModifier: headerModifier,
  ResponseHeaderModifier: headerModifier,
  RequestMirror: anyFields,
  RequestRedirect: redirect,
  URLRewrite: object({ hostname: text({ minLength: 1, maxLength: 253 }), path: pathModifier }),
  CORS: anyFields,
  ExternalAuth: anyFields,
  ExtensionRef: object({ group: text(), kind: text(), name: text() }, { required: ['group', 'kind', 'name'] }),
});

const DURATION = text({ format: 'duration' });
/** GEP-2257: at most four parts of at most five digits. */
const GATEWAY_DURATION = text({ pattern: '^([0-9]{1,5}(h|m|s|ms)){1,4}$' });
const matches = list(match, { maxItems: 8, default: [{ path: PREFIX }] });
const gatewayMatches = list(match, { maxItems: 64, default: [{ path: PREFIX }] });

function policyVersion(name: string, rule: Readonly<Record<string, JsonSchema>>, parentPort: boolean): VersionSpec {
  return {
    name,
    spec: routeSpec({
      parentGroup: 'policy.linkerd.io',
      rule: object({ matches, filters: list(policyFilters, { maxItems: 16 }), ...rule }),
      ruleDefault: [{ matches: [{ path: PREFIX }] }],
      maxRules: 16,
      hostnames: true,
      parentPort,
    }),
    status: routeStatus('policy.linkerd.io'),
    columns: [{ name: 'Hostnames', type: 'string', jsonPath: '.spec.hostnames' }, AGE],
  };
}

const backendRefs = list(backendRef(), { maxItems: 16 });
const filteredBackendRefs = list(backendRef(list(backendFilters, { maxItems: 16 })), { maxItems: 16 });

export const policyHttpRouteDefinition = define({
  group: 'policy.linkerd.io',
  names: { plural: 'httproutes', kind: 'HTTPRoute' },
  versions: [
    policyVersion('v1alpha1', {}, false),
    policyVersion('v1beta1', {}, false),
    policyVersion('v1beta2', { backendRefs }, true),
    policyVersion('v1beta3', { backendRefs: filteredBackendRefs, timeouts: object({ request: DURATION, backendRequest: DURATION }) }, true),
  ],
});

const gatewaySpec = routeSpec({
  parentGroup: 'gateway.networking.k8s.io',
  rule: object({
    name: text({ minLength: 1, maxLength: 253 }),
    matches: gatewayMatches,
    filters: list(gatewayFilters, { maxItems: 16 }),
    backendRefs: list(backendRef(list(gatewayFilters, { maxItems: 16 })), { maxItems: 16 }),
    timeouts: object({ request: GATEWAY_DURATION, backendRequest: GATEWAY_DURATION }),
    retry: anyFields,
    sessionPersistence: anyFields,
  }),
  ruleDefault: [{ matches: [{ path: PREFIX }] }],
  maxRules: 16,
  hostnames: true,
});
const gatewayVersion = (name: string): VersionSpec => ({
  name,
  spec: gatewaySpec,
  status: routeStatus('gateway.networking.k8s.io'),
  columns: [{ name: 'Hostnames', type: 'string', jsonPath: '.spec.hostnames' }, AGE],
});

export const gatewayHttpRouteDefinition = define({
  group: 'gateway.networking.k8s.io',
  names: { plural: 'httproutes', kind: 'HTTPRoute', categories: ['gateway-api'] },
  annotations: { 'api-approved.kubernetes.io': 'unapproved, written for this project' },
  versions: [gatewayVersion('v1beta1'), gatewayVersion('v1')],
});
