// The soak in two halves at once, each with processes of its own: what a half is left with is its own, and two cores have something to do.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CHURNS } from './churns/index.ts';

/** The names of the churns of each half; together they are all. */
export function parts(): readonly (readonly string[])[] {
  const named = new Set(['idle', 'connections', 'handshakes']);
  const [connections, exchanges] = [true, false].map((is) => CHURNS.filter(({ name }) => named.has(name) === is).map(({ name }) => name));
  return [exchanges ?? [], connections ?? []];
}

/** What a half says at its end. */
export interface PartReport {
  readonly rounds: number;
  readonly broken: readonly string[];
  readonly after: { readonly connections: number; readonly handshakes: number };
}

/** Exit status of a half whose load crashed. */
export const LOAD_CRASHED = 70;

/**
 * A half whose load crashed says nothing about proxies and is begun again, once: Node 20's HTTP/2 corrupts the heap of the load now and then, mostly in the
 * churn `reconnects` (seen with glibc's MALLOC_CHECK_, in one run of six).
 */
export async function runPart(churns: readonly string[], scale: number, out: (line: string) => void): Promise<PartReport | undefined> {
  const first = await runOnce(churns, scale, out);
  if (first !== 'load crashed') return first;
  out(`the load of ${churns.join(', ')} crashed, with nothing of this project in it: begun again`);
  const second = await runOnce(churns, scale, out);
  return second === 'load crashed' ? undefined : second;
}

/** Undefined where it ended with an error, of which it has said what. */
async function runOnce(churns: readonly string[], scale: number, out: (line: string) => void): Promise<PartReport | 'load crashed' | undefined> {
  const main = fileURLToPath(new URL('main.ts', import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, main, `--scale=${scale}`, `--only=${churns.join(',')}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  let last = '';
  for await (const line of createInterface({ input: child.stdout })) {
    out(line);
    last = line;
  }
  const code = await exited;
  if (code === LOAD_CRASHED) return 'load crashed';
  if (!last.startsWith('{')) return undefined;
  const report = JSON.parse(last) as PartReport;
  return code === 0 || report.broken.length > 0 ? report : undefined;
}
