// Running one program to its end, with its input and output as text.
import { spawn } from 'node:child_process';
import { InitError } from '../rules/settings.ts';

/** Runs a program and resolves with its standard output; a failure carries what it printed. */
export type Execute = (argv: readonly string[], input?: string) => Promise<string>;

const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

export const execute: Execute = (argv, input) =>
  new Promise((resolve, reject) => {
    const [program = '', ...args] = argv;
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const output = { out: '', err: '' };
    const collect = (name: 'out' | 'err') => (chunk: Buffer) => {
      output[name] += chunk.toString('utf8');
      if (output[name].length > MAX_OUTPUT_BYTES) child.kill('SIGKILL');
    };
    child.stdout.on('data', collect('out'));
    child.stderr.on('data', collect('err'));
    child.stdin.on('error', () => child.stdin.destroy());
    child.on('error', (cause) => reject(failed(argv, cause.message, cause)));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output.out);
      else reject(failed(argv, `${signal ?? `exit status ${code}`}: ${output.err.trim()}`));
    });
    child.stdin.end(input ?? '');
  });

/** Runs every command inside a network namespace given by path. */
export function inNamespace(path: string, run: Execute = execute): Execute {
  return (argv, input) => run(['nsenter', `--net=${path}`, '--', ...argv], input);
}

function failed(argv: readonly string[], message: string, cause?: Error): InitError {
  return new InitError('COMMAND_FAILED', [`${argv.join(' ')}: ${message}`], cause && { cause });
}
