// kubeconfig files, as kubectl reads them: current context, server, authority, token or client certificate.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { KubeClientOptions } from '../client/client.ts';
import { KubeError } from '../client/kube-error.ts';
import { readYaml } from '../resources/read-yaml.ts';

export interface KubeconfigOptions {
  /** Default: the file's `current-context`. */
  readonly context?: string;
}

export interface ClusterConfig extends KubeClientOptions {
  /** Namespace of the context; `default` where it names none. */
  readonly namespace: string;
}

/** Reads a kubeconfig given as a path, or as its text (anything with a line break). Throws KubeError CONFIG. */
export function loadKubeconfig(pathOrText: string, options: KubeconfigOptions = {}): ClusterConfig {
  const isText = pathOrText.includes('\n');
  const directory = isText ? '.' : path.dirname(pathOrText);
  const file = asRecord(parseYaml(isText ? pathOrText : readFile(pathOrText)));
  const contextName = options.context ?? text(file['current-context']);
  if (contextName === undefined || contextName === '') throw new KubeError('CONFIG', 'kubeconfig: no current-context');
  const context = named(file.contexts, contextName, 'context');
  const cluster = named(file.clusters, text(context.cluster) ?? '', 'cluster');
  const user = text(context.user) === undefined ? {} : named(file.users, text(context.user) ?? '', 'user');
  if (user.exec !== undefined || user['auth-provider'] !== undefined) {
    throw new KubeError('CONFIG', `kubeconfig: user ${text(context.user) ?? ''} needs an exec plug-in, which is not supported yet`);
  }
  const server = text(cluster.server);
  if (server === undefined) throw new KubeError('CONFIG', `kubeconfig: cluster ${text(context.cluster) ?? ''} has no server`);
  const pem = (record: Record<string, unknown>, key: string): string | undefined => {
    const data = text(record[`${key}-data`]);
    if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8');
    const name = text(record[key]);
    return name === undefined ? undefined : readFile(path.resolve(directory, name));
  };
  const tokenFile = text(user.tokenFile);
  return compact({
    server,
    namespace: text(context.namespace) ?? 'default',
    ca: pem(cluster, 'certificate-authority'),
    cert: pem(user, 'client-certificate'),
    key: pem(user, 'client-key'),
    token: tokenFile === undefined ? text(user.token) : () => readFile(path.resolve(directory, tokenFile)).trim(),
    tlsServerName: text(cluster['tls-server-name']),
    insecureSkipTlsVerify: cluster['insecure-skip-tls-verify'] === true ? true : undefined,
  });
}

/** Drops what is undefined, so that optional members are absent. */
function compact(config: { readonly [K in keyof ClusterConfig]: ClusterConfig[K] | undefined } & { server: string; namespace: string }): ClusterConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)) as unknown as ClusterConfig;
}

function readFile(name: string): string {
  try {
    return readFileSync(name, 'utf8');
  } catch (error) {
    throw new KubeError('CONFIG', `kubeconfig: cannot read ${name}`, { cause: error });
  }
}

function parseYaml(source: string): unknown {
  const read = readYaml(source);
  if (read.kind === 'refused') throw new KubeError('CONFIG', `kubeconfig: not YAML: ${read.message}`, { cause: read.cause });
  return read.values[0];
}

function named(list: unknown, name: string, member: string): Record<string, unknown> {
  const entry = (Array.isArray(list) ? list : []).map(asRecord).find((item) => item.name === name);
  if (!entry) throw new KubeError('CONFIG', `kubeconfig: there is no ${member} ${name}`);
  return asRecord(entry[member]);
}

function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new KubeError('CONFIG', 'kubeconfig: an object is expected');
  return value as Record<string, unknown>;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
