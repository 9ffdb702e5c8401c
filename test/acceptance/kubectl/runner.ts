// One kubectl, one API server, one directory for caches and manifests.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface KubectlRunner {
  readonly directory: string;
  /** Arguments that every call begins with. */
  readonly common: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  run(...args: readonly string[]): Promise<Run>;
  /** Rejects with what kubectl said. */
  ok(...args: readonly string[]): Promise<string>;
  /** Path of a file with this text. */
  manifest(name: string, text: string): string;
  close(): void;
}

export function kubectlRunner(bin: string, server: string): KubectlRunner {
  const directory = mkdtempSync(path.join(tmpdir(), 'weft-kubectl-'));
  const common = ['--server', server, '--cache-dir', path.join(directory, 'cache')];
  const env = { HOME: directory, PATH: process.env.PATH };
  const run = (...args: readonly string[]): Promise<Run> =>
    new Promise((resolve) => {
      execFile(bin, [...common, '--request-timeout', '20s', ...args], { env, timeout: 60_000 }, (error, out, err) => {
        resolve({ code: error ? Number(error.code ?? 1) : 0, out, err });
      });
    });
  return {
    directory,
    common,
    env,
    run,
    async ok(...args) {
      const { code, out, err } = await run(...args);
      if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}: ${err}`);
      return out;
    },
    manifest(name, text) {
      const file = path.join(directory, name);
      writeFileSync(file, text);
      return file;
    },
    close: () => rmSync(directory, { recursive: true, force: true }),
  };
}
