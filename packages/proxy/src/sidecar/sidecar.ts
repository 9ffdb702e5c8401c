// The running sidecar: configuration → clients → proxy, and its way down. spec/proxy.md §1.5.
import { assertNever, type Clock, formatSocketAddress, type Logger, type MetricRegistry, type Random } from '@weft/core';
import { mappedOriginalDst } from '../accept/mapped-original-dst.ts';
import { proxyProtocol } from '../accept/proxy-protocol/proxy-protocol.ts';
import { tcpDialer } from '../connect/tcp-dialer.ts';
import type { OriginalDst } from '../ports.ts';
import { createProxy, type Proxy } from '../proxy.ts';
import { processRoutes } from './admin-routes.ts';
import type { Config } from './config/config.ts';
import type { OriginalDstSource } from './config/original-dst-syntax.ts';
import type { Environment } from './config/read-variables.ts';
import { unsupportedSettings } from './config/unsupported.ts';
import { namesOf } from './config/variables.ts';
import { controlClients } from './control/control-clients.ts';
import { resolver } from './dns/resolver.ts';
import { nativeTcpOptions } from './native-tcp-options.ts';
import { socketOriginalDst } from './original-dst.ts';
import { proxySettings } from './settings.ts';
import { addressBookDialer, addressBookOriginalDst, readAddressBook } from './watch-address-book.ts';

export interface SidecarOptions {
  readonly config: Config;
  /** Shown by `/env.json`. */
  readonly env: Environment;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
  /** Called when `/shutdown` is used. */
  readonly onShutdown: () => void;
}

export interface Sidecar {
  readonly proxy: Proxy;
  /** Drains, then lets go of the control plane. Idempotent; never rejects. */
  close(): Promise<void>;
  /** Ends everything at once. */
  destroy(): void;
}

/** Resolves when the listeners are bound. Throws where a part cannot be built. */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const { config, env, clock, random, logger, metrics, onShutdown } = options;
  for (const key of unsupportedSettings(config)) logger.log('warn', 'A setting has no effect in this version', { variable: namesOf(key)[0] });
  const book = config.addressBook === undefined ? undefined : readAddressBook({ path: config.addressBook, logger });
  const originalDst = book ? addressBookOriginalDst(book) : originalDstOf(config.originalDst, clock, logger);
  const setTcpOptions = nativeTcpOptions({ logger });
  const tcp = tcpDialer({ clock, setTcpOptions });
  const dial = book ? addressBookDialer(book, tcp) : tcp;
  const clients = controlClients({
    config,
    dial,
    resolver: resolver({ ...config.dns, clock, hosts: book && (() => book.current().hosts) }),
    refresh: book?.book,
    clock,
    random,
    logger,
    metrics,
  });
  const release = (): void => {
    clients.close();
    book?.close();
  };

  let proxy: Proxy | undefined;
  try {
    proxy = createProxy(
      {
        identity: clients.identity,
        discovery: clients.discovery,
        policy: clients.policy,
        originalDst,
        dial,
        setTcpOptions,
        metrics,
        adminRoutes: processRoutes({ env, shutdown: config.admin.shutdownEndpoint ? onShutdown : undefined }),
        clock,
        random,
        logger,
      },
      proxySettings(config, book),
    );
    await proxy.listening;
  } catch (error) {
    proxy?.destroy();
    release();
    throw error;
  }
  const running = proxy;
  announce(running, config, logger);

  let closing: Promise<void> | undefined;
  return {
    proxy: running,
    close() {
      closing ??= running.close().then(release);
      return closing;
    },
    destroy() {
      running.destroy();
      release();
    },
  };
}

function originalDstOf(source: OriginalDstSource, clock: Clock, logger: Logger): OriginalDst {
  switch (source.kind) {
    case 'socket':
      return socketOriginalDst({ onError: (errno) => logger.log('warn', 'an original destination cannot be read', { errno }) });
    case 'proxy-protocol':
      return proxyProtocol({ trusted: source.trusted, clock });
    case 'map':
      return mappedOriginalDst(source.entries);
    default:
      return assertNever(source);
  }
}

/** Says where it listens, and when it is ready; the proxy itself complains while it waits for its certificate. */
function announce(proxy: Proxy, config: Config, logger: Logger): void {
  const { outbound, inbound, admin } = proxy.addresses;
  logger.log('info', 'Listening', {
    outbound: outbound.map(formatSocketAddress),
    inbound: inbound.map(formatSocketAddress),
    admin: admin && formatSocketAddress(admin),
    identity: config.identity.name,
  });
  proxy.ready.then(
    () => logger.log('info', 'Ready', { identity: config.identity.name }),
    (error: unknown) => logger.log('debug', 'closed before it was ready', { error }),
  );
}
