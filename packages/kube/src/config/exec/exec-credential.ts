// What an exec plug-in is told and what it answers: ExecCredential, client.authentication.k8s.io.
import type { Credentials } from '../../client/credentials.ts';
import { isFields } from '../read-kubeconfig.ts';
import type { ExecSpec } from './exec-spec.ts';

/** With the names of the wire. */
export interface ExecCluster {
  readonly server: string;
  readonly 'tls-server-name'?: string;
  readonly 'insecure-skip-tls-verify'?: boolean;
  /** PEM in base64. */
  readonly 'certificate-authority-data'?: string;
  readonly config?: unknown;
}

export interface ExecAnswer {
  readonly credentials: Credentials;
  /** Milliseconds since the epoch; undefined: until the server refuses them. */
  readonly expiresAt: number | undefined;
}

/** The value of KUBERNETES_EXEC_INFO. */
export function execInfo(spec: ExecSpec, interactive: boolean, cluster: ExecCluster): string {
  return JSON.stringify({
    apiVersion: spec.apiVersion,
    kind: 'ExecCredential',
    spec: { interactive, ...(spec.provideClusterInfo ? { cluster } : {}) },
  });
}

/** The answer, or what is wrong with it. */
export function readExecCredential(stdout: string, apiVersion: string): ExecAnswer | { readonly problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(stdout);
  } catch (error) {
    return { problem: `printed no JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  if (!isFields(value) || value.kind !== 'ExecCredential') return { problem: 'printed no ExecCredential' };
  if (value.apiVersion !== apiVersion) return { problem: `printed an ExecCredential of ${JSON.stringify(value.apiVersion ?? '')} instead of ${apiVersion}` };
  const { status } = value;
  if (!isFields(status)) return { problem: 'printed an ExecCredential without status' };
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = status;
  const hasToken = typeof token === 'string' && token !== '';
  const hasCert = typeof cert === 'string' && cert !== '';
  const hasKey = typeof key === 'string' && key !== '';
  if (hasCert !== hasKey)
    return { problem: `printed ${hasCert ? 'clientCertificateData without clientKeyData' : 'clientKeyData without clientCertificateData'}` };
  if (!hasToken && !hasCert) return { problem: 'printed neither a token nor a client certificate' };
  const expiresAt = typeof expirationTimestamp === 'string' ? Date.parse(expirationTimestamp) : undefined;
  if (Number.isNaN(expiresAt)) return { problem: `printed the expirationTimestamp ${JSON.stringify(expirationTimestamp)}, which is no time` };
  return {
    credentials: Object.freeze({ ...(hasToken ? { authorization: `Bearer ${token}` } : {}), ...(hasCert && hasKey ? { cert, key } : {}) }),
    expiresAt,
  };
}
