// The channel to one control-plane service: its name followed in DNS, calls balanced over its addresses, all of it measured.
// spec/proxy.md §1.4, §5.3.
import {
  type Clock,
  type ExponentialBackoff,
  formatSocketAddress,
  type Logger,
  type MetricRegistry,
  type Millis,
  type Random,
  ReasonError,
  type Watch,
} from '@weft/core';
import type { Resolver } from '@weft/destination/dns';
import { watchName } from '@weft/destination/dns';
import type { TlsClient } from '@weft/tls';
import { balancedChannel, type RpcChannel } from '@weft/wire';
import type { Dialer, TcpOptions } from '../../ports.ts';
import type { ControlAddress } from '../config/rules.ts';
import { VERSION } from '../version.ts';
import { controlDialer } from './control-dialer.ts';
import { type ControlService, controlMetrics } from './control-metrics.ts';

export interface ControlChannelOptions {
  readonly service: ControlService;
  readonly address: ControlAddress;
  readonly resolver: Resolver;
  /** Each change makes the name be resolved at once. */
  readonly refresh?: Watch<unknown> | undefined;
  readonly dial: Dialer;
  readonly tls: TlsClient;
  readonly connectTimeoutMs: Millis;
  readonly tcp?: TcpOptions | undefined;
  readonly backoff: ExponentialBackoff;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
}

const FAILFAST_MS = 30_000;
const QUEUE_CAPACITY = 1_000;
/** Every watch is a stream for as long as it lasts: where a controller limits them, further ones must not wait for others to end. */
const MAX_CONNECTIONS = 100;
/** For peers behind a proxy. A controller in the own pod is asked nothing: grpc-go counts frequent PINGs as an attack. */
const KEEP_ALIVE = { intervalMs: 10_000, timeoutMs: 3_000 };

export function controlChannel(options: ControlChannelOptions): RpcChannel {
  const { service, address, backoff, clock, random, metrics: registry } = options;
  const { host, port, authority, loopback } = address.target;
  const logger = options.logger.child({ service });
  const metrics = controlMetrics({ registry, service, address, failfastMs: FAILFAST_MS, clock });
  return balancedChannel({
    authority,
    addresses: watchName({ resolver: options.resolver, host, port, backoff, refresh: options.refresh, onLookup: metrics.onLookup, clock, random, logger }),
    dial: controlDialer({ ...options, serverName: address.serverName }),
    backoff,
    keepAlive: loopback ? undefined : KEEP_ALIVE,
    queueCapacity: QUEUE_CAPACITY,
    maxConnections: MAX_CONNECTIONS,
    failfastMs: FAILFAST_MS,
    userAgent: `weft-proxy/${VERSION}`,
    onConnectFailed(to, error) {
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
      logger.log('warn', 'a control-plane service cannot be connected', {
        authority,
        address: formatSocketAddress(to),
        reason: cause instanceof ReasonError ? cause.reason.code : undefined,
        error: error instanceof Error ? error.message : String(error),
      });
    },
    observer: metrics.balance,
    observeCall: metrics.call,
    clock,
    random,
  });
}
