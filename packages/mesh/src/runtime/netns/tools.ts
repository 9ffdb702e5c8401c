// The programs of the system that the netns runtime needs, and how they are run: absolute paths, an environment of their own,
// standard error in the message of a failure.
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

const DIRECTORIES = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/sbin', '/usr/local/bin'];
const NAMES = ['ip', 'nsenter', 'unshare', 'setpriv', 'mount', 'chroot', 'mkdir', 'sh', 'env', 'iptables-restore', 'cp', 'touch'] as const;

export type Tools = Readonly<Record<(typeof NAMES)[number], string>>;

/** The tools, or the names of those that are missing. */
export function findTools(): { readonly tools: Tools } | { readonly missing: readonly string[] } {
  const found = NAMES.map((name): [string, string | undefined] => [name, DIRECTORIES.map((dir) => join(dir, name)).find(isExecutable)]);
  const missing = found.filter(([, path]) => path === undefined).map(([name]) => name);
  if (missing.length > 0) return { missing };
  return { tools: Object.fromEntries(found) as Tools };
}

/** What the tools themselves run with: nothing of the caller's environment. */
export const toolEnv: Readonly<Record<string, string>> = { PATH: DIRECTORIES.join(':'), LC_ALL: 'C' };

/** Resolves with standard output; rejects with standard error when the exit code is not 0. */
export function run(file: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, [...args], { env: { ...toolEnv }, stdio: ['pipe', 'pipe', 'pipe'], cwd: '/' });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      out += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      err += chunk;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(out);
      else reject(new Error(`${file} ${args.join(' ')} ended with ${code}: ${err.trim()}`));
    });
    child.stdin.on('error', () => child.stdin.destroy());
    child.stdin.end(input);
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
