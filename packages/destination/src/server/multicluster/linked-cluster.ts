// A Secret that links another cluster: how to reach its API server, and its domains. spec/control-plane.md §1.8.
import { isDnsName } from '@weft/core';
import type { Secret } from '@weft/kube';

export interface ClusterLink {
  readonly name: string;
  readonly trustDomain: string;
  readonly clusterDomain: string;
  /** The text of a kubeconfig. */
  readonly kubeconfig: string;
}

const SECRET_TYPE = 'mirror.linkerd.io/remote-kubeconfig';
const CLUSTER_NAME = 'multicluster.linkerd.io/cluster-name';
const TRUST_DOMAIN = 'multicluster.linkerd.io/trust-domain';
const CLUSTER_DOMAIN = 'multicluster.linkerd.io/cluster-domain';

/** Undefined for Secrets of other kinds; a text that says what is missing for one that should link a cluster. */
export function clusterLinkOf({ type, metadata, data = {} }: Secret): ClusterLink | string | undefined {
  if (type !== SECRET_TYPE) return undefined;
  const { labels = {}, annotations = {} } = metadata;
  const name = labels[CLUSTER_NAME];
  if (name === undefined || name === '') return `the label ${CLUSTER_NAME} is missing`;
  const domains = [annotations[TRUST_DOMAIN], annotations[CLUSTER_DOMAIN]] as const;
  const [trustDomain = '', clusterDomain = ''] = domains;
  for (const [key, value] of [
    [TRUST_DOMAIN, trustDomain],
    [CLUSTER_DOMAIN, clusterDomain],
  ] as const) {
    if (!isDnsName(value)) return value === '' ? `the annotation ${key} is missing` : `the annotation ${key} is no DNS name: ${value}`;
  }
  const encoded = data['kubeconfig'];
  if (encoded === undefined || encoded === '') return 'the key kubeconfig is missing';
  return { name, trustDomain, clusterDomain, kubeconfig: Buffer.from(encoded, 'base64').toString('utf8') };
}

export function sameLink(a: ClusterLink, b: ClusterLink): boolean {
  return a.name === b.name && a.trustDomain === b.trustDomain && a.clusterDomain === b.clusterDomain && a.kubeconfig === b.kubeconfig;
}
