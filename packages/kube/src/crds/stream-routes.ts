// GRPCRoute, TLSRoute and TCPRoute of the Gateway API. gateway.networking.k8s.io.
import type { JsonSchema } from '../resources/custom-resource-definition.ts';
import { AGE, define, type VersionSpec } from './define.ts';
import { backendRef, filterOf, headerModifier, matchList, routeSpec, routeStatus } from './route-parts.ts';
import { anyFields, list, object, oneOfTexts, text } from './schema-parts.ts';

const group = 'gateway.networking.k8s.io';
const annotations = { 'api-approved.kubernetes.io': 'unapproved, written for this project' };
const name = text({ minLength: 1, maxLength: 253 });

const grpcFilters = filterOf({
  RequestHeaderModifier: headerModifier,
  ResponseHeaderModifier: headerModifier,
  RequestMirror: anyFields,
  ExtensionRef: object({ group: text(), kind: text(), name: text() }, { required: ['group', 'kind', 'name'] }),
});
const grpcMatch = object({
  method: object({
    type: { ...oneOfTexts('Exact', 'RegularExpression'), default: 'Exact' },
    service: text({ maxLength: 1024 }),
    method: text({ maxLength: 1024 }),
  }),
  headers: matchList('Exact', 'RegularExpression'),
});
const grpcRule = object({
  name,
  matches: list(grpcMatch, { maxItems: 64 }),
  filters: list(grpcFilters, { maxItems: 16 }),
  backendRefs: list(backendRef(list(grpcFilters, { maxItems: 16 })), { maxItems: 16 }),
  sessionPersistence: anyFields,
});
const plainRule = object({ name, backendRefs: list(backendRef(), { minItems: 1, maxItems: 16 }) });

function version(versionName: string, spec: JsonSchema, showsHostnames: boolean): VersionSpec {
  const hostnames = { name: 'Hostnames', type: 'string', jsonPath: '.spec.hostnames' } as const;
  return { name: versionName, spec, status: routeStatus(group), columns: [...(showsHostnames ? [hostnames] : []), AGE] };
}

const grpcSpec = routeSpec({ parentGroup: group, rule: grpcRule, maxRules: 16, hostnames: true });
const tlsSpec = routeSpec({ parentGroup: group, rule: plainRule, maxRules: 16, hostnames: true, rulesRequired: true });
const tcpSpec = routeSpec({ parentGroup: group, rule: plainRule, maxRules: 16, hostnames: false, rulesRequired: true });

export const grpcRouteDefinition = define({
  group,
  annotations,
  names: { plural: 'grpcroutes', kind: 'GRPCRoute', categories: ['gateway-api'] },
  versions: [version('v1alpha2', grpcSpec, true), version('v1', grpcSpec, true)],
});

export const tlsRouteDefinition = define({
  group,
  annotations,
  names: { plural: 'tlsroutes', kind: 'TLSRoute', categories: ['gateway-api'] },
  versions: [version('v1alpha2', tlsSpec, true), version('v1alpha3', tlsSpec, true), version('v1', tlsSpec, true)],
});

export const tcpRouteDefinition = define({
  group,
  annotations,
  names: { plural: 'tcproutes', kind: 'TCPRoute', categories: ['gateway-api'] },
  versions: [version('v1alpha2', tcpSpec, false)],
});
