// The outermost function of a binary: flags, signals, exit codes. spec/proxy.md §1.2, §1.5.
import { type FlagSpec, type FlagValues, parseFlags, renderUsage } from '../flags/parse-flags.ts';
import { ConfigError } from './config-error.ts';
import { createShutdown, type Shutdown, type ShutdownOptions } from './shutdown.ts';
import { handleSignals } from './signals.ts';

/** 0 done, or stopped within the grace period; 1 failed, or cut off; 64 the configuration is not usable. */
export const ExitCode = { OK: 0, FAILED: 1, CONFIG: 64 } as const;

export interface MainContext<S extends FlagSpec> {
  readonly flags: FlagValues<S>;
  /** Names of flags that were given. */
  readonly given: ReadonlySet<keyof S & string>;
  readonly positional: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Begun by SIGTERM and SIGINT, and when `run` fails. */
  readonly shutdown: Shutdown;
}

export interface MainOptions<S extends FlagSpec> {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  /** Default: none but --help and --version. */
  readonly flags?: S;
  /** What follows the flags, for `--help`. Absent: nothing may follow. */
  readonly arguments?: string;
  /**
   * Starts the program. A number ends it with that exit code, after the shutdown steps; nothing means that it runs until it is shut down.
   * Throws ConfigError, or an error with the code CONFIG, for what the user must correct.
   */
  readonly run: (context: MainContext<S>) => Promise<number | void> | number | void;
  /** Grace period and logger of the shutdown. */
  readonly shutdown?: ShutdownOptions;
  /** The world outside; default: this process. */
  readonly world?: MainWorld;
}

export interface MainWorld {
  /** Without interpreter and script. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  out(text: string): void;
  err(text: string): void;
  exit(code: number): void;
  readonly signals: NonNullable<Parameters<typeof handleSignals>[1]>;
}

/** Runs the program to its end and exits. Resolves with the exit code, where `exit` returns. */
export async function runMain<S extends FlagSpec = Record<never, never>>(options: MainOptions<S>): Promise<number> {
  const world = options.world ?? thisProcess();
  const code = await execute(options, world);
  world.exit(code);
  return code;
}

async function execute<S extends FlagSpec>(options: MainOptions<S>, world: MainWorld): Promise<number> {
  const { name, version, run } = options;
  const spec = (options.flags ?? {}) as S;
  const parsed = parseFlags(spec, world.argv, { positional: options.arguments !== undefined });
  if (parsed.kind === 'help') {
    world.out(renderUsage(spec, options));
    return ExitCode.OK;
  }
  if (parsed.kind === 'version') {
    world.out(`${name} ${version}\n`);
    return ExitCode.OK;
  }
  if (parsed.kind === 'errors') return refuse(name, parsed.errors, world);

  const shutdown = createShutdown(options.shutdown);
  const removeSignals = handleSignals(shutdown, world.signals);
  const stopped = new Promise<void>((resolve) => shutdown.signal.addEventListener('abort', () => resolve(), { once: true }));
  // Timers of our clocks do not keep a process alive, and a service may hold nothing else for a moment.
  const alive = setInterval(() => undefined, 60_000);
  try {
    const { values, given, positional } = parsed;
    const running = Promise.resolve(run({ flags: values, given, positional, env: world.env, shutdown }));
    // A start that hangs does not hold up a shutdown.
    const code = await Promise.race([running, stopped]);
    if (typeof code !== 'number') await stopped;
    const outcome = await shutdown.begin('done');
    if (outcome === 'forced') return ExitCode.FAILED;
    return typeof code === 'number' ? code : ExitCode.OK;
  } catch (error) {
    const wanted = shutdown.signal.aborted && error === shutdown.signal.reason;
    await shutdown.begin('failed');
    if (wanted) return ExitCode.OK;
    if (error instanceof ConfigError) return refuse(name, error.errors, world);
    if (isConfiguration(error)) return refuse(name, [error.message], world);
    world.err(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return ExitCode.FAILED;
  } finally {
    clearInterval(alive);
    removeSignals();
  }
}

/** Errors of libraries that say by their code that it is the configuration, such as a kubeconfig that cannot be read. */
function isConfiguration(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'CONFIG';
}

function refuse(name: string, errors: readonly string[], world: MainWorld): number {
  world.err(errors.map((error) => `${name}: ${error}\n`).join(''));
  return ExitCode.CONFIG;
}

function thisProcess(): MainWorld {
  return {
    argv: process.argv.slice(2),
    env: process.env,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    exit: (code) => {
      process.exitCode = code;
      // What was printed may still be on its way into a pipe; what else is open must not hold the process.
      process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
    },
    signals: process,
  };
}
