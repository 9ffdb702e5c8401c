// Clients that are programs of the machine. The suite of one that is not on PATH is skipped, saying so; where CI=true it fails.
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';

export interface Ran {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs the program to its end, which must come within twenty seconds; `input` is what it reads from its standard input. */
export type Program = (args: readonly string[], input?: Uint8Array) => Promise<Ran>;

const LIMIT_MS = 20_000;

export interface Found {
  readonly absent: boolean;
  readonly run: Program;
}

/** Looks on PATH; where CI=true, throws if it is not there. */
export function findProgram(name: string, debianPackage: string): Found {
  const path = find(name);
  if (path !== undefined) return { absent: false, run: (args, input) => runProgram(path, args, input) };
  const missing = `${name} is not on PATH (Debian has it in the package ${debianPackage})`;
  if (process.env['CI'] === 'true') throw new Error(missing);
  process.stderr.write(`tests are skipped: ${missing}\n`);
  return { absent: true, run: () => Promise.reject(new Error(missing)) };
}

/** What it printed; its exit code must be 0. */
export async function printed(ran: Promise<Ran>): Promise<string> {
  const { code, stdout, stderr } = await ran;
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}\n${stdout.toString('latin1')}`);
  return stdout.toString('latin1');
}

/** The environment is made from nothing: proxy variables and personal settings must not matter. */
async function runProgram(path: string, args: readonly string[], input?: Uint8Array): Promise<Ran> {
  const child = spawn(path, args, { env: { LC_ALL: 'C' }, timeout: LIMIT_MS, stdio: ['pipe', 'pipe', 'pipe'] });
  // A program need not read what it is given.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const exit = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
  const [stdout, stderr, code] = await Promise.all([buffer(child.stdout), text(child.stderr), exit]);
  return { code, stdout, stderr };
}

function find(name: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
