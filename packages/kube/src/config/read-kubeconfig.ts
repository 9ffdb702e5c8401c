// The files of a kubeconfig as one set of named entries. As kubectl merges them: the first file that names a thing has it.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readYaml } from '../resources/read-yaml.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** One `context`, `cluster` or `user`, and where it stands. */
export interface NamedEntry {
  readonly name: string;
  readonly fields: Fields;
  /** Such as `/home/me/.kube/config: user admin`. */
  readonly where: string;
  /** What relative paths are relative to. */
  readonly directory: string;
}

export type EntryKind = 'context' | 'cluster' | 'user';

export interface KubeconfigEntries {
  readonly currentContext: string | undefined;
  find(kind: EntryKind, name: string): NamedEntry | undefined;
}

/** `sources` are paths, or texts (anything with a line break). Whatever is wrong is added to `problems`; several files may be missing, but not all. */
export function readKubeconfig(sources: readonly string[], problems: string[]): KubeconfigEntries {
  const entries = new Map<string, NamedEntry>();
  let currentContext: string | undefined;
  const missing: string[] = [];
  for (const source of sources) {
    const isText = source.includes('\n');
    const file = isText ? 'kubeconfig' : source;
    const text = isText ? source : readFile(source, missing, problems);
    if (text === undefined) continue;
    const read = readYaml(text);
    if (read.kind === 'refused') {
      problems.push(`${file}: not YAML: ${read.message}`);
      continue;
    }
    const value = read.values[0] ?? {};
    if (!isFields(value)) {
      problems.push(`${file}: an object is expected`);
      continue;
    }
    const context = value['current-context'];
    if (context !== undefined && context !== null && typeof context !== 'string') problems.push(`${file}: current-context: a text is expected`);
    if (typeof context === 'string' && context !== '') currentContext ??= context;
    const directory = isText ? '.' : path.dirname(source);
    for (const kind of ['context', 'cluster', 'user'] as const) collect(value[`${kind}s`], kind, file, directory, entries, problems);
  }
  if (missing.length === sources.length) problems.push(...missing);
  return { currentContext, find: (kind, name) => entries.get(`${kind} ${name}`) };
}

function collect(list: unknown, kind: EntryKind, file: string, directory: string, into: Map<string, NamedEntry>, problems: string[]): void {
  if (list === undefined || list === null) return;
  if (!Array.isArray(list)) {
    problems.push(`${file}: ${kind}s: a list is expected`);
    return;
  }
  for (const [index, item] of (list as unknown[]).entries()) {
    const name = isFields(item) ? item.name : undefined;
    const fields = isFields(item) ? (item[kind] ?? {}) : undefined;
    if (typeof name !== 'string' || name === '') problems.push(`${file}: ${kind}s[${index}].name: a text is expected`);
    else if (!isFields(fields)) problems.push(`${file}: ${kind}s[${index}].${kind}: an object is expected`);
    else if (!into.has(`${kind} ${name}`)) into.set(`${kind} ${name}`, { name, fields, where: `${file}: ${kind} ${name}`, directory });
  }
}

function readFile(name: string, missing: string[], problems: string[]): string | undefined {
  try {
    return readFileSync(name, 'utf8');
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    (why === 'ENOENT' ? missing : problems).push(`cannot read ${name} (${why})`);
    return undefined;
  }
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
