// Keeps a workload certified: the IdentityPort of a proxy. spec/proxy.md §3.3.
import { readFile } from 'node:fs/promises';
import {
  type Clock,
  type Credentials,
  createRegistry,
  createWatch,
  type IdentityPort,
  type Logger,
  type MetricRegistry,
  ReasonError,
  reason,
  silentLogger,
  sleep,
  systemClock,
} from '@weft/core';
import { type CertifyRequest, identityService, type RpcChannel } from '@weft/wire';
import type { KeyAndRequest } from '../authority/key-and-request.ts';
import { acceptAnswer } from './accept-answer.ts';
import { loadOrCreateKey } from './key-files.ts';
import { refreshDelayMs } from './refresh-delay.ts';
import { refreshMetrics } from './refresh-metrics.ts';

export interface IdentityClientOptions {
  /**
   * To the identity service. Given as a function, it gets the port that is being built: its anchors verify the service, and
   * its credentials are shown to it once there are any.
   */
  readonly channel: RpcChannel | ((identity: IdentityPort) => RpcChannel);
  /** The identity to be certified, a DNS name. */
  readonly localName: string;
  /** SNI under which peers reach this workload. Default: `localName`. */
  readonly serverName?: string | undefined;
  /** Holds `key.p8` and `csr.der` (DER); they are used when both are there, else created. Default: kept in memory alone. */
  readonly dir?: string | undefined;
  /** Bearer token, read again for each request. */
  readonly tokenFile: string;
  /** Trust anchors, DER each (`certificatesFromPem`). */
  readonly anchors: readonly Uint8Array[];
  /** Shortest time between two requests, in milliseconds. Default 10 s. */
  readonly minRefreshMs?: number;
  /** Longest time between two requests, in milliseconds. Default 24 h. */
  readonly maxRefreshMs?: number;
  /** Time for one request, in milliseconds. Default 10 s. */
  readonly requestTimeoutMs?: number;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Where the `control_identity_cert_*` metrics go. */
  readonly metrics?: MetricRegistry;
}

export interface IdentityClient extends IdentityPort {
  /** Stops renewing; the last credentials stay. Closes the channel. Idempotent. */
  close(): void;
}

const MIN_REFRESH_MS = 10_000;
const MAX_REFRESH_MS = 86_400_000;
const REQUEST_TIMEOUT_MS = 10_000;

/** Starts at once. The Watch is pending until the first certificate; a failed renewal keeps the last one. */
export function identityClient(options: IdentityClientOptions): IdentityClient {
  const { localName, serverName = localName, anchors, clock = systemClock(), logger = silentLogger } = options;
  const bounds = { minRefreshMs: options.minRefreshMs ?? MIN_REFRESH_MS, maxRefreshMs: options.maxRefreshMs ?? MAX_REFRESH_MS };
  const source = createWatch<Credentials>();
  const port: IdentityPort = { name: localName, serverName, anchors, credentials: source.watch };
  const channel = typeof options.channel === 'function' ? options.channel(port) : options.channel;
  const metrics = refreshMetrics(options.metrics ?? createRegistry(), clock);
  const stopped = new AbortController();
  let keys: KeyAndRequest | undefined;

  async function certify(): Promise<Credentials> {
    keys ??= await loadOrCreateKey(options.dir, localName);
    const token = await readFile(options.tokenFile);
    if (token.length === 0) throw new ReasonError(reason('TOKEN_INVALID', `${options.tokenFile} is empty`));
    const request: CertifyRequest = { identity: localName, token, certificateSigningRequest: keys.request };
    const timeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    const answer = await channel.unary(identityService.Certify, request, { signal: stopped.signal, timeoutMs });
    return acceptAnswer(answer, keys.key, { identity: localName, serverName, anchors, now: clock.wall() });
  }

  async function run(): Promise<void> {
    let expiresAt = 0;
    while (!stopped.signal.aborted) {
      try {
        const credentials = await certify();
        if (stopped.signal.aborted) return;
        expiresAt = credentials.expiresAt;
        metrics.refreshed(expiresAt);
        logger.log('info', 'certified', { identity: localName, expires: new Date(expiresAt).toISOString() });
        source.set(credentials);
      } catch (error) {
        if (stopped.signal.aborted) return;
        metrics.failed();
        const refusal = error instanceof ReasonError ? error : new ReasonError(reason('CERTIFY_FAILED', messageOf(error)), { cause: error });
        logger.log('warn', 'could not certify', { identity: localName, reason: refusal.reason });
      }
      await sleep(clock, refreshDelayMs(expiresAt, clock.wall(), bounds), stopped.signal).catch(() => undefined);
    }
  }

  void run();
  return {
    ...port,
    close() {
      if (stopped.signal.aborted) return;
      stopped.abort();
      channel.close();
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
