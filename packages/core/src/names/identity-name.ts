// Workload identities: DNS-like names of service accounts and SPIFFE URIs. spec/proxy.md §3.2.
import { isDnsLabel, isDnsName } from './dns-name.ts';

/** How a workload identity is written in a certificate: a DNS SAN or a URI SAN. */
export type IdentityId = { readonly kind: 'dns'; readonly name: string } | { readonly kind: 'uri'; readonly uri: string };

export interface WorkloadIdentity {
  readonly serviceAccount: string;
  readonly namespace: string;
  readonly controlPlaneNamespace: string;
  readonly trustDomain: string;
}

/** `<sa>.<ns>.serviceaccount.identity.<control-plane-ns>.<trust-domain>` */
export function formatWorkloadIdentity(id: WorkloadIdentity): string {
  return `${id.serviceAccount}.${id.namespace}.serviceaccount.identity.${id.controlPlaneNamespace}.${id.trustDomain}`;
}

/** Parses the name of a service account identity; undefined when a part is missing or not a DNS label. Service account names may hold dots. */
export function parseWorkloadIdentity(name: string): WorkloadIdentity | undefined {
  if (name.length > 253) return undefined;
  const match = /^(.+)\.([^.]+)\.serviceaccount\.identity\.([^.]+)\.(.+)$/.exec(name);
  if (!match) return undefined;
  const [, serviceAccount = '', namespace = '', controlPlaneNamespace = '', trustDomain = ''] = match;
  if (!isDnsName(serviceAccount) || !isDnsLabel(namespace) || !isDnsLabel(controlPlaneNamespace) || !isDnsName(trustDomain)) return undefined;
  return { serviceAccount, namespace, controlPlaneNamespace, trustDomain };
}

/** Parses a DNS or SPIFFE identity. DNS ids become lower-case and may not end with a dot; URI ids are kept exactly. */
export function parseIdentityId(text: string): IdentityId | undefined {
  if (/^spiffe:\/\/[^/\s]+(\/[^\s]*)?$/.test(text)) return { kind: 'uri', uri: text };
  const name = text.toLowerCase();
  return isDnsName(name) ? { kind: 'dns', name } : undefined;
}

export function formatIdentityId(id: IdentityId): string {
  return id.kind === 'dns' ? id.name : id.uri;
}

export function sameIdentityId(a: IdentityId, b: IdentityId): boolean {
  return a.kind === b.kind && formatIdentityId(a) === formatIdentityId(b);
}
