// Which cluster a program speaks to, from its one flag.
import { inClusterConfig } from './in-cluster.ts';
import { type ClusterConfig, loadKubeconfig } from './kubeconfig.ts';

/** The kubeconfig at that path; where the path is empty, the cluster that this process is a pod of. Throws KubeError CONFIG. */
export function clusterConfig(kubeconfig: string): ClusterConfig {
  return kubeconfig === '' ? inClusterConfig() : loadKubeconfig(kubeconfig);
}
