// kubeconfig files, as kubectl reads them: a context's cluster and user, as options of a client. Kubernetes "Organizing cluster access".
import { type Clock, systemClock } from '@weft/core';
import type { KubeClientOptions } from '../client/client.ts';
import { KubeError } from '../client/kube-error.ts';
import { type EntryReader, entryReader, extensionOf, type PemSource } from './entry-reader.ts';
import type { ExecCluster } from './exec/exec-credential.ts';
import { freshFile } from './fresh-file.ts';
import { type EntryKind, readKubeconfig } from './read-kubeconfig.ts';
import { userCredentials } from './user-credentials.ts';

export interface KubeconfigOptions {
  /** Default: the first `current-context` of the files. */
  readonly context?: string;
  readonly clock?: Clock;
  /** What exec plug-ins inherit. Default: the process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface ClusterConfig extends KubeClientOptions {
  /** Namespace of the context; `default` where it names none. */
  readonly namespace: string;
}

/**
 * Reads a kubeconfig given as a path, as its text (anything with a line break), or as several of them, merged as kubectl does.
 * Throws KubeError CONFIG naming everything that is wrong, with file and field.
 */
export function loadKubeconfig(source: string | readonly string[], options: KubeconfigOptions = {}): ClusterConfig {
  const { clock = systemClock(), env = process.env } = options;
  const problems: string[] = [];
  const refuse = (): never => {
    throw new KubeError('CONFIG', problems.map((problem) => (problem.startsWith('kubeconfig') ? problem : `kubeconfig: ${problem}`)).join('; '));
  };
  const sources = typeof source === 'string' ? [source] : source;
  const file = sources.length === 1 && !sources[0]?.includes('\n') ? `${sources[0]}: ` : '';
  const entries = readKubeconfig(sources, problems);
  const contextName = options.context ?? entries.currentContext;
  if (contextName === undefined) {
    if (problems.length === 0) problems.push(`${file}no current-context`);
    return refuse();
  }
  const find = (kind: EntryKind, name: string): EntryReader | undefined => {
    const entry = entries.find(kind, name);
    if (!entry) problems.push(`${file}there is no ${kind} ${name}`);
    return entry && entryReader(entry, problems);
  };
  const context = find('context', contextName);
  const clusterName = context?.text('cluster');
  if (context && clusterName === undefined) context.problem('cluster', 'is missing');
  const cluster = clusterName === undefined ? undefined : find('cluster', clusterName);
  const userName = context?.text('user');
  const user = userName === undefined ? undefined : find('user', userName);
  const target = cluster && readCluster(cluster, clock);
  const credentials = user && userCredentials(user, { clock, env, cluster: target?.forPlugins ?? { server: '' } });
  const namespace = context?.text('namespace') ?? 'default';
  if (problems.length > 0 || !target) return refuse();
  return { ...target.options, namespace, ...credentials };
}

interface Target {
  readonly options: KubeClientOptions;
  /** What exec plug-ins are told about the cluster. */
  readonly forPlugins: ExecCluster;
}

function readCluster(cluster: EntryReader, clock: Clock): Target | undefined {
  const server = cluster.text('server');
  if (server === undefined) cluster.problem('server', 'is missing');
  else if (!/^https?:$/.test(URL.canParse(server) ? new URL(server).protocol : '')) cluster.problem('server', `${server} is not an http or https URL`);
  const proxy = cluster.text('proxy-url');
  if (proxy !== undefined) cluster.problem('proxy-url', 'proxies are not supported');
  const ca = cluster.pem('certificate-authority');
  const insecure = cluster.flag('insecure-skip-tls-verify');
  if (insecure && ca) cluster.problem('insecure-skip-tls-verify', 'contradicts certificate-authority');
  const tlsServerName = cluster.text('tls-server-name');
  if (server === undefined) return undefined;
  const config = extensionOf(cluster.entry, 'client.authentication.k8s.io/exec');
  return {
    options: {
      server,
      ...(ca ? { ca: authority(ca, clock) } : {}),
      ...(insecure ? { insecureSkipTlsVerify: true } : {}),
      ...(tlsServerName === undefined ? {} : { tlsServerName }),
    },
    forPlugins: {
      server,
      ...(tlsServerName === undefined ? {} : { 'tls-server-name': tlsServerName }),
      ...(insecure ? { 'insecure-skip-tls-verify': true } : {}),
      ...(ca ? { 'certificate-authority-data': Buffer.from(ca.text).toString('base64') } : {}),
      ...(config === undefined ? {} : { config }),
    },
  };
}

/** A file is read again each minute. */
function authority({ text, file }: PemSource, clock: Clock): string | (() => string) {
  if (file === undefined) return text;
  const fresh = freshFile(file, clock);
  return () => fresh.read();
}
