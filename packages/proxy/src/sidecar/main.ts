// The main of the proxy process. Exit codes: 0, 1 where it cannot be built, 64 where the configuration is not acceptable.
import { availableParallelism } from 'node:os';
import { createRegistry, systemClock, systemRandom } from '@weft/core';
import { createLogger, type ProcessLogger } from '@weft/process';
import { readConfig } from './config/config.ts';
import { LOG_FILTER, levelOf } from './config/log-filter.ts';
import { type Environment, formatProblem } from './config/read-variables.ts';
import { startSidecar } from './sidecar.ts';
import { usage } from './usage.ts';
import { VERSION } from './version.ts';

const EX_OK = 0;
const EX_FAILED = 1;
const EX_USAGE = 64;

/** The target that this program's records have in LINKERD2_PROXY_LOG. */
const LOG_TARGET = 'linkerd_app';

/** Runs until SIGTERM, SIGINT or /shutdown, and resolves with the exit code. A second signal ends it at once. */
export async function proxyMain(env: Environment, argv: readonly string[]): Promise<number> {
  const [argument] = argv;
  if (argument === '--version' || argument === '-version') return print(`weft-proxy ${VERSION}\n`);
  if (argument === '--help' || argument === '-help' || argument === '-h') return print(usage());
  const result = readConfig({ env, processors: availableParallelism() });
  const logger = loggerOf(env);
  for (const warning of result.warnings) logger.log('warn', formatProblem(warning));
  if (argv.length > 0) logger.log('error', 'the proxy takes no arguments; see --help', { argument });
  if (!result.ok) {
    for (const problem of result.problems) logger.log('error', `Invalid configuration: ${formatProblem(problem)}`);
    return EX_USAGE;
  }
  if (argv.length > 0) return EX_USAGE;

  const { config } = result;
  const stop = stopSignals(logger);
  try {
    const clock = systemClock();
    const metrics = createRegistry({ clock });
    const sidecar = await startSidecar({ config, env, clock, random: systemRandom, logger, metrics, onShutdown: () => stop.request('/shutdown') });
    void stop.again.then(() => sidecar.destroy());
    await stop.requested;
    logger.log('info', 'Shutting down', { graceMs: config.shutdownGraceMs });
    await Promise.race([sidecar.close(), stop.again]);
    return EX_OK;
  } catch (error) {
    logger.log('error', 'The proxy cannot start', { error });
    return EX_FAILED;
  } finally {
    stop.release();
  }
}

function print(text: string): number {
  process.stdout.write(text);
  return EX_OK;
}

/** Made before it is known whether the configuration is good: problems are reported through it. */
function loggerOf(env: Environment): ProcessLogger {
  const filter = LOG_FILTER.parse(env['LINKERD2_PROXY_LOG'] ?? 'warn,linkerd=info');
  const format = env['LINKERD2_PROXY_LOG_FORMAT']?.toUpperCase() === 'JSON' ? 'json' : 'plain';
  return createLogger({ level: filter.ok ? levelOf(filter.value, LOG_TARGET) : 'info', format, name: LOG_TARGET, stamp: 'uptime' });
}

interface Stop {
  /** Resolves with the first request. */
  readonly requested: Promise<void>;
  /** Resolves with the second signal. */
  readonly again: Promise<void>;
  request(source: string): void;
  release(): void;
}

function stopSignals(logger: ProcessLogger): Stop {
  let first: () => void = () => undefined;
  let second: () => void = () => undefined;
  const requested = new Promise<void>((resolve) => (first = resolve));
  const again = new Promise<void>((resolve) => (second = resolve));
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    logger.log('info', 'received a signal', { signal });
    if (++signals > 1) second();
    first();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return {
    requested,
    again,
    request(source) {
      logger.log('info', 'shutdown was requested', { source });
      first();
    },
    release() {
      process.off('SIGTERM', onSignal);
      process.off('SIGINT', onSignal);
    },
  };
}
