// What discovery needs of the objects it reads, kind by kind: one that lacks it is skipped whole, and what was known of it stays. spec/control-plane.md §1.4, §1.6, §1.9.
import { isIp } from '@weft/core';
import { anyNumber, type Check, checked, either, every, flag, ip, listOf, mapOf, nullable, optional, port, record, someText, text } from '@weft/kube/shape';

/** What is read of every kind. */
export const metadata: Check = record({
  metadata: record({
    uid: optional(text),
    deletionTimestamp: optional(text),
    labels: optional(mapOf(text)),
    annotations: optional(mapOf(text)),
    ownerReferences: optional(listOf(record({ kind: text, name: text }))),
  }),
});

const needs = (fields: Readonly<Record<string, Check>>): Check => every(metadata, record(fields));

/** As long as there is none, empty text stands in its place. */
const ipOrNone = checked('an IP address', (value) => value === '' || (typeof value === 'string' && isIp(value)));
const clusterIp = checked('an IP address or None', (value) => value === '' || value === 'None' || (typeof value === 'string' && isIp(value)));
const numberOrName = either('a number or a name', anyNumber, text);
const targetRef = optional(record({ kind: optional(text), name: optional(text), namespace: optional(text) }));

export const service = needs({
  spec: record({
    type: optional(text),
    clusterIP: optional(clusterIp),
    clusterIPs: optional(listOf(clusterIp)),
    ipFamilies: optional(listOf(text)),
    internalTrafficPolicy: optional(text),
    selector: nullable(mapOf(text)),
    ports: nullable(listOf(record({ name: optional(text), port, protocol: optional(text), targetPort: optional(numberOrName) }))),
  }),
});

const endpointsWith = (address: Check): Check =>
  needs({
    // Go writes the empty list as null, which is read as what it means.
    endpoints: listOf(
      record({
        addresses: listOf(address, { min: 1 }),
        conditions: optional(record({ ready: optional(flag) })),
        hostname: optional(text),
        zone: optional(text),
        targetRef,
        hints: optional(record({ forZones: optional(listOf(record({ name: text }))) })),
      }),
    ),
    ports: nullable(listOf(record({ name: optional(text), port: optional(port), protocol: optional(text) }))),
  });
const [named, numbered] = [endpointsWith(text), endpointsWith(ip)];
const addressType = record({ addressType: checked('IPv4, IPv6 or FQDN', (value) => value === 'IPv4' || value === 'IPv6' || value === 'FQDN') });

export const endpointSlice: Check = (value) =>
  addressType(value) ?? ((value as { readonly addressType: string }).addressType === 'FQDN' ? named(value) : numbered(value));

export const endpoints = needs({
  subsets: nullable(
    listOf(
      record({
        addresses: nullable(listOf(record({ ip, hostname: optional(text), targetRef }))),
        ports: nullable(listOf(record({ name: optional(text), port }))),
      }),
    ),
  ),
});

const containers = listOf(
  record({
    name: text,
    ports: optional(listOf(record({ name: optional(text), containerPort: port, hostPort: optional(anyNumber) }))),
    env: optional(listOf(record({ name: text, value: optional(text) }))),
  }),
);

export const pod = needs({
  spec: record({
    containers,
    initContainers: optional(containers),
    hostNetwork: optional(flag),
    nodeName: optional(text),
    serviceAccountName: optional(text),
  }),
  // One that is null is of no server that is whole.
  status: optional(
    record({
      phase: optional(text),
      podIP: optional(ipOrNone),
      podIPs: optional(listOf(record({ ip: ipOrNone }))),
      hostIP: optional(ipOrNone),
      hostIPs: optional(listOf(record({ ip: ipOrNone }))),
    }),
  ),
});

const selector = optional(
  record({
    matchLabels: optional(mapOf(text)),
    matchExpressions: optional(listOf(record({ key: text, operator: text, values: optional(listOf(text)) }))),
  }),
);

export const policyServer = needs({
  spec: record({ podSelector: selector, externalWorkloadSelector: selector, port: numberOrName, proxyProtocol: optional(text) }),
});

export const externalWorkload = needs({
  spec: record({
    meshTLS: record({ identity: someText, serverName: someText }),
    ports: optional(listOf(record({ name: optional(text), port, protocol: optional(text) }))),
    // Without any it is known by slices that refer to it.
    workloadIPs: optional(listOf(record({ ip }))),
  }),
  status: optional(record({ conditions: optional(listOf(record({ type: text, status: text }))) })),
});
