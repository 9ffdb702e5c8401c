// Runs a proxy program: PROXY_BIN, by default this repository's bundle, with an environment made from nothing.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { onTestFinished, TestRunner } from 'vitest';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface LaunchOptions {
  readonly args?: readonly string[];
  readonly env: Environment;
  /** Default: PROXY_BIN, or the bundle. */
  readonly binary?: string | undefined;
  /** Group of the process. Default: that of the tests. */
  readonly gid?: number | undefined;
  /** Path that the program sees → file or directory that is there: in a mount namespace of its own, with an empty /run. Needs root. */
  readonly mounts?: Readonly<Record<string, string>> | undefined;
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

export interface RunningProgram {
  readonly pid: number;
  readonly logs: readonly LogLine[];
  readonly running: boolean;
  /** Exit code, when it has ended. */
  readonly exited: Promise<number | null>;
  /** The first log line with this message, now or later. */
  log(message: RegExp): Promise<LogLine>;
  /** Rejects with the whole log when the program ends. */
  readonly crashed: Promise<never>;
  signal(name: NodeJS.Signals): void;
  kill(): Promise<void>;
}

export const BUNDLE = fileURLToPath(new URL('../../../packages/cli/dist/bundle/weft-proxy.mjs', import.meta.url));

/** Runs the binary to its end. */
export async function runProxy(args: readonly string[], env: Environment, binary?: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const [program, ...rest] = command(args, binary);
  const child = start(program, rest, env);
  const [stdout, stderr, code] = await Promise.all([text(stdoutOf(child)), text(stderrOf(child)), exitOf(child)]);
  return { code, stdout, stderr };
}

/** Runs the binary to its end, from a shell that first does this: for environments that Node cannot make. */
export async function runInShell(prelude: string): Promise<{ code: number | null; stderr: string }> {
  const child = start('sh', ['-c', `${prelude}; exec "$@"`, 'sh', ...command([])], {});
  const [stderr, code] = await Promise.all([text(stderrOf(child)), exitOf(child), text(stdoutOf(child))]);
  return { code, stderr };
}

/** Runs it until it is killed, or the test ends. */
export function launch({ args = [], env, binary, gid, mounts }: LaunchOptions): RunningProgram {
  const plain = command(args, binary);
  const [program, ...rest] = mounts ? mounted(plain, mounts, gid) : plain;
  const child = start(program, rest, env, mounts ? undefined : gid);
  // Programs of others log where they like.
  const logs = follow(child);
  const exited = exitOf(child);
  const crashed = exited.then((code): never => failed(`exited with ${code}`, logs.lines));
  crashed.catch(() => undefined);
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid ?? failed('no process', logs.lines),
    logs: logs.lines,
    exited,
    get running() {
      return isRunning();
    },
    crashed,
    log: logs.find,
    signal: (name) => void child.kill(name),
    async kill() {
      if (isRunning()) child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Ends with everything that was logged. */
export function failed(what: string, lines: readonly LogLine[]): never {
  throw new Error(`${what}\n${lines.map((line) => JSON.stringify(line)).join('\n')}`);
}

function command(args: readonly string[], binary = process.env['PROXY_BIN'] ?? BUNDLE): [program: string, ...args: string[]] {
  if (!existsSync(binary)) throw new Error(`${binary} does not exist: build first (npm run build), or set PROXY_BIN`);
  return /\.[cm]?js$/.test(binary) ? [process.execPath, binary, ...args] : [binary, ...args];
}

/** Mounts need root: the group changes after them. */
function mounted(plain: readonly string[], mounts: Readonly<Record<string, string>>, gid: number | undefined): [program: string, ...args: string[]] {
  const targets = Object.entries(mounts);
  const bind = `n=${targets.length}; while [ $n -gt 0 ]; do [ -d "$1" ] && mkdir -p "$2"; mount --bind "$1" "$2" || exit 1; shift 2; n=$((n-1)); done`;
  const script = `mount -t tmpfs -o mode=755 tmpfs /run && ${bind}; exec "$@"`;
  const group = gid === undefined ? [] : ['setpriv', `--regid=${gid}`, '--clear-groups', '--'];
  const pairs = targets.flatMap(([path, source]) => [source, path]);
  return ['/usr/bin/env', `PATH=${process.env['PATH'] ?? ''}`, 'unshare', '-m', '/bin/sh', '-c', script, 'sh', ...pairs, ...group, ...plain];
}

/** The environment is made from nothing: what the shell of the test has must not matter. */
function start(program: string, args: readonly string[], env: Environment, gid?: number): ChildProcess {
  const child = spawn(program, args, { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'], ...(gid !== undefined && { gid }) });
  const end = (): void => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  };
  // A test that ran out of time never gets to its disposals; suites and benchmarks run proxies too, outside of one test.
  if (process.env['VITEST'] !== undefined && TestRunner.getCurrentTest() !== undefined) onTestFinished(end);
  else {
    process.once('exit', end);
    child.once('close', () => process.off('exit', end));
  }
  return child;
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
}

interface FollowedLog {
  readonly lines: readonly LogLine[];
  find(message: RegExp): Promise<LogLine>;
}

function follow(child: ChildProcess): FollowedLog {
  const lines: LogLine[] = [];
  const waiting = new Set<() => void>();
  const add = (line: string): void => {
    lines.push(parseLine(line));
    for (const check of waiting) check();
  };
  createInterface({ input: stderrOf(child) }).on('line', add);
  createInterface({ input: stdoutOf(child) }).on('line', add);
  return {
    lines,
    find: (message) =>
      new Promise((resolve) => {
        const check = (): void => {
          const found = lines.find((line) => message.test(line.message));
          if (!found) return;
          waiting.delete(check);
          resolve(found);
        };
        waiting.add(check);
        check();
      }),
  };
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { level: 'raw', message: line };
  }
}

function stdoutOf({ stdout }: ChildProcess): NonNullable<ChildProcess['stdout']> {
  if (!stdout) throw new TypeError('no stdout');
  return stdout;
}

function stderrOf({ stderr }: ChildProcess): NonNullable<ChildProcess['stderr']> {
  if (!stderr) throw new TypeError('no stderr');
  return stderr;
}
