// What a kubeconfig's user authenticates with: token, token file, name and password, client certificate, or an exec plug-in.
import path from 'node:path';
import type { Clock } from '@weft/core';
import type { KubeClientOptions } from '../client/client.ts';
import { basic, bearer, type CredentialSource } from '../client/credentials.ts';
import type { EntryReader, PemSource } from './entry-reader.ts';
import type { ExecCluster } from './exec/exec-credential.ts';
import { execCredentials } from './exec/exec-credentials.ts';
import { readExecSpec } from './exec/exec-spec.ts';
import { freshFile } from './fresh-file.ts';

export interface UserContext {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cluster: ExecCluster;
}

/** Wrong fields are reported to the reader; what is answered then is not to be used. */
export function userCredentials(user: EntryReader, context: UserContext): Pick<KubeClientOptions, 'token' | 'cert' | 'key' | 'credentials'> {
  const { clock } = context;
  const token = user.text('token');
  const tokenFile = user.path('tokenFile');
  const username = user.text('username');
  const password = user.text('password');
  const cert = user.pem('client-certificate');
  const key = user.pem('client-key');
  const exec = user.entry.fields.exec;
  if (cert && !key && !names(user, 'client-key')) user.problem('client-key', 'is missing beside client-certificate');
  if (key && !cert && !names(user, 'client-certificate')) user.problem('client-certificate', 'is missing beside client-key');
  if (user.entry.fields['auth-provider'] !== undefined) user.problem('auth-provider', 'is not supported: Kubernetes has replaced it by exec');
  for (const field of ['as', 'as-uid', 'as-groups', 'as-user-extra']) {
    if (user.entry.fields[field] !== undefined) user.problem(field, 'impersonation is not supported');
  }
  const ways = [
    ...(token !== undefined || tokenFile !== undefined ? ['token'] : []),
    ...(username !== undefined || password !== undefined ? ['username'] : []),
    ...(exec !== undefined && exec !== null ? ['exec'] : []),
  ];
  if (ways.length > 1) user.problem(ways.join(', '), 'only one of them can be used');

  if (exec !== undefined && exec !== null) {
    const spec = readExecSpec(exec, user, path.resolve(user.entry.directory));
    return spec ? { credentials: execCredentials({ spec, where: `${user.entry.where}: exec`, ...context }) } : {};
  }
  if (username !== undefined || password !== undefined) return withCertificate(basic(username ?? '', password ?? ''), cert, key, clock);
  if (tokenFile !== undefined) {
    const file = freshFile(tokenFile, clock);
    try {
      file.read();
    } catch (error) {
      user.problem('tokenFile', error instanceof Error ? error.message : String(error));
    }
    const certificate = certificateOf(cert, key, clock);
    return { credentials: { current: () => ({ ...certificate(), ...bearer(file.read()) }), refused: () => file.reread() } };
  }
  if (cert?.file === undefined && key?.file === undefined) {
    return { ...(token === undefined ? {} : { token }), ...(cert ? { cert: cert.text } : {}), ...(key ? { key: key.text } : {}) };
  }
  return withCertificate(token === undefined ? {} : bearer(token), cert, key, clock);
}

/** Named, though perhaps wrongly: that is reported already. */
function names(user: EntryReader, field: string): boolean {
  return user.entry.fields[field] !== undefined || user.entry.fields[`${field}-data`] !== undefined;
}

function withCertificate(
  fixed: { readonly authorization?: string },
  cert: PemSource | undefined,
  key: PemSource | undefined,
  clock: Clock,
): { readonly credentials: CredentialSource } {
  const certificate = certificateOf(cert, key, clock);
  return { credentials: { current: () => ({ ...certificate(), ...fixed }), refused: () => false } };
}

function certificateOf(cert: PemSource | undefined, key: PemSource | undefined, clock: Clock): () => { readonly cert?: string; readonly key?: string } {
  const [readCert, readKey] = [cert, key].map((pem) => {
    if (pem?.file === undefined) return () => pem?.text;
    const fresh = freshFile(pem.file, clock);
    return () => fresh.read();
  });
  return () => {
    const pair = { cert: readCert?.(), key: readKey?.() };
    return pair.cert === undefined || pair.key === undefined ? {} : { cert: pair.cert, key: pair.key };
  };
}
