// Runs the command with given arguments, in this process or in a test.
import { run } from '@stricli/core';
import { weft } from './app.ts';

export interface WeftProcess {
  readonly stdout: { write(text: string): void };
  readonly stderr: { write(text: string): void };
  /** Set when the command has ended. */
  exitCode?: number | string | null | undefined;
}

/** `argv` without interpreter and script. Resolves when the command has ended; `process.exitCode` says how. */
export async function runWeft(argv: readonly string[], process: WeftProcess): Promise<void> {
  await run(weft, argv, { process });
}
