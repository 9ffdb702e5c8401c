// Programs as containers see them: bundles copied to a directory that every user id can read, with a launcher script per
// program, and the node executable itself when the one in use lies below a private directory. spec/runtime.md §1.5.
import { constants, promises as fs } from 'node:fs';
import { basename, dirname, join } from 'node:path';

export interface Programs {
  /** Directories whose `*.mjs` files are programs named after the file; they are copied. */
  readonly bundles?: readonly string[];
  /** Further programs: name → file with JavaScript (`.mjs`, `.js`, `.cjs`) or an executable; used where they lie. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface StagedPrograms {
  /** Directory with the launchers: the PATH of every container begins with it. */
  readonly binDir: string;
  /** The absolute path of a program by name; absolute paths are returned as they are. */
  resolve(program: string): Promise<string | undefined>;
}

const SYSTEM_PATH = '/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin';

export async function stagePrograms(options: { readonly runDir: string; readonly programs: Programs; readonly copyAll?: boolean }): Promise<StagedPrograms> {
  const { runDir, programs } = options;
  const binDir = join(runDir, 'bin');
  await fs.mkdir(binDir, { recursive: true });
  await openUp(binDir);
  const node = await stageNode(binDir);
  for (const [index, bundle] of (programs.bundles ?? []).entries()) {
    const target = join(runDir, `bundle-${index}`);
    await fs.cp(bundle, target, { recursive: true, dereference: true });
    await openUp(target);
    for (const file of await fs.readdir(target)) {
      if (file.endsWith('.mjs')) await writeLauncher(binDir, basename(file, '.mjs'), node, join(target, file));
    }
  }
  for (const [name, file] of Object.entries(programs.files ?? {})) {
    if (!/\.[mc]?js$/.test(file)) {
      await fs.symlink(file, join(binDir, name));
      continue;
    }
    let target = file;
    if (options.copyAll) {
      target = join(runDir, 'files', name, basename(file));
      await fs.mkdir(dirname(target), { recursive: true });
      await fs.copyFile(file, target);
      await openUp(join(runDir, 'files'));
    }
    await writeLauncher(binDir, name, node, target);
  }
  return {
    binDir,
    async resolve(program) {
      if (program.startsWith('/')) return (await isExecutable(program)) ? program : undefined;
      for (const dir of [binDir, ...SYSTEM_PATH.split(':')]) {
        const candidate = join(dir, program);
        if (await isExecutable(candidate)) return candidate;
      }
      return undefined;
    },
  };
}

/** The PATH of a container. */
export function containerPath(programs: StagedPrograms): string {
  return `${programs.binDir}:${SYSTEM_PATH}`;
}

async function writeLauncher(binDir: string, name: string, node: string, file: string): Promise<void> {
  await fs.writeFile(join(binDir, name), `#!/bin/sh\nexec ${quote(node)} ${quote(file)} "$@"\n`, { mode: 0o755 });
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The node executable where every user can run it. */
async function stageNode(binDir: string): Promise<string> {
  const real = await fs.realpath(process.execPath);
  if (await worldReadable(real)) return real;
  const copy = join(binDir, 'node');
  await fs.copyFile(real, copy);
  await fs.chmod(copy, 0o755);
  return copy;
}

async function worldReadable(file: string): Promise<boolean> {
  for (let dir = dirname(file); ; dir = dirname(dir)) {
    const { mode } = await fs.stat(dir);
    if ((mode & 0o001) === 0) return false;
    if (dir === dirname(dir)) break;
  }
  return ((await fs.stat(file)).mode & 0o005) === 0o005;
}

/** Everything below becomes readable to all. */
async function openUp(dir: string): Promise<void> {
  await fs.chmod(dir, 0o755);
  for (const entry of await fs.readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) await openUp(path);
    else if (entry.isFile()) await fs.chmod(path, ((await fs.stat(path)).mode & 0o777) | 0o444);
  }
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    if (!(await fs.stat(file)).isFile()) return false;
    await fs.access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
