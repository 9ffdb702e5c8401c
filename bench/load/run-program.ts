// Runs a load program to its end, for no longer than it should take.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SLACK_MS = 20_000;

/** What it prints. */
export async function runProgram(program: string, args: readonly string[], seconds: number): Promise<string> {
  const { stdout } = await run(program, [...args], { timeout: seconds * 1000 + SLACK_MS, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** The value below which this share of the sorted values lies. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
