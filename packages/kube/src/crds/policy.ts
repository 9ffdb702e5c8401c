// Inbound policy, policy.linkerd.io: servers, who may call them, and how often. `spec/control-plane.md` §2.2.
import type { CustomResourceDefinition, JsonSchema } from '../resources/custom-resource-definition.ts';
import { AGE, define } from './define.ts';
import {
  conditions,
  flag,
  groupName,
  integer,
  intOrString,
  kindName,
  labelSelector,
  list,
  namespaceName,
  object,
  objectName,
  oneOfTexts,
  text,
} from './schema-parts.ts';

const group = 'policy.linkerd.io';

const proxyProtocol: JsonSchema = { ...oneOfTexts('unknown', 'HTTP/1', 'HTTP/2', 'gRPC', 'opaque', 'TLS'), default: 'unknown' };
const selectsOne: Partial<JsonSchema> = { oneOf: [{ required: ['podSelector'] }, { required: ['externalWorkloadSelector'] }] };
const selectors = { podSelector: labelSelector, externalWorkloadSelector: labelSelector };
const podServer = object({ podSelector: labelSelector, port: intOrString, proxyProtocol }, { required: ['podSelector', 'port'] });
const serverFields = { ...selectors, port: intOrString, proxyProtocol };
const portColumns = [
  { name: 'Port', type: 'string', jsonPath: '.spec.port', description: 'The port that this server describes' },
  { name: 'Protocol', type: 'string', jsonPath: '.spec.proxyProtocol', description: 'The protocol of that port' },
] as const;

const server = define({
  group,
  names: { plural: 'servers', kind: 'Server', shortNames: ['srv'] },
  versions: [
    { name: 'v1alpha1', spec: podServer, deprecated: true, served: false },
    { name: 'v1beta1', spec: podServer, deprecated: true, columns: portColumns },
    { name: 'v1beta2', spec: object(serverFields, { required: ['port'], ...selectsOne }), columns: portColumns },
    {
      name: 'v1beta3',
      spec: object({ ...serverFields, accessPolicy: text({ default: 'deny' }) }, { required: ['port'], ...selectsOne }),
      columns: [
        ...portColumns,
        { name: 'Access Policy', type: 'string', jsonPath: '.spec.accessPolicy', description: 'What is done without an authorization' },
      ],
    },
  ],
});

const networks = list(object({ cidr: text(), except: list(text()) }, { required: ['cidr'] }));
const identityPattern = '^(\\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$';

const authorizationSpec = object(
  {
    server: object({ name: text(), selector: labelSelector }, { oneOf: [{ required: ['name'] }, { required: ['selector'] }] }),
    client: object({
      networks,
      unauthenticated: flag(),
      meshTLS: object({
        unauthenticatedTLS: flag(),
        identities: list(text({ pattern: identityPattern })),
        serviceAccounts: list(object({ name: text(), namespace: text() }, { required: ['name'] })),
      }),
    }),
  },
  { required: ['server', 'client'] },
);
const serverColumn = [{ name: 'Server', type: 'string', jsonPath: '.spec.server.name', description: 'The server that access is granted to' }] as const;

const serverAuthorization = define({
  group,
  names: { plural: 'serverauthorizations', kind: 'ServerAuthorization', shortNames: ['saz', 'serverauthz', 'srvauthz'] },
  versions: [
    { name: 'v1alpha1', spec: authorizationSpec, deprecated: true, served: false },
    { name: 'v1beta1', spec: authorizationSpec, columns: serverColumn },
  ],
});

const targetRef = object({ group: groupName, kind: kindName, name: objectName }, { required: ['kind', 'name'] });
const namespacedRef = object({ group: groupName, kind: kindName, name: objectName, namespace: namespaceName }, { required: ['kind', 'name'] });

const authorizationPolicy = define({
  group,
  names: { plural: 'authorizationpolicies', kind: 'AuthorizationPolicy', shortNames: ['authzpolicy'] },
  versions: [
    {
      name: 'v1alpha1',
      spec: object({ targetRef, requiredAuthenticationRefs: list(namespacedRef) }, { required: ['targetRef', 'requiredAuthenticationRefs'] }),
    },
  ],
});

const meshTlsAuthentication = define({
  group,
  names: { plural: 'meshtlsauthentications', kind: 'MeshTLSAuthentication', shortNames: ['meshtlsauthn'] },
  versions: [
    {
      name: 'v1alpha1',
      spec: object(
        {
          identities: list(text(), { minItems: 1 }),
          identityRefs: list(object({ group: groupName, kind: kindName, name: objectName, namespace: namespaceName }, { required: ['kind'] }), { minItems: 1 }),
        },
        { oneOf: [{ required: ['identities'] }, { required: ['identityRefs'] }] },
      ),
    },
  ],
});

const networkAuthentication = define({
  group,
  names: { plural: 'networkauthentications', kind: 'NetworkAuthentication', shortNames: ['netauthn', 'networkauthn'] },
  versions: [{ name: 'v1alpha1', spec: object({ networks }, { required: ['networks'] }) }],
});

const limit = object({ requestsPerSecond: integer({ format: 'int64' }) }, { required: ['requestsPerSecond'] });
const targetColumns = [
  { name: 'Target_kind', type: 'string', jsonPath: '.spec.targetRef.kind', description: 'The kind of what is limited' },
  { name: 'Target_name', type: 'string', jsonPath: '.spec.targetRef.name', description: 'The name of what is limited' },
  { name: 'Total_RPS', type: 'integer', jsonPath: '.spec.total.requestsPerSecond', description: 'Requests per second from all clients together' },
  { name: 'Identity_RPS', type: 'integer', jsonPath: '.spec.identity.requestsPerSecond', description: 'Requests per second from each identity' },
] as const;

const rateLimit = define({
  group,
  names: { plural: 'httplocalratelimitpolicies', kind: 'HTTPLocalRateLimitPolicy', shortNames: [] },
  versions: [
    {
      name: 'v1alpha1',
      spec: object(
        {
          targetRef,
          total: limit,
          identity: limit,
          overrides: list(
            object({ requestsPerSecond: integer({ format: 'int64' }), clientRefs: list(namespacedRef) }, { required: ['requestsPerSecond', 'clientRefs'] }),
          ),
        },
        { required: ['targetRef'] },
      ),
      status: object({ conditions, targetRef: namespacedRef }),
      columns: [...targetColumns, AGE],
    },
  ],
});

const egressNetwork = define({
  group,
  names: { plural: 'egressnetworks', kind: 'EgressNetwork', categories: ['policy'] },
  versions: [
    {
      name: 'v1alpha1',
      spec: object({ networks, trafficPolicy: oneOfTexts('Allow', 'Deny') }, { required: ['trafficPolicy'] }),
      status: object({ conditions }),
      columns: [{ name: 'Traffic Policy', type: 'string', jsonPath: '.spec.trafficPolicy' }, AGE],
    },
  ],
});

export const policyDefinitions: readonly CustomResourceDefinition[] = [
  authorizationPolicy,
  egressNetwork,
  rateLimit,
  meshTlsAuthentication,
  networkAuthentication,
  serverAuthorization,
  server,
];
