// The measured process's side of the load: starts it, hands it churns one by one, and hears how they went.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ApplicationPorts } from './applications.ts';
import type { Entries } from './churn.ts';

export interface ToLoad {
  readonly churn: string;
  readonly rounds: number;
  readonly entries: Entries;
}

export type FromLoad =
  | { readonly kind: 'started'; readonly ports: ApplicationPorts }
  | { readonly kind: 'rotate' }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly stack: string };

export class LoadProcess implements Disposable {
  readonly ports: ApplicationPorts;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, ports: ApplicationPorts) {
    this.#child = child;
    this.ports = ports;
  }

  static async start(): Promise<LoadProcess> {
    // Whatever loads TypeScript here does so there.
    const child = fork(fileURLToPath(new URL('load.ts', import.meta.url)), { execArgv: process.execArgv });
    const started = await answer(child, () => undefined);
    if (started.kind !== 'started') throw new TypeError(`the load began with ${started.kind}`);
    return new LoadProcess(child, started.ports);
  }

  /** Rejects with the first round that went wrong. */
  async run(command: ToLoad, rotate: () => void): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) throw ended(exitCode, signalCode);
    // Where it cannot be sent any more, the end of the process says why.
    this.#child.send(command, () => undefined);
    const said = await answer(this.#child, rotate);
    if (said.kind === 'failed') throw new Error(said.stack);
  }

  [Symbol.dispose](): void {
    if (this.#child.connected) this.#child.disconnect();
  }
}

/** The next message that is not about endpoints. */
function answer(child: ChildProcess, rotate: () => void): Promise<FromLoad> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: FromLoad): void => {
      if (message.kind === 'rotate') return rotate();
      child.off('message', onMessage).off('exit', onExit);
      resolve(message);
    };
    const onExit = (code: number | null, signal: string | null): void => reject(ended(code, signal));
    child.on('message', onMessage).on('exit', onExit);
  });
}

function ended(code: number | null, signal: string | null): Error {
  return new Error(`the load ended with ${code ?? signal}`);
}
