// The main of the proxy process. Exit codes: 0, 1 where it cannot be built, 64 where the configuration is not acceptable.
import { availableParallelism } from 'node:os';
import { createRegistry, systemClock, systemRandom } from '@weft/core';
import { createLogger, createShutdown, ExitCode, handleSignals, type ProcessLogger } from '@weft/process';
import { checkConfig } from './config/check-config.ts';
import { type ConfigOptions, readConfig } from './config/config.ts';
import { undecodableVariables } from './config/raw-environment.ts';
import { type Environment, formatProblem } from './config/read-variables.ts';
import { logFilter } from './config/syntax.ts';
import { processMetrics } from './process-metrics.ts';
import { startSidecar } from './sidecar.ts';
import { usage } from './usage.ts';
import { VERSION } from './version.ts';

/** The drain of the proxy keeps to the configured limit; this much more for the admin listener and the rest. */
const SLACK_MS = 2_000;

/** Runs until SIGTERM, SIGINT or /shutdown, and resolves with the exit code. A second signal ends it at once. */
export async function proxyMain(env: Environment, argv: readonly string[]): Promise<number> {
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
    const sidecar = await startSidecar({ config, env, clock, random: systemRandom, logger, metrics, onShutdown });
    shutdown.add('proxy', (force) => {
      force.addEventListener('abort', () => sidecar.destroy(), { once: true });
      return sidecar.close();
    });
    await new Promise<void>((resolve) => {
      if (shutdown.signal.aborted) return resolve();
      shutdown.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await shutdown.begin('done');
    return ExitCode.OK;
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
  const filter = logFilter.parse(env['LINKERD2_PROXY_LOG'] ?? 'info');
  const format = env['LINKERD2_PROXY_LOG_FORMAT']?.toUpperCase() === 'JSON' ? 'json' : 'plain';
  return createLogger({ level: filter.ok ? filter.value : 'info', format, name: 'linkerd_app', stamp: 'uptime' });
}
