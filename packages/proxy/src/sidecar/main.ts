// The main of the proxy process. Exit codes: 0, 1 where it cannot be built, 64 where the configuration is not acceptable.
import { availableParallelism } from 'node:os';
import { createRegistry, systemClock, systemRandom } from '@weft/core';
import { createShutdown, ExitCode, handleSignals, type ProcessLogger } from '@weft/process';
import { checkConfig } from './config/check-config.ts';
import { type ConfigOptions, readConfig } from './config/config.ts';
import { undecodableVariables } from './config/raw-environment.ts';
import { type Environment, formatProblem } from './config/read-variables.ts';
import { DEFAULT_LOG_FILTER, logFilter } from './config/syntax.ts';
import { processLogger } from './process-logger.ts';
import { processMetrics } from './process-metrics.ts';
import { startSidecar } from './sidecar.ts';
import { usage } from './usage.ts';
import { VERSION } from './version.ts';

/** The drain of the proxy keeps to the configured limit; this much more for the admin listener and the rest. */
const SLACK_MS = 2_000;

/**
 * Runs until SIGTERM, SIGINT or /shutdown, and resolves with the exit code. A second signal ends it at once.
 * `workerEntry` is a module that calls `proxyWorkerMain`; without one there are no worker threads.
 */
export async function proxyMain(env: Environment, argv: readonly string[], workerEntry?: URL): Promise<number> {
  const [argument] = argv;
  if (argument === '--version' || argument === '-version') return print(`weft-proxy ${VERSION}\n`);
  if (argument === '--help' || argument === '-help' || argument === '-h') return print(usage());
  const options: ConfigOptions = { env, processors: availableParallelism(), undecodable: undecodableVariables() };
  if (argument === '--check-config' || argument === '-check-config') return check(options, argv.slice(1));
  const result = readConfig(options);
  const logger = loggerOf(env);
  for (const warning of result.warnings) logger.log('warn', formatProblem(warning));
  if (argv.length > 0) logger.log('error', 'the proxy takes no arguments; see --help', { argument });
  if (!result.ok) {
    for (const problem of result.problems) logger.log('error', `Invalid configuration: ${formatProblem(problem)}`);
    return ExitCode.CONFIG;
  }
  if (argv.length > 0) return ExitCode.CONFIG;

  const { config } = result;
  const clock = systemClock();
  const shutdown = createShutdown({ graceMs: config.shutdownGraceMs + SLACK_MS, logger, clock });
  const removeSignals = handleSignals(shutdown);
  // Timers of our clocks do not keep a process alive, and in a drain nothing else may be open for a moment.
  const alive = setInterval(() => undefined, 60_000);
  try {
    const metrics = createRegistry({ clock });
    processMetrics(metrics, clock);
    const onShutdown = (): void => void shutdown.begin('/shutdown');
    let failed = false;
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    // Whoever started this process starts another. What the other workers carry is not waited for: the connections of this one hang meanwhile.
    const onFailed = (): void => {
      failed = true;
      shutdown.force('a worker thread has failed');
      end();
    };
    shutdown.signal.addEventListener('abort', end, { once: true });
    const sidecar = await startSidecar({ config, env, clock, random: systemRandom, logger, metrics, workerEntry, onShutdown, onFailed });
    shutdown.add('proxy', (force) => {
      force.addEventListener('abort', () => sidecar.destroy(), { once: true });
      return sidecar.close();
    });
    if (shutdown.signal.aborted) end();
    await ended;
    await shutdown.begin('done');
    return failed ? ExitCode.FAILED : ExitCode.OK;
  } catch (error) {
    logger.log('error', 'The proxy cannot start', { error });
    return ExitCode.FAILED;
  } finally {
    clearInterval(alive);
    removeSignals();
  }
}

function print(text: string): number {
  process.stdout.write(text);
  return ExitCode.OK;
}

function check(options: ConfigOptions, argv: readonly string[]): number {
  const unknown = argv.find((argument) => argument !== '--json' && argument !== '-json');
  if (unknown !== undefined) {
    process.stderr.write(`--check-config takes no argument but --json, not ${unknown}\n`);
    return ExitCode.CONFIG;
  }
  const { valid, text } = checkConfig({ ...options, json: argv.length > 0 });
  print(text);
  return valid ? ExitCode.OK : ExitCode.CONFIG;
}

/** Made before it is known whether the configuration is good: problems are reported through it. */
function loggerOf(env: Environment): ProcessLogger {
  const filter = logFilter.parse(env['LINKERD2_PROXY_LOG'] ?? DEFAULT_LOG_FILTER);
  const format = env['LINKERD2_PROXY_LOG_FORMAT']?.toUpperCase() === 'JSON' ? 'JSON' : 'PLAIN';
  return processLogger({ level: filter.ok ? filter.value : 'info', format });
}
