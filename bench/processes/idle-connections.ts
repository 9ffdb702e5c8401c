// Idle connections, held by a program of their own.
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { asChild, launch } from './child.ts';
import { ownProgram } from './own-programs.ts';

export interface IdleConnections {
  /** Opens what is missing to this number. */
  grow(connections: number): Promise<void>;
  close(): Promise<void>;
}

export function idleConnections(...args: readonly (string | number)[]): IdleConnections {
  const child = launch(process.execPath, [ownProgram('idle-connections'), ...args.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new TypeError('no pipes');
  const lines = createInterface({ input: stdout });
  const gone = once(child, 'exit').then(() => {
    throw new Error('connections could not be opened');
  });
  gone.catch(() => undefined);
  return {
    async grow(connections) {
      stdin.write(`${connections}\n`);
      await Promise.race([once(lines, 'line'), gone]);
    },
    close: () => asChild(child).close(),
  };
}
