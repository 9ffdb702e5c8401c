// How a program of the benchmark is told what to do: one JSON text a line on stdin, one answer a line on stdout. It ends with its stdin.
import { createInterface } from 'node:readline';

/** Answers each command in turn. */
export async function converse<Command, Answer>(answer: (command: Command) => Promise<Answer>): Promise<never> {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line) as Command))}\n`);
  }
  process.exit(0);
}
