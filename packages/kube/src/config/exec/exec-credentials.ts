// Credentials from a program, kept until they expire or the server refuses them. Kubernetes "client-go credential plugins".
import { spawn } from 'node:child_process';
import type { Clock } from '@weft/core';
import type { CredentialSource, Credentials } from '../../client/credentials.ts';
import { KubeError } from '../../client/kube-error.ts';
import { type ExecAnswer, type ExecCluster, execInfo, readExecCredential } from './exec-credential.ts';
import type { ExecSpec } from './exec-spec.ts';

export interface ExecCredentialsOptions {
  readonly spec: ExecSpec;
  /** For messages: file and field. */
  readonly where: string;
  readonly cluster: ExecCluster;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const MAX_OUTPUT_BYTES = 1024 * 1024;
/** A program that asks nobody has no reason to take longer. */
const SILENT_TIMEOUT_MS = 60_000;

/** However many requests wait, the program runs once. Throws KubeError CONFIG where it fails; the next request tries again. */
export function execCredentials(options: ExecCredentialsOptions): CredentialSource {
  const { clock } = options;
  let known: ExecAnswer | undefined;
  let running: Promise<ExecAnswer> | undefined;
  return {
    async current() {
      if (known && (known.expiresAt === undefined || clock.wall() < known.expiresAt)) return known.credentials;
      running ??= runPlugin(options).finally(() => {
        running = undefined;
      });
      known = await running;
      return known.credentials;
    },
    refused(credentials: Credentials) {
      // Others may have been got meanwhile; those are not given up.
      if (known?.credentials === credentials) known = undefined;
      return true;
    },
  };
}

function runPlugin({ spec, where, cluster, clock, env }: ExecCredentialsOptions): Promise<ExecAnswer> {
  const interactive = spec.interactiveMode !== 'Never' && process.stdin.isTTY === true;
  const failed = (message: string, cause?: unknown): KubeError => new KubeError('CONFIG', `${where}: ${spec.command} ${message}`, { cause });
  if (spec.interactiveMode === 'Always' && !interactive) return Promise.reject(failed('needs a terminal to ask on'));
  return new Promise((resolve, reject) => {
    const child = spawn(spec.command, spec.args, {
      env: { ...env, ...spec.env, KUBERNETES_EXEC_INFO: execInfo(spec, interactive, cluster) },
      stdio: [interactive ? 'inherit' : 'ignore', 'pipe', 'inherit'],
    });
    const chunks: Buffer[] = [];
    let size = 0;
    const stop = (message: string): void => {
      child.kill('SIGKILL');
      reject(failed(message));
    };
    const timer = interactive ? undefined : clock.after(SILENT_TIMEOUT_MS, () => stop(`gave no answer within ${SILENT_TIMEOUT_MS} ms`));
    child.stdout?.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_OUTPUT_BYTES) stop(`printed more than ${MAX_OUTPUT_BYTES} bytes`);
      else chunks.push(chunk);
    });
    child.once('error', (error) => {
      timer?.cancel();
      const hint = 'code' in error && error.code === 'ENOENT' && spec.installHint !== '' ? `: ${spec.installHint}` : '';
      reject(failed(`cannot be run (${error.message})${hint}`, error));
    });
    child.once('close', (code, signal) => {
      timer?.cancel();
      if (code !== 0) return reject(failed(signal === null ? `ended with exit status ${String(code)}` : `was ended by ${signal}`));
      const answer = readExecCredential(Buffer.concat(chunks).toString('utf8'), spec.apiVersion);
      if ('problem' in answer) reject(failed(answer.problem));
      else resolve(answer);
    });
  });
}
