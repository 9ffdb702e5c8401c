// A program of ours that does what it is told: see bench/programs/conversation.ts.
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { asChild, type Child, launch } from './child.ts';
import { ownProgram } from './own-programs.ts';

export interface Conversation<Command, Answer> extends Child {
  /** One at a time. Rejects when the program has ended. */
  ask(command: Command): Promise<Answer>;
}

export function conversation<Command, Answer>(name: string, ...args: readonly (string | number)[]): Conversation<Command, Answer> {
  const child = launch(process.execPath, [ownProgram(name), ...args.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new TypeError('no pipes');
  const lines = createInterface({ input: stdout });
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`${name} ended with ${String(code)}`);
  });
  gone.catch(() => undefined);
  return {
    ...asChild(child),
    async ask(command) {
      const line = once(lines, 'line');
      stdin.write(`${JSON.stringify(command)}\n`);
      const [answer] = (await Promise.race([line, gone])) as [string];
      return JSON.parse(answer) as Answer;
    },
  };
}
