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

/** Undefined where it ended with an error, of which it has said what. */
export async function runPart(churns: readonly string[], scale: number, out: (line: string) => void): Promise<PartReport | undefined> {
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
  if (!last.startsWith('{')) return undefined;
  const report = JSON.parse(last) as PartReport;
  return code === 0 || report.broken.length > 0 ? report : undefined;
}
