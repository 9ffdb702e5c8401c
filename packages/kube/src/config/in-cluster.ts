// The configuration that Kubernetes gives to every pod: environment, token and authority files.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { KubeError } from '../client/kube-error.ts';
import type { ClusterConfig } from './kubeconfig.ts';

export interface InClusterOptions {
  /** Default: the process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default `/var/run/secrets/kubernetes.io/serviceaccount`. */
  readonly directory?: string;
}

/** Throws KubeError CONFIG outside a pod. The token file is read again for each request, since the kubelet rotates it. */
export function inClusterConfig(options: InClusterOptions = {}): ClusterConfig {
  const { env = process.env, directory = '/var/run/secrets/kubernetes.io/serviceaccount' } = options;
  const host = env.KUBERNETES_SERVICE_HOST;
  const port = env.KUBERNETES_SERVICE_PORT;
  if (!host || !port) throw new KubeError('CONFIG', 'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: not in a pod');
  const read = (name: string): string => {
    try {
      return readFileSync(path.join(directory, name), 'utf8').trim();
    } catch (error) {
      throw new KubeError('CONFIG', `cannot read ${path.join(directory, name)}`, { cause: error });
    }
  };
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    namespace: read('namespace'),
    ca: read('ca.crt'),
    token: () => read('token'),
  };
}
