// What is needed of each kind, by examples: as API servers write it, and as no whole one does.
import { type Check, unfitText } from '@weft/kube/shape';
import { expect, test } from 'vitest';
import { serviceProfile } from '../profiles/needs.ts';
import * as needs from './needs.ts';

const metadata = { name: 'web', namespace: 'shop' };
const pod = { metadata, spec: { containers: [{ name: 'app', image: 'app', resources: {} }] } };
const slice = { metadata, addressType: 'IPv4', endpoints: [], ports: null };
const server = { metadata, spec: { port: 'http', podSelector: {} } };
const meshTLS = { identity: 'spiffe://root/vm', serverName: 'vm' };

test.each<[string, Check, object]>([
  ['a headless Service', needs.service, { metadata, spec: { clusterIP: 'None', clusterIPs: ['None'], ports: [{ port: 80, targetPort: 'http' }] } }],
  ['a Service of type ExternalName', needs.service, { metadata, spec: { type: 'ExternalName', externalName: 'example.org' } }],
  ['a Service whose lists Go wrote as null', needs.service, { metadata, spec: { clusterIP: '', ports: null, selector: null } }],
  ['a slice without ports', needs.endpointSlice, slice],
  ['a slice of names', needs.endpointSlice, { ...slice, addressType: 'FQDN', endpoints: [{ addresses: ['db.example.org'] }] }],
  [
    'a slice with all there is',
    needs.endpointSlice,
    {
      ...slice,
      addressType: 'IPv6',
      endpoints: [
        { addresses: ['fd00::1'], conditions: {}, hints: { forZones: [{ name: 'a' }] }, targetRef: { kind: 'Pod', name: 'p' }, nodeName: 'n', zone: 'a' },
      ],
      ports: [{ name: '', port: 80, protocol: 'TCP' }],
    },
  ],
  ['Endpoints without subsets', needs.endpoints, { metadata, subsets: null }],
  ['Endpoints of which none is ready', needs.endpoints, { metadata, subsets: [{ notReadyAddresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }] }] }],
  ['a pod without status', needs.pod, pod],
  ['a pod that is not scheduled yet', needs.pod, { ...pod, status: { phase: 'Pending', podIP: '', hostIP: '' } }],
  [
    'a Server that selects by expressions',
    needs.policyServer,
    { metadata, spec: { port: 80, podSelector: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } } },
  ],
  ['an external workload that slices give an address', needs.externalWorkload, { metadata, spec: { meshTLS } }],
  ['a ServiceProfile without routes', serviceProfile, { metadata, spec: {} }],
])('%s will do', (_what, check, object) => {
  expect(check(object)).toBeUndefined();
});

/** Conditions within conditions, so many. */
const nested = (depth: number): object => (depth === 0 ? { method: 'GET' } : { all: [nested(depth - 1)] });
const route = (condition: unknown) => ({ metadata, spec: { routes: [{ name: 'all', condition }] } });

test.each<[Check, object, string]>([
  [needs.metadata, { metadata: { labels: null } }, 'metadata.labels: null is not an object'],
  [needs.metadata, { metadata: { ownerReferences: [{ kind: 'ReplicaSet' }] } }, 'metadata.ownerReferences[0].name: is missing'],
  [needs.service, { metadata, spec: { clusterIP: 'web' } }, 'spec.clusterIP: "web" is not an IP address or None'],
  [needs.service, { metadata, spec: { selector: { app: 1 } } }, 'spec.selector.app: 1 is not text'],
  [needs.endpointSlice, { ...slice, addressType: 'IPX' }, 'addressType: "IPX" is not IPv4, IPv6 or FQDN'],
  [needs.endpointSlice, { ...slice, endpoints: [{ addresses: null }] }, 'endpoints[0].addresses: null is not a list'],
  [needs.endpointSlice, { ...slice, endpoints: [{ addresses: [] }] }, 'endpoints[0].addresses: is empty'],
  [needs.endpointSlice, { ...slice, ports: [{ port: 0 }] }, 'ports[0].port: 0 is not a port'],
  [needs.endpoints, { metadata, subsets: [{ addresses: [{ ip: 7 }] }] }, 'subsets[0].addresses[0].ip: 7 is not an IP address'],
  [needs.pod, { metadata, spec: {} }, 'spec.containers: is missing'],
  [needs.pod, { ...pod, status: { podIPs: ['10.0.0.1'] } }, 'status.podIPs[0]: "10.0.0.1" is not an object'],
  [needs.policyServer, { metadata, spec: { podSelector: {} } }, 'spec.port: is missing'],
  [needs.policyServer, { ...server, spec: { ...server.spec, podSelector: { matchLabels: { app: {} } } } }, 'spec.podSelector.matchLabels.app: {} is not text'],
  [needs.externalWorkload, { metadata, spec: { meshTLS: { ...meshTLS, identity: '' } } }, 'spec.meshTLS.identity: "" is not a text with something in it'],
  [serviceProfile, route({ not: [{ pathRegex: 7 }] }), 'spec.routes[0].condition.not[0].pathRegex: 7 is not text'],
  [serviceProfile, route({ all: [{}] }), 'spec.routes[0].condition.all[0]: a condition has at least one field'],
  [serviceProfile, { metadata, spec: { retryBudget: { ttl: 'soon' } } }, 'spec.retryBudget.ttl: "soon" is not a duration'],
])('what is wrong is named (%#)', (check, object, expected) => {
  const found = check(object);
  expect(found && unfitText(found)).toBe(expected);
});

test('conditions that are nested beyond all use are refused, however deep', () => {
  expect(serviceProfile(route(nested(20)))).toBeUndefined();
  expect(serviceProfile(route(nested(5000)))?.problem).toBe('is nested more than 64 deep');
});
