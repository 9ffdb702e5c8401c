// Which cluster a program speaks to, from its one flag.
import path from 'node:path';
import { inClusterConfig, isInCluster } from './in-cluster.ts';
import { type ClusterConfig, loadKubeconfig } from './kubeconfig.ts';

/**
 * The kubeconfig at that path; where the path is empty, the cluster that this process is a pod of, and outside of one what `KUBECONFIG`
 * lists. Throws KubeError CONFIG.
 */
export function clusterConfig(kubeconfig: string, env: Readonly<Record<string, string | undefined>> = process.env): ClusterConfig {
  if (kubeconfig !== '') return loadKubeconfig(kubeconfig);
  const listed = (env.KUBECONFIG ?? '').split(path.delimiter).filter((name) => name !== '');
  return isInCluster(env) || listed.length === 0 ? inClusterConfig({ env }) : loadKubeconfig(listed);
}
