// Runs the command with given arguments, in this process or in a test.
import { run, ExitCode as Stricli } from '@stricli/core';
import { ExitCode } from '@weft/process';
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
  // What the user must correct ends every program of the mesh with the same status.
  if (process.exitCode === Stricli.InvalidArgument || process.exitCode === Stricli.UnknownCommand) process.exitCode = ExitCode.CONFIG;
}
