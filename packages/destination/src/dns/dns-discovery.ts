// The DiscoveryPort over DNS, for programs that balance without a control plane: addresses only, without identities, zones or profiles.
// RFC 1035 (A), RFC 3596 (AAAA), RFC 2782 (SRV); the life of answers as in spec/proxy.md §5.3.
import {
  type Clock,
  type DiscoveryPort,
  type EndpointSet,
  type ExponentialBackoff,
  type Logger,
  parseAuthority,
  type Random,
  reason,
  silentLogger,
  systemClock,
  systemRandom,
  type Watch,
  type WatchSource,
} from '@weft/core';
import { watchCache } from '../watch-cache.ts';
import { nextEndpoints } from './endpoints.ts';
import { follow } from './follow.ts';
import { type Resolution, ResolveError, type Resolver, resolver as systemResolver } from './resolver.ts';

export interface DnsDiscoveryOptions {
  /** Default: `/etc/hosts`, then the servers of `/etc/resolv.conf`, whose answers are used for 5 s at least and 300 s at most. */
  readonly resolver?: Resolver;
  /** Between attempts while DNS does not answer. Default 100 ms – 10 s, jitter 0.1. */
  readonly backoff?: ExponentialBackoff;
  /** Most names watched at once. Beyond it those that are only kept idle make room, then more are rejected (`DISCOVERY_LIMIT`). Default 1000. */
  readonly maxWatches?: number;
  /** How long a name is kept after its last subscriber left, in milliseconds. Default 0. */
  readonly idleMs?: number;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Spreads the backoff. Default: the system's. */
  readonly random?: Random;
  /** Default: silent. */
  readonly logger?: Logger;
}

export interface DnsDiscovery extends DiscoveryPort {
  /**
   * Endpoints of `host:port`: the A and AAAA records of the host, both families in one set. Of a service name, such as
   * `_http._tcp.web.example`: the targets of its SRV records, whose ports and weights count; a port of the path does not.
   * `absent`: the name does not exist. The empty set: it exists and has no address. `pending`: DNS has not answered yet.
   * `rejected` with `DISCOVERY_REJECTED`: no such path can be resolved. `stale`: DNS is away, or answered for one half only.
   */
  endpoints(path: string): Watch<EndpointSet>;
  /** DNS knows none: always `absent`. */
  profile(target: string): Watch<never>;
  /** Ends every watch; the last known states stay, marked stale. */
  close(): void;
}

const MAX_TTL_MS = 300_000;
const HOSTS_FILE = '/etc/hosts';

export function dnsDiscovery(options: DnsDiscoveryOptions = {}): DnsDiscovery {
  const { maxWatches = 1_000, idleMs = 0, clock = systemClock(), random = systemRandom, logger = silentLogger } = options;
  const { backoff = { minMs: 100, maxMs: 10_000, jitter: 0.1 }, resolver = systemResolver({ clock, hostsFile: HOSTS_FILE, maxTtlMs: MAX_TTL_MS }) } = options;

  const start = (path: string, source: WatchSource<EndpointSet>): (() => void) => {
    const ask = question(resolver, path);
    if (!ask) {
      source.reject(reason('DISCOVERY_REJECTED', `${path}: neither host:port nor the name of a service, _NAME._tcp.DOMAIN`));
      return () => undefined;
    }
    return follow({
      backoff,
      clock,
      random,
      async attempt(signal) {
        const resolution = await ask(signal);
        if (!signal.aborted) take(source, resolution);
        return resolution.ttlMs;
      },
      onFailure(error, retryInMs) {
        const verdict = error instanceof ResolveError ? error.verdict : 'failed';
        logger.log(verdict === 'failed' ? 'warn' : 'debug', 'a name has no address', { path, verdict, error: error.message, retryInMs: Math.round(retryInMs) });
        if (verdict === 'absent') source.absent();
        else if (verdict === 'empty') source.set(EMPTY);
        else source.stale();
      },
    });
  };

  const watches = watchCache({ start, max: maxWatches, idleMs, clock });
  const none = watchCache<never>({ start: () => () => undefined, max: 0, idleMs: 0, clock }).none;
  return { endpoints: (path) => watches.get(path), profile: () => none, close: () => watches.close() };
}

const EMPTY: EndpointSet = [];

function take(source: WatchSource<EndpointSet>, { addresses, incomplete }: Resolution): void {
  const { state } = source.watch;
  const known = state.kind === 'value' ? state.value : EMPTY;
  source.set(nextEndpoints(known, addresses, incomplete ? 'add' : 'replace'));
  if (incomplete) source.stale();
}

/** What a path asks of DNS; undefined where it asks nothing that DNS could know. */
function question(resolver: Resolver, path: string): ((signal: AbortSignal) => Promise<Resolution>) | undefined {
  const authority = parseAuthority(path);
  if (!authority) return undefined;
  const { host, port } = authority;
  if (!host.includes(':') && !isName(host)) return undefined;
  if (SERVICE.test(host)) return (signal) => resolver.resolveService(host, { signal });
  return port === undefined ? undefined : (signal) => resolver.resolveHost(host, port, { signal });
}

const SERVICE = /^_[^.]+\._[^.]+\./;
const LABEL = /^[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?$/i;

/** As hosts and services are named: with underscores, and perhaps with the dot of the root. */
function isName(host: string): boolean {
  const name = host.replace(/\.$/, '');
  return name.length <= 253 && name.split('.').every((label) => LABEL.test(label));
}
