// How both programs start and end: usage, errors of the environment (exit code 64), SIGTERM and SIGINT.
import { EnvironmentError } from '../environment.ts';

/** `start` resolves with what ends the program, or undefined when it has nothing more to do. */
export async function run(usage: string, start: () => Promise<(() => Promise<void>) | undefined>): Promise<void> {
  if (process.argv.includes('--help')) return void process.stdout.write(`${usage}\n`);
  try {
    const stop = await start();
    if (stop) for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop());
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    for (const problem of error.problems) process.stderr.write(`${problem}\n`);
    process.exitCode = 64;
  }
}
