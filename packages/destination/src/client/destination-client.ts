// The DiscoveryPort of a proxy over the destination API. spec/proxy.md §5.1, §5.2; spec/wire.md, destination.proto.
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
  readonly channel: RpcChannel;
  /** Opaque text that says who asks. Default empty. */
  readonly contextToken?: string;
  /** Networks of which profiles may be looked up. Default none. */
  readonly profileNetworks?: readonly IpNetwork[];
  /** Suffixes of names of which profiles may be looked up; `.` is every name. Default none. */
  readonly profileSuffixes?: readonly string[];
  /** Default: no limits. */
  readonly streamLimits?: StreamLimits;
  /** Between calls. Default 100 ms – 10 s, jitter 0.1. */
  readonly backoff?: ExponentialBackoff;
  /** Most targets watched at once, of each kind. Beyond it those that are only kept idle make room, then more are rejected. Default 10 000. */
  readonly maxWatches?: number;
  /** How long a target is kept after its last subscriber left, in milliseconds. Default 0. */
  readonly idleMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

export interface DestinationClient extends DiscoveryPort {
  /** Ends every watch; the last known states stay, marked stale. Does not close the channel. */
  close(): void;
}

/** Statuses that say the question itself is wrong. */
const REFUSED: readonly number[] = [RpcCode.INVALID_ARGUMENT, RpcCode.FAILED_PRECONDITION];

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
