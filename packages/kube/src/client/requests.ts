// Requests with everything that every call wants: credentials, the rate limit, a second try after 401, waiting as the server asks, metrics.
import type { IncomingMessage } from 'node:http';
import { type Clock, exponentialBackoff, type Random, sleep } from '@weft/core';
import type { ClientMetrics } from './client-metrics.ts';
import type { CredentialSource } from './credentials.ts';
import type { CallOptions } from './kube-client.ts';
import { type BodyReading, parseJson, readText, refusal } from './response-body.ts';
import { retryAfterMs } from './retry-after.ts';
import type { Transport } from './transport.ts';

export interface RequestsOptions {
  readonly transport: Transport;
  readonly credentials: CredentialSource;
  /** Waits until one more request may be sent. */
  readonly admit: ((signal?: AbortSignal) => Promise<void>) | undefined;
  readonly metrics: ClientMetrics | undefined;
  readonly userAgent: string;
  /** Also how long a body may stall. */
  readonly requestTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

export interface ApiCall extends CallOptions {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly accept?: string;
  readonly body?: unknown;
  readonly contentType?: string;
}

export interface Requests {
  /** An answer of 2xx, its body still to be read. Rejects with KubeError. */
  open(call: ApiCall): Promise<IncomingMessage>;
  /** The same, read and parsed. */
  ask(call: ApiCall): Promise<unknown>;
  readingOf(call: Pick<ApiCall, 'method' | 'path'>): BodyReading;
}

const DEFAULT_RETRIES = 5;
/** A server that wants a longer pause than this gives its refusal to the caller. */
const LONGEST_PAUSE_MS = 30_000;

export function createRequests(options: RequestsOptions): Requests {
  const { transport, credentials, admit, metrics, clock, random } = options;

  const once = async ({ method, path, accept, body, contentType, signal }: ApiCall, mayRenew: boolean): Promise<IncomingMessage> => {
    await admit?.(signal);
    const shown = await credentials.current();
    const started = clock.now();
    metrics?.begun();
    let response: IncomingMessage;
    try {
      response = await transport.send({
        method,
        path,
        headers: {
          accept: accept ?? 'application/json',
          'user-agent': options.userAgent,
          ...(shown.authorization === undefined ? {} : { authorization: shown.authorization }),
          ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        cert: shown.cert,
        key: shown.key,
        ...(signal ? { signal } : {}),
      });
    } catch (error) {
      metrics?.failed();
      throw error;
    }
    metrics?.answered(method, response.statusCode ?? 0, clock.now() - started);
    if (response.statusCode !== 401 || !mayRenew || !credentials.refused(shown)) return response;
    response.resume();
    return once(
      { method, path, ...(accept === undefined ? {} : { accept }), body, ...(contentType === undefined ? {} : { contentType }), ...(signal ? { signal } : {}) },
      false,
    );
  };

  const readingOf = ({ method, path }: Pick<ApiCall, 'method' | 'path'>): BodyReading => ({
    what: `${method} ${path.split('?', 1)[0]}`,
    clock,
    stallMs: options.requestTimeoutMs,
  });

  const open = async (call: ApiCall): Promise<IncomingMessage> => {
    // Spread, so that those who were sent away together do not come back together.
    const backoff = exponentialBackoff({ minMs: 50, maxMs: 5000, jitter: 1, random });
    for (let left = call.retries ?? DEFAULT_RETRIES; ; left--) {
      const response = await once(call, true);
      const code = response.statusCode ?? 0;
      if (code >= 200 && code < 300) return response;
      const wait = code === 429 || code >= 500 ? retryAfterMs(response.headers['retry-after'], clock.wall()) : undefined;
      if (wait === undefined || wait > LONGEST_PAUSE_MS || left <= 0) throw await refusal(response, readingOf(call));
      response.resume();
      await sleep(clock, wait + backoff.next(), call.signal);
    }
  };

  return {
    open,
    readingOf,
    async ask(call) {
      const reading = readingOf(call);
      return parseJson(await readText(await open(call), reading), reading.what);
    },
  };
}
