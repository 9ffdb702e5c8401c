// Credentials from a SPIFFE Workload API such as SPIRE's agent: the IdentityPort of a proxy outside of Kubernetes. spec/proxy.md §3.3.
import {
  type Clock,
  type Credentials,
  createRegistry,
  createWatch,
  type ExponentialBackoff,
  type IdentityPort,
  type Logger,
  type MetricRegistry,
  type Random,
  reasonOf,
  silentLogger,
  systemClock,
  systemRandom,
} from '@weft/core';
import { grpcChannel, type RpcChannel, RpcCode, type RpcError, resubscribe, spiffeWorkloadService, unixDial, type X509SVIDResponse } from '@weft/wire';
import type { IdentityClient } from '../identity-client.ts';
import { refreshMetrics } from '../refresh-metrics.ts';
import { chooseSvid } from './choose-svid.ts';

export interface SpiffeClientOptions {
  /** Path of the agent's Unix socket, or a channel to it. */
  readonly agent: string | RpcChannel;
  /** The own identity, `spiffe://…`: others that the agent offers are left alone. */
  readonly id: string;
  /** SNI under which peers reach this workload. */
  readonly serverName: string;
  /** Trust anchors, DER each (`certificatesFromPem`). What the agent says about trust is not used. */
  readonly anchors: readonly Uint8Array[];
  /** Between subscriptions. Default 100 ms to 1 s, jitter 0.1. */
  readonly backoff?: ExponentialBackoff;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  /** Where the `control_identity_cert_*` metrics go. */
  readonly metrics?: MetricRegistry;
}

const BACKOFF: ExponentialBackoff = { minMs: 100, maxMs: 1_000, jitter: 0.1 };
const MOST_BYTES = 1024 * 1024;

/** Starts at once. The Watch is pending until the first usable certificate; whatever happens afterwards, the last one stays. */
export function spiffeClient(options: SpiffeClientOptions): IdentityClient {
  const { agent, id, serverName, anchors, clock = systemClock(), random = systemRandom, logger = silentLogger } = options;
  const source = createWatch<Credentials>();
  const port: IdentityPort = { name: id, serverName, anchors, credentials: source.watch };
  const metrics = refreshMetrics(options.metrics ?? createRegistry(), clock);
  const channel = typeof agent === 'string' ? agentChannel(agent, clock) : agent;
  let away = false;

  const take = (response: X509SVIDResponse): void => {
    away = false;
    try {
      const credentials = chooseSvid(response, { identity: id, serverName, anchors, now: clock.wall() });
      metrics.refreshed(credentials.expiresAt);
      logger.log('info', 'certified', { identity: id, expires: new Date(credentials.expiresAt).toISOString() });
      source.set(credentials);
    } catch (error) {
      metrics.failed();
      logger.log('warn', 'could not certify', { identity: id, reason: reasonOf(error) });
    }
  };
  const lost = (error: RpcError): void => {
    // An agent that is gone is reported once, not with every attempt.
    logger.log(away ? 'debug' : 'warn', 'the SPIFFE Workload API is away', { identity: id, code: error.code, detail: error.message });
    away = true;
    if (error.code !== RpcCode.OK) metrics.failed();
  };
  const stop = resubscribe({
    channel,
    method: spiffeWorkloadService.FetchX509SVID,
    request: {},
    limits: {},
    backoff: options.backoff ?? BACKOFF,
    clock,
    random,
    onMessage: take,
    onAway: lost,
    isFinal: () => false,
  });
  return {
    ...port,
    close() {
      stop();
      channel.close();
    },
  };
}

/** The subscription keeps the pace; the channel adds nothing to it. */
function agentChannel(path: string, clock: Clock): RpcChannel {
  return grpcChannel({
    target: 'localhost',
    dial: unixDial(path),
    backoff: { minMs: 1, maxMs: 1, jitter: 0 },
    metadata: { 'workload.spiffe.io': 'true' },
    maxMessageBytes: MOST_BYTES,
    clock,
  });
}
