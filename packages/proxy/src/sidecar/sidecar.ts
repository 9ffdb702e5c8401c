// The running sidecar: configuration → clients → proxy, in this thread or in several, and its way down. spec/proxy.md §1.5.
import { type Clock, constantWatch, formatSocketAddress, type Logger, type MetricRegistry, type Random, type SocketAddress } from '@weft/core';
import { resolver } from '@weft/destination/dns';
import type { ProcessLogger } from '@weft/process';
import type { ProxySettings } from '../config.ts';
import type { ProxyPorts } from '../ports.ts';
import { createProxy, type Proxy, type ProxyAddresses } from '../proxy.ts';
import { accessLog } from './access-log.ts';
import { processRoutes } from './admin-routes.ts';
import type { Config } from './config/config.ts';
import type { Environment } from './config/read-variables.ts';
import { DEFAULT_LOG_FILTER } from './config/syntax.ts';
import { unsupportedSettings } from './config/unsupported.ts';
import { namesOf } from './config/variables.ts';
import { controlClients } from './control/control-clients.ts';
import { logLevelRoute } from './log-level.ts';
import { configuredListeners, proxySettings } from './settings.ts';
import { socketCalls } from './socket-calls.ts';
import { socketPorts } from './socket-ports.ts';
import { TapHub } from './tap/tap-hub.ts';
import { startTapListener, type TapListener } from './tap/tap-listener.ts';
import { startWorkers, type WorkerPool } from './workers/worker-pool.ts';

export interface SidecarOptions {
  readonly config: Config;
  /** Shown by `/env.json`. */
  readonly env: Environment;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: ProcessLogger;
  readonly metrics: MetricRegistry;
  /** The program of a worker thread, which calls `proxyWorkerMain`. Absent: everything runs in this thread. */
  readonly workerEntry?: URL | undefined;
  /** Called when `/shutdown` is used. */
  readonly onShutdown: () => void;
  /** Called when a worker thread has failed, and its connections with it: the process should end. */
  readonly onFailed: (error: Error) => void;
}

export interface Sidecar {
  /** Drains, then lets go of the control plane. Idempotent; never rejects. */
  close(): Promise<void>;
  /** Ends everything at once. */
  destroy(): void;
}

/** Resolves when the listeners are bound. Throws where a part cannot be built. */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const { config, env, clock, random, logger, metrics, onShutdown } = options;
  for (const key of unsupportedSettings(config)) logger.log('warn', 'A setting has no effect in this version', { variable: namesOf(key)[0] });
  const { book, ...sockets } = socketPorts(config, clock, logger);
  const clients = controlClients({
    config,
    dial: sockets.dial,
    resolver: resolver({ ...config.dns, clock, hosts: book && (() => book.current().hosts) }),
    refresh: book?.book,
    clock,
    random,
    logger,
    metrics,
  });
  const control = { identity: clients.identity, discovery: clients.discovery, policy: clients.policy };
  const logLevel = logLevelRoute({
    filter: env['LINKERD2_PROXY_LOG'] ?? DEFAULT_LOG_FILTER,
    apply(level) {
      logger.setLevel(level);
      workers?.setLogLevel(level);
    },
  });
  const adminRoutes = [...processRoutes({ env, shutdown: config.admin.shutdownEndpoint ? onShutdown : undefined }), logLevel];
  const tap = config.tap && new TapHub();
  const ports: ProxyPorts = { ...control, ...sockets, ...(tap && { tap }), ...accessLog(config), metrics, adminRoutes, clock, random, logger };
  const settings = proxySettings(config, book);
  let workers: WorkerPool | undefined;
  let proxy: Proxy | undefined;
  let tapListener: TapListener | undefined;
  const destroy = (): void => {
    workers?.destroy();
    proxy?.destroy();
    void tapListener?.close();
    clients.close();
    book?.close();
  };

  try {
    if (config.tap && tap) {
      const listen = book?.listen(config.tap.listen) ?? config.tap.listen;
      const { identity } = control;
      tapListener = await startTapListener({ ...config.tap, listen, hub: tap, identity, setTcpOptions: sockets.setTcpOptions, metrics, clock, logger });
    }
    const start = severalCores(options);
    if (start) {
      const pool = startWorkers({ ...start, config, ports: control, tap, listeners: configuredListeners(config, book), logger, onFailed: options.onFailed });
      workers = pool;
      await pool.listening;
      proxy = createProxy(
        { ...ports, otherMetrics: (retainIdleMs) => pool.count(retainIdleMs), otherBalancers: pool.balancers, otherOutbound: () => pool.addresses.outbound },
        adminOnly(settings),
      );
    } else {
      proxy = createProxy(ports, settings);
    }
    await proxy.listening;
  } catch (error) {
    destroy();
    throw error;
  }
  const running = proxy;
  announce(running, { ...running.addresses, ...workers?.addresses, tap: tapListener?.address }, config, logger);

  const drain = async (): Promise<void> => {
    // The admin listener answers for as long as there is something to be asked about.
    await workers?.close();
    await running.close();
    await tapListener?.close();
    destroy();
  };
  let closing: Promise<void> | undefined;
  return { close: () => (closing ??= drain()), destroy };
}

/** What worker threads need; undefined where there are to be none, or cannot be any. */
function severalCores({ config: { workers }, workerEntry, logger }: SidecarOptions): Pick<Parameters<typeof startWorkers>[0], 'entry' | 'calls'> | undefined {
  if (workers < 2) return undefined;
  const calls = socketCalls();
  if (workerEntry && !('unavailable' in calls)) return { entry: workerEntry, calls };
  const why = 'unavailable' in calls ? `listeners cannot be shared: ${calls.unavailable}` : 'this program has no worker threads';
  logger.log('warn', 'One thread does the work of all workers', { workers, why });
  return undefined;
}

function adminOnly(settings: ProxySettings): ProxySettings {
  const none = { listeners: constantWatch([]) };
  return { ...settings, inbound: { ...settings.inbound, ...none }, outbound: { ...settings.outbound, ...none } };
}

interface Addresses extends ProxyAddresses {
  readonly tap: SocketAddress | undefined;
}

/** Says where it listens, and when it is ready; the proxy itself complains while it waits for its certificate. */
function announce(proxy: Proxy, { outbound, inbound, admin, tap }: Addresses, config: Config, logger: Logger): void {
  logger.log('info', 'Listening', {
    outbound: outbound.map(formatSocketAddress),
    inbound: inbound.map(formatSocketAddress),
    admin: admin && formatSocketAddress(admin),
    tap: tap && formatSocketAddress(tap),
    identity: config.identity.name,
  });
  proxy.ready.then(
    () => logger.log('info', 'Ready', { identity: config.identity.name }),
    (error: unknown) => logger.log('debug', 'closed before it was ready', { error }),
  );
}
