// The configuration that Kubernetes gives to every pod: environment, token and authority files. Both files are rotated by the kubelet.
import path from 'node:path';
import { type Clock, systemClock } from '@weft/core';
import { bearer, type CredentialSource } from '../client/credentials.ts';
import { KubeError } from '../client/kube-error.ts';
import { type FreshFile, freshFile } from './fresh-file.ts';
import type { ClusterConfig } from './kubeconfig.ts';

export interface InClusterOptions {
  /** Default: the process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default `/var/run/secrets/kubernetes.io/serviceaccount`. */
  readonly directory?: string;
  readonly clock?: Clock;
}

/** Whether this process seems to be a pod's. */
export function isInCluster(env: InClusterOptions['env'] = process.env): boolean {
  return Boolean(env?.KUBERNETES_SERVICE_HOST && env.KUBERNETES_SERVICE_PORT);
}

/** Throws KubeError CONFIG outside a pod, naming every file that cannot be read. Token and authority are read again each minute, the token after a 401 too. */
export function inClusterConfig(options: InClusterOptions = {}): ClusterConfig {
  const { env = process.env, directory = '/var/run/secrets/kubernetes.io/serviceaccount', clock = systemClock() } = options;
  const host = env.KUBERNETES_SERVICE_HOST;
  const port = env.KUBERNETES_SERVICE_PORT;
  if (!host || !port) throw new KubeError('CONFIG', 'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: not in a pod');
  const problems: string[] = [];
  const open = (name: string): FreshFile => {
    const file = freshFile(path.join(directory, name), clock);
    try {
      if (file.read() === '') problems.push(`${path.join(directory, name)} is empty`);
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      problems.push(error.message);
    }
    return file;
  };
  const [namespace, ca, token] = [open('namespace'), open('ca.crt'), open('token')];
  if (problems.length > 0) throw new KubeError('CONFIG', problems.join('; '));
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    namespace: namespace.read(),
    ca: () => ca.read(),
    credentials: tokenFileCredentials(token),
  };
}

function tokenFileCredentials(file: FreshFile): CredentialSource {
  return { current: () => bearer(file.read()), refused: () => file.reread() };
}
