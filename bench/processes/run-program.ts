// Runs a program to its end, for no longer than it should take.
import { text } from 'node:stream/consumers';
import { asChild, launch } from './child.ts';

const SLACK_MS = 20_000;

/** What it prints. */
export async function runProgram(program: string, args: readonly string[], seconds: number): Promise<string> {
  const child = launch(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const { close } = asChild(child);
  let late = false;
  const timer = setTimeout(
    () => {
      late = true;
      void close();
    },
    seconds * 1000 + SLACK_MS,
  );
  const code = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  const [stdout, stderr, status] = await Promise.all([child.stdout ? text(child.stdout) : '', child.stderr ? text(child.stderr) : '', code]).finally(() =>
    clearTimeout(timer),
  );
  if (late) throw new Error(`${program} did not end in time`);
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr.slice(-1000)}`);
  return stdout;
}
