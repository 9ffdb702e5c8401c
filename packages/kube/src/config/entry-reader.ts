// Typed fields of one kubeconfig entry. Everything that is wrong is collected, with file and field.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isFields, type NamedEntry } from './read-kubeconfig.ts';

export interface PemSource {
  readonly text: string;
  /** Absent where the text stands in the kubeconfig itself. */
  readonly file?: string;
}

export interface EntryReader {
  readonly entry: NamedEntry;
  problem(field: string, message: string): undefined;
  /** Undefined where it is absent, empty or wrong. */
  text(field: string): string | undefined;
  flag(field: string): boolean;
  /** A path, made absolute where it is relative to the kubeconfig. */
  path(field: string): string | undefined;
  /** `FIELD-data` in base64, or the file that `FIELD` names; the data has precedence. */
  pem(field: string): PemSource | undefined;
}

export function entryReader(entry: NamedEntry, problems: string[]): EntryReader {
  const { fields, where, directory } = entry;
  const problem = (field: string, message: string): undefined => void problems.push(`${where}: ${field}: ${message}`);
  const text = (field: string): string | undefined => {
    const value = fields[field];
    if (value === undefined || value === null || value === '') return undefined;
    return typeof value === 'string' ? value : problem(field, 'a text is expected');
  };
  const absolute = (field: string): string | undefined => {
    const name = text(field);
    return name === undefined ? undefined : path.resolve(directory, name);
  };
  return {
    entry,
    problem,
    text,
    flag(field) {
      const value = fields[field];
      if (value !== undefined && value !== null && typeof value !== 'boolean') problem(field, 'true or false is expected');
      return value === true;
    },
    path: absolute,
    pem(field) {
      const data = text(`${field}-data`);
      if (data !== undefined) {
        const decoded = Buffer.from(data, 'base64').toString('utf8');
        return decoded.includes('-----BEGIN ') ? { text: decoded } : problem(`${field}-data`, 'PEM in base64 is expected');
      }
      const file = absolute(field);
      if (file === undefined) return undefined;
      try {
        const found = readFileSync(file, 'utf8');
        return found.includes('-----BEGIN ') ? { text: found, file } : problem(field, `${file} is not PEM`);
      } catch (error) {
        return problem(field, `cannot read ${file} (${error instanceof Error && 'code' in error ? String(error.code) : String(error)})`);
      }
    },
  };
}

/** The value of a named extension of an entry: `extensions: [{ name, extension }]`. */
export function extensionOf(entry: NamedEntry, name: string): unknown {
  const list = entry.fields.extensions;
  if (!Array.isArray(list)) return undefined;
  return (list as unknown[]).filter(isFields).find((item) => item.name === name)?.extension;
}
