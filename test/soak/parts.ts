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
 * A half whose load crashed is begun again, once, and that is said. The load is Node's own clients and servers, yet it dies by SIGABRT or SIGSEGV in
 * the churn `reconnects`: with glibc's MALLOC_CHECK_ in about a quarter of its runs. The cause is not found; until it is, this is a defect of the soak.
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
