// The DiscoveryPort over the destination API. spec/proxy.md §5.1, §5.2; spec/wire.md, destination.proto.
import {
  type Clock,
  type DiscoveryPort,
  type EndpointSet,
  type ExponentialBackoff,
  type IpNetwork,
  type Logger,
  networkMatcher,
  type Profile,
  parseAuthority,
  parseIp,
  type Random,
  reason,
  silentLogger,
  suffixMatcher,
  systemClock,
  systemRandom,
  type Watch,
  type WatchSource,
} from '@weft/core';
import {
  applyUpdate,
  type DestinationProfile,
  type DestinationUpdate,
  destinationService,
  type GetDestination,
  profileFromWire,
  type RpcChannel,
  RpcCode,
  type RpcError,
  resubscribe,
  type StreamLimits,
} from '@weft/wire';
import { watchCache } from '../watch-cache.ts';

export interface DestinationClientOptions {
  /** Where the destination service is: `grpcChannel` of `@weft/wire` for one address, `balancedChannel` for all replicas. Closed by its owner. */
  readonly channel: RpcChannel;
  /** Opaque text that says who asks, sent with each question; Linkerd's is `{"ns":"…", "nodeName":"…", "pod":"…"}`. Default empty. */
  readonly contextToken?: string;
  /** Networks of which profiles may be looked up. Default none. */
  readonly profileNetworks?: readonly IpNetwork[];
  /** Suffixes of names of which profiles may be looked up; `.` is every name. Default none. */
  readonly profileSuffixes?: readonly string[];
  /** How long a stream may wait for its first message, be silent, and last, each in milliseconds. Default: no limits. */
  readonly streamLimits?: StreamLimits;
  /** Between calls of one target that failed or ended. Default 100 ms – 10 s, jitter 0.1. */
  readonly backoff?: ExponentialBackoff;
  /** Most targets watched at once, of each kind. Beyond it those that are only kept idle make room, then more are rejected (`DISCOVERY_LIMIT`). Default 10 000. */
  readonly maxWatches?: number;
  /** How long a target is kept after its last subscriber left, in milliseconds. Default 0. */
  readonly idleMs?: number;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Spreads the backoff. Default: the system's. */
  readonly random?: Random;
  /** Default: silent. */
  readonly logger?: Logger;
}

/** Calls are made while somebody subscribes; users of one target share one stream. No method throws, no Watch ends by itself. */
export interface DestinationClient extends DiscoveryPort {
  /**
   * `Destination.Get` of `host:port`. `absent`: the service says that it does not exist. The empty set: it has no endpoints. `pending`: not
   * answered yet, by whatever failure. `rejected` with `DISCOVERY_REJECTED`: refused for good (InvalidArgument, FailedPrecondition).
   * `stale`: the stream is away; the first answer of the next one replaces the whole set.
   */
  endpoints(path: string): Watch<EndpointSet>;
  /**
   * `Destination.GetProfile` of `ip:port` or `host:port`. `absent`: outside the networks and suffixes that were given, not asked then; or
   * refused for good before there was any. `stale`: the stream is away, or what was known has been refused since.
   */
  profile(target: string): Watch<Profile>;
  /** Ends every watch; the last known states stay, marked stale. Does not close the channel. Idempotent. */
  close(): void;
}

/** Statuses that say the question itself is wrong. */
const REFUSED: readonly number[] = [RpcCode.INVALID_ARGUMENT, RpcCode.FAILED_PRECONDITION];

/** The discovery client of Linkerd's destination API. spec/proxy.md §5.2. */
export function destinationClient(options: DestinationClientOptions): DestinationClient {
  const { channel, contextToken = '', streamLimits = {}, maxWatches = 10_000, idleMs = 0 } = options;
  const { backoff = { minMs: 100, maxMs: 10_000, jitter: 0.1 }, clock = systemClock(), random = systemRandom, logger = silentLogger } = options;
  const inNetworks = networkMatcher(options.profileNetworks ?? []);
  const hasSuffix = suffixMatcher(options.profileSuffixes ?? []);

  const common = { channel, limits: streamLimits, backoff, clock, random } as const;
  const request = (path: string): GetDestination => ({ path, contextToken });
  const lost = (source: WatchSource<unknown>, call: string, path: string, error: RpcError): void => {
    logger.log('debug', 'a discovery stream ended and will be made anew', { call, path, code: error.code, error: error.message });
    source.stale();
  };

  const startEndpoints = (path: string, source: WatchSource<EndpointSet>): (() => void) => {
    let known: EndpointSet = [];
    let first = true;
    return resubscribe<GetDestination, DestinationUpdate>({
      ...common,
      method: destinationService.Get,
      request: request(path),
      onStart: () => {
        first = true;
      },
      onMessage(update) {
        const applied = applyUpdate(known, update, first);
        if (applied.kind === 'ignored') return;
        first = false;
        known = applied.kind === 'endpoints' ? applied.endpoints : [];
        if (applied.kind === 'endpoints') source.set(known);
        else source.absent();
      },
      onAway: (error) => lost(source, 'Get', path, error),
      isFinal(error) {
        if (!REFUSED.includes(error.code)) return false;
        logger.log('info', 'the control plane refuses to resolve a target', { path, error: error.message });
        source.reject(reason('DISCOVERY_REJECTED', `${path}: ${error.message}`));
        return true;
      },
    });
  };

  const startProfile = (path: string, source: WatchSource<Profile>): (() => void) =>
    resubscribe<GetDestination, DestinationProfile>({
      ...common,
      method: destinationService.GetProfile,
      request: request(path),
      onMessage(message) {
        try {
          source.set(profileFromWire(message));
        } catch (error) {
          logger.log('warn', 'a profile could not be understood; the last one stays in force', { path, error });
        }
      },
      onAway: (error) => lost(source, 'GetProfile', path, error),
      isFinal(error) {
        if (!REFUSED.includes(error.code)) return false;
        // What was known of a target does not become wrong by a refusal: without it, traffic would lose the identity of its endpoint.
        if (source.watch.state.kind === 'value') source.stale();
        else source.absent();
        return true;
      },
    });

  const endpoints = watchCache({ start: startEndpoints, max: maxWatches, idleMs, clock });
  const profiles = watchCache({ start: startProfile, max: maxWatches, idleMs, clock });

  return {
    endpoints: (path): Watch<EndpointSet> => endpoints.get(path),
    profile(target): Watch<Profile> {
      const host = parseAuthority(target)?.host;
      const allowed = host !== undefined && (parseIp(host) ? inNetworks(host) : hasSuffix(host));
      return allowed ? profiles.get(target) : profiles.none;
    },
    close() {
      endpoints.close();
      profiles.close();
    },
  };
}
