// The `exec` of a kubeconfig's user: which program gives the credentials. Kubernetes "client-go credential plugins".
import path from 'node:path';
import type { EntryReader } from '../entry-reader.ts';
import { isFields } from '../read-kubeconfig.ts';

const EXEC_API_VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'] as const;

export interface ExecSpec {
  readonly apiVersion: (typeof EXEC_API_VERSIONS)[number];
  /** Looked for on the PATH where it has no slash. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly interactiveMode: 'Never' | 'IfAvailable' | 'Always';
  readonly provideClusterInfo: boolean;
  /** For people who lack the program. */
  readonly installHint: string;
}

const MODES = ['Never', 'IfAvailable', 'Always'] as const;

/** Undefined where something is wrong; all of it is reported to the reader. */
export function readExecSpec(value: unknown, user: EntryReader, directory: string): ExecSpec | undefined {
  if (!isFields(value)) return user.problem('exec', 'an object is expected');
  let good = true;
  const bad = (field: string, message: string): undefined => {
    good = false;
    return user.problem(`exec.${field}`, message);
  };
  const text = (field: string): string | undefined => {
    const found = value[field];
    if (found === undefined || found === null || found === '') return undefined;
    return typeof found === 'string' ? found : bad(field, 'a text is expected');
  };
  const apiVersion = EXEC_API_VERSIONS.find((version) => version === value.apiVersion);
  if (apiVersion === undefined) bad('apiVersion', `${JSON.stringify(value.apiVersion ?? '')} is none of ${EXEC_API_VERSIONS.join(', ')}`);
  const command = text('command');
  if (command === undefined) bad('command', 'is missing');
  const args = value.args ?? [];
  if (!Array.isArray(args) || !args.every((item) => typeof item === 'string')) bad('args', 'a list of texts is expected');
  const env: Record<string, string> = {};
  const variables = value.env ?? [];
  if (!Array.isArray(variables)) bad('env', 'a list is expected');
  else
    for (const [index, item] of (variables as unknown[]).entries()) {
      if (isFields(item) && typeof item.name === 'string' && item.name !== '' && typeof item.value === 'string') env[item.name] = item.value;
      else bad(`env[${index}]`, 'a name and a value are expected');
    }
  const mode = text('interactiveMode');
  const interactiveMode = mode === undefined ? (value.apiVersion === EXEC_API_VERSIONS[1] ? 'IfAvailable' : undefined) : MODES.find((known) => known === mode);
  if (interactiveMode === undefined)
    bad('interactiveMode', mode === undefined ? `is needed in ${EXEC_API_VERSIONS[0]}` : `${mode} is none of ${MODES.join(', ')}`);
  if (!good || apiVersion === undefined || command === undefined || interactiveMode === undefined) return undefined;
  return {
    apiVersion,
    command: command.includes('/') ? path.resolve(directory, command) : command,
    args: args as readonly string[],
    env,
    interactiveMode,
    provideClusterInfo: value.provideClusterInfo === true,
    installHint: text('installHint') ?? '',
  };
}
