// Endpoints whose connections a test makes: those of HTTP over an engine that only dials, those of TCP.

import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { createRegistry, type Endpoint, type ManualClock, plainEndpoint, seeded } from '@weft/core';
import type { HttpEngine } from '@weft/http';
import type { EndpointDialer } from '../src/connect/endpoint-dialer.ts';
import { HttpEndpoint } from '../src/connect/http-endpoint.ts';
import { TcpEndpoint } from '../src/connect/tcp-endpoint.ts';
import { httpMetrics } from '../src/observe/http-metrics.ts';

export const ENDPOINT: Endpoint = plainEndpoint({ ip: '10.42.0.5', port: 8080 });

export interface FakeEndpointOptions {
  readonly clock: ManualClock;
  /** Default: never comes to an end. */
  readonly dial?: () => Promise<Socket>;
  readonly endpoint?: Endpoint;
  /** Default `http/1`, for which nothing is dialled ahead. */
  readonly protocol?: 'http/1' | 'http/2';
  /** Default true. */
  readonly balanced?: boolean;
  readonly changed?: () => void;
}

/** What both sides of a socket have in common with it. */
export function fakeSocket(): Socket {
  return new PassThrough() as unknown as Socket;
}

const BACKOFF = { minMs: 100, maxMs: 60_000, jitter: 0 };
const NOTHING = (): void => undefined;
const dialerOf = ({ dial = () => new Promise<Socket>(NOTHING) }: FakeEndpointOptions): EndpointDialer => ({
  refuses: () => undefined,
  isLocal: () => false,
  dial,
});

/** Upstreams of it carry nothing. Their `connect` dials, in both versions. */
const engine: HttpEngine = {
  name: 'dials',
  serve() {
    throw new Error('it serves nobody');
  },
  upstream: ({ dial }) => ({ inFlight: 0, connect: () => dial().then(NOTHING), close: NOTHING, destroy: NOTHING }),
};

export function fakeHttpEndpoint(options: FakeEndpointOptions): HttpEndpoint {
  const { clock, endpoint = ENDPOINT, protocol = 'http/1', balanced = true, changed = NOTHING } = options;
  const metrics = httpMetrics(createRegistry({ clock }));
  return new HttpEndpoint(
    { engine, dialer: dialerOf(options), metrics, backoff: BACKOFF, poolIdleMs: 1, maxIdle: 1, http2: {}, clock, random: seeded(1) },
    { endpoint, protocol, balanced, labels: {}, onConnected: NOTHING, onFailed: NOTHING, breaker: undefined, changed, closed: NOTHING },
  );
}

export function fakeTcpEndpoint(options: FakeEndpointOptions): TcpEndpoint {
  const { clock, endpoint = ENDPOINT, balanced = true, changed = NOTHING } = options;
  return new TcpEndpoint({
    endpoint,
    balanced,
    dialer: dialerOf(options),
    onConnected: NOTHING,
    onFailed: NOTHING,
    backoff: BACKOFF,
    clock,
    random: seeded(1),
    changed,
  });
}
