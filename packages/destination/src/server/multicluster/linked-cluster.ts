// A Secret that links another cluster: how to reach its API server, and its domains. spec/control-plane.md §1.8.
import { isDnsName } from '@weft/core';
import { type ClusterConfig, KubeError, loadKubeconfig, type Secret } from '@weft/kube';
import { type Check, checked, every, mapOf, nullable, optional, record, text, type Unfit } from '@weft/kube/shape';
import { metadata } from '../cluster/needs.ts';

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

const hidden = checked('text', (value) => typeof value === 'string', { shown: false });
const shape = every(metadata, record({ type: optional(text), data: nullable(mapOf(hidden)) }));

/** What is needed of a Secret that should link a cluster; others will do as they are. */
export const linkingSecret: Check = (value) => shape(value) ?? usable(value as Secret);

/** Undefined for Secrets of other kinds. To be asked of those that passed `linkingSecret`. */
export function clusterLinkOf({ type, metadata: { labels = {}, annotations = {} }, data }: Secret): ClusterLink | undefined {
  if (type !== SECRET_TYPE) return undefined;
  return {
    name: labels[CLUSTER_NAME] ?? '',
    trustDomain: annotations[TRUST_DOMAIN] ?? '',
    clusterDomain: annotations[CLUSTER_DOMAIN] ?? '',
    kubeconfig: Buffer.from(data?.['kubeconfig'] ?? '', 'base64').toString('utf8'),
  };
}

/** How the API server of the cluster is reached. Throws KubeError CONFIG, with everything that is wrong in the kubeconfig. */
export function connectionOf({ kubeconfig }: ClusterLink): ClusterConfig {
  // A text without a line break would be taken for a path.
  return loadKubeconfig(`${kubeconfig}\n`);
}

function usable(secret: Secret): Unfit | undefined {
  const link = clusterLinkOf(secret);
  if (!link) return undefined;
  const missing = 'is missing';
  if (link.name === '') return { field: `metadata.labels[${CLUSTER_NAME}]`, problem: missing };
  for (const [key, value] of [
    [TRUST_DOMAIN, link.trustDomain],
    [CLUSTER_DOMAIN, link.clusterDomain],
  ] as const) {
    const field = `metadata.annotations[${key}]`;
    if (!isDnsName(value)) return { field, problem: value === '' ? missing : `${JSON.stringify(value)} is no DNS name` };
  }
  const field = 'data.kubeconfig';
  if (link.kubeconfig === '') return { field, problem: missing };
  try {
    connectionOf(link);
    return undefined;
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    return { field, problem: error.message };
  }
}

export function sameLink(a: ClusterLink, b: ClusterLink): boolean {
  return a.name === b.name && a.trustDomain === b.trustDomain && a.clusterDomain === b.clusterDomain && a.kubeconfig === b.kubeconfig;
}
