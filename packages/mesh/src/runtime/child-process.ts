// One operating-system process in its own process group, with its output split into lines. spec/runtime.md §5.
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

/** What to execute; `env` is the whole environment of the child, nothing is inherited. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

export interface Exit {
  /** Exit code, or 128 + signal number as shells count it. */
  readonly code: number;
  readonly signal?: string | undefined;
  /** Set when the program could not be started at all. */
  readonly error?: string | undefined;
}

export interface ChildProcess {
  readonly pid: number | undefined;
  /** Resolves when the process has ended and its output has been read; never rejects. */
  readonly exited: Promise<Exit>;
  /** SIGTERM to the group, SIGKILL after the grace period; resolves when it has ended. */
  stop(graceMs: number): Promise<Exit>;
}

const SIGNALS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 };
/** A grandchild may keep the pipes open after the process has gone; its output is not waited for longer. */
const OUTPUT_WAIT_MS = 500;

export function startProcess(command: Command, onLine: (line: string) => void): ChildProcess {
  const child = spawn(command.file, [...command.args], { cwd: command.cwd, env: { ...command.env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  splitLines(child.stdout, onLine);
  splitLines(child.stderr, onLine);
  let ended = false;
  const exited = new Promise<Exit>((resolve) => {
    let result: Exit | undefined;
    const finish = (): void => {
      if (!result) return;
      ended = true;
      resolve(result);
    };
    child.once('error', (error) => {
      if (child.pid !== undefined) return;
      result = { code: 127, error: error.message };
      finish();
    });
    child.once('exit', (code, signal) => {
      result = code !== null ? { code } : { code: 128 + (SIGNALS[signal ?? ''] ?? 0), signal: signal ?? undefined };
      setTimeout(finish, OUTPUT_WAIT_MS).unref();
    });
    child.once('close', finish);
  });
  return {
    pid: child.pid,
    exited,
    async stop(graceMs) {
      const { pid } = child;
      if (pid === undefined || ended) return exited;
      signalGroup(pid, 'SIGTERM');
      const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs);
      const exit = await exited;
      clearTimeout(timer);
      signalGroup(pid, 'SIGKILL');
      return exit;
    },
  };
}

/** Sends to every process of the group; one that is gone already is no error. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH' && (error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  }
}

function splitLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) onLine(part.endsWith('\r') ? part.slice(0, -1) : part);
    if (rest.length > 65_536) {
      onLine(rest);
      rest = '';
    }
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
    rest = '';
  });
  stream.on('error', () => stream.destroy());
}
