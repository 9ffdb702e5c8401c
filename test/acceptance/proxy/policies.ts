// Policies as the control plane sends them, in short.
import {
  type Authentication,
  type Backend,
  type ClientPolicy,
  type ClientProtocol,
  type Dispatcher,
  type Distribution,
  defaultMetadata,
  type HttpMatch,
  type HttpProtocol,
  type Metadata,
  type OpaqueProtocol,
  type ServerPolicy,
} from '@weft/core';

const META = defaultMetadata('test');
const EVERYWHERE = [
  { net: { ip: '0.0.0.0', prefix: 0 }, except: [] },
  { net: { ip: '::', prefix: 0 }, except: [] },
];

export function serverPolicy(authentication: Authentication | undefined, kind: 'detect' | 'opaque' = 'detect', timeoutMs = 10_000): ServerPolicy {
  const authorizations = authentication ? [{ metadata: defaultMetadata('test-authz'), networks: EVERYWHERE, authentication }] : [];
  return { metadata: META, protocol: kind === 'opaque' ? { kind, authorizations } : { kind, timeoutMs, routes: [], authorizations } };
}

export const openToAll = (): ServerPolicy => serverPolicy({ kind: 'unauthenticated' });
export const onlyFor = (...identities: string[]): ServerPolicy => serverPolicy({ kind: 'clients', identities, suffixes: [] });
export const onlyMeshed = (kind: 'detect' | 'opaque' = 'detect'): ServerPolicy => serverPolicy({ kind: 'clients', identities: [], suffixes: [[]] }, kind);

export function backend(dispatcher: Dispatcher, metadata: Metadata = META): Backend {
  return { metadata, dispatcher, queue: { capacity: 1, failfastTimeoutMs: 1 } };
}

export function balanced(path: string): Dispatcher {
  return { kind: 'balancer', path, load: { kind: 'peak-ewma', defaultRttMs: 30, decayMs: 10_000 } };
}

export function firstOf(...dispatchers: Dispatcher[]): Distribution {
  return { kind: 'first-available', backends: dispatchers.map((one) => ({ backend: backend(one), filters: [] })) };
}

export interface Rule {
  readonly match?: Partial<HttpMatch>;
  readonly to: Distribution;
}

export function httpProtocol(...rules: Rule[]): HttpProtocol {
  return {
    routes: [
      {
        metadata: defaultMetadata('route'),
        hosts: [],
        rules: rules.map(({ match, to }) => ({
          matches: match ? [{ headers: [], query: [], ...match }] : [],
          filters: [],
          distribution: to,
          timeouts: {},
          allowL5dHeaders: false,
        })),
      },
    ],
  };
}

export function opaqueProtocol(to: Distribution): OpaqueProtocol {
  return { routes: [{ metadata: defaultMetadata('opaque'), rules: [{ filters: [], distribution: to }] }] };
}

/** Detection, and everything to one backend. */
export function detectPolicy(dispatcher: Dispatcher): ClientPolicy {
  const to = firstOf(dispatcher);
  const http = httpProtocol({ to });
  return clientPolicy({ kind: 'detect', timeoutMs: 10_000, opaque: opaqueProtocol(to), http1: http, http2: http });
}

export function clientPolicy(protocol: ClientProtocol): ClientPolicy {
  return { parent: META, protocol };
}
