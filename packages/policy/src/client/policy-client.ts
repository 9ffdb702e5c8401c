// The PolicyPort of a proxy over the inbound and outbound policy APIs. spec/proxy.md §5.1, §5.4.
import {
  type ClientPolicy,
  type Clock,
  createWatch,
  type ExponentialBackoff,
  formatSocketAddress,
  type Logger,
  type PolicyPort,
  type PolicyTarget,
  type PortSet,
  type Random,
  reason,
  type ServerPolicy,
  silentLogger,
  systemClock,
  systemRandom,
  type Unsubscribe,
  type WatchSource,
} from '@weft/core';
import {
  clientPolicyFromWire,
  type InboundServer,
  inboundPoliciesService,
  ipToWire,
  type OutboundPolicy,
  outboundPoliciesService,
  type PortSpec,
  type RpcChannel,
  RpcCode,
  type RpcError,
  resubscribe,
  type StreamLimits,
  serverPolicyFromWire,
  type TrafficSpec,
} from '@weft/wire';
import { eagerPorts } from './eager-ports.ts';
import { invalidClientPolicy, invalidServerPolicy } from './invalid-policy.ts';

export interface PolicyClientOptions {
  readonly channel: RpcChannel;
  /** Who this proxy is: opaque text, as the injector wrote it. */
  readonly workload: string;
  /** In force for a port until the control plane answers. */
  readonly defaultPolicy: (port: number) => ServerPolicy;
  /** Ports watched from the start and for ever, as far as they are few (`eager-ports.ts`). Default none. */
  readonly ports?: PortSet;
  /** Protocol detection under an invalid policy, in milliseconds. Default 10 000. */
  readonly detectTimeoutMs?: number;
  /** Default: no limits. */
  readonly streamLimits?: StreamLimits;
  /** Between calls. Default 100 ms – 10 s, jitter 0.1. */
  readonly backoff?: ExponentialBackoff;
  /** Most outbound targets watched at once. Beyond it those that are only kept idle make room, then more are rejected. Default 10 000. */
  readonly maxTargets?: number;
  /** How long a watch is kept after its last subscriber left, in milliseconds. Default 0. */
  readonly idleMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

export interface PolicyClient extends PolicyPort {
  /** Ends every watch; the last known states stay. Does not close the channel. */
  close(): void;
}

const REFUSED: readonly number[] = [RpcCode.INVALID_ARGUMENT, RpcCode.FAILED_PRECONDITION];
/** The control plane has no policy for the target, or does not know the service: an older one. */
const NONE: readonly number[] = [RpcCode.NOT_FOUND, RpcCode.UNIMPLEMENTED];

export function policyClient(options: PolicyClientOptions): PolicyClient {
  const { channel, workload, defaultPolicy, detectTimeoutMs = 10_000, streamLimits = {}, maxTargets = 10_000, idleMs = 0 } = options;
  const { backoff = { minMs: 100, maxMs: 10_000, jitter: 0.1 }, clock = systemClock(), random = systemRandom, logger = silentLogger } = options;
  const outbound = new Map<string, WatchSource<ClientPolicy>>();
  const inbound = new Map<number, WatchSource<ServerPolicy>>();
  const stops = new Set<() => void>();
  let closed = false;

  const common = { channel, limits: streamLimits, backoff, clock, random } as const;
  const lost = (source: WatchSource<unknown>, call: string, target: string | number, error: RpcError): void => {
    logger.log('debug', 'a policy stream ended and will be made anew', { call, target, code: error.code, error: error.message });
    source.stale();
  };
  /** Keeps track of what runs, so that `close` ends it; drops the watch from its cache when it stops. */
  const tracked = <K, T>(cache: Map<K, WatchSource<T>>, key: K, source: WatchSource<T>, begin: () => () => void): (() => void) => {
    if (closed) return () => undefined;
    if (!cache.has(key)) cache.set(key, source);
    const stop = begin();
    stops.add(stop);
    return () => {
      if (cache.get(key) === source) cache.delete(key);
      stops.delete(stop);
      stop();
    };
  };

  const makeRoom = (): boolean => {
    for (const source of outbound.values()) if (source.evict()) return true;
    return false;
  };

  const startOutbound = (target: PolicyTarget, name: string, source: WatchSource<ClientPolicy>): (() => void) =>
    resubscribe<TrafficSpec, OutboundPolicy>({
      ...common,
      method: outboundPoliciesService.Watch,
      request: trafficSpec(workload, target),
      onMessage(message) {
        try {
          source.set(clientPolicyFromWire(message));
        } catch (error) {
          logger.log('warn', 'an outbound policy is invalid; requests to its target fail', { target: name, error });
          source.set(invalidClientPolicy(messageOf(error)));
        }
      },
      onAway: (error) => lost(source, 'Watch', name, error),
      isFinal(error) {
        const none = NONE.includes(error.code);
        if (!none && !REFUSED.includes(error.code)) return false;
        // A policy that was known stays: the fallback would be plaintext to wherever the connection was going.
        if (source.watch.state.kind === 'value') source.stale();
        else if (none) source.absent();
        else source.reject(reason('DISCOVERY_REJECTED', `${name}: ${error.message}`));
        return true;
      },
    });

  const startInbound = (port: number, source: WatchSource<ServerPolicy>): (() => void) =>
    resubscribe<PortSpec, InboundServer>({
      ...common,
      method: inboundPoliciesService.WatchPort,
      request: { workload, port },
      onMessage(message) {
        try {
          source.set(serverPolicyFromWire(message));
        } catch (error) {
          logger.log('warn', 'an inbound policy is invalid; its port admits nobody', { port, error });
          source.set(invalidServerPolicy(messageOf(error), detectTimeoutMs));
        }
      },
      onAway: (error) => lost(source, 'WatchPort', port, error),
      isFinal(error) {
        if (!REFUSED.includes(error.code)) return false;
        logger.log('warn', 'the control plane refuses to say the policy of a port; the last one stays in force', { port, error: error.message });
        return true;
      },
    });

  const client: PolicyClient = {
    outbound(target) {
      const name = target.kind === 'address' ? formatSocketAddress(target.address) : target.authority;
      const key = `${target.kind} ${name}`;
      const known = outbound.get(key);
      if (known) {
        // The order of the map is that of the last use.
        outbound.delete(key);
        outbound.set(key, known);
        return known.watch;
      }
      return createWatch<ClientPolicy>({
        clock,
        idleMs,
        start: (source) => {
          if (outbound.size >= maxTargets && !outbound.has(key) && !makeRoom()) {
            source.reject(reason('DISCOVERY_LIMIT', `${name}: more than ${maxTargets} targets are watched at once`));
            return () => undefined;
          }
          return tracked(outbound, key, source, () => startOutbound(target, name, source));
        },
      }).watch;
    },
    inbound(port) {
      const known = inbound.get(port);
      if (known) return known.watch;
      const source = createWatch<ServerPolicy>({
        clock,
        idleMs,
        start: (own) => tracked(inbound, port, own, () => startInbound(port, own)),
      });
      source.set(defaultPolicy(port));
      return source.watch;
    },
    close() {
      closed = true;
      for (const stop of stops) stop();
      stops.clear();
      for (const unsubscribe of eager) unsubscribe();
    },
  };
  const { ports, left } = eagerPorts(options.ports ?? []);
  if (left > 0) logger.log('warn', 'too many ports to watch their policies from the start; some are watched when the first connection comes', { left });
  const eager: Unsubscribe[] = ports.map((port) => client.inbound(port).subscribe(() => undefined));
  return client;
}

function trafficSpec(sourceWorkload: string, target: PolicyTarget): TrafficSpec {
  if (target.kind === 'authority') return { sourceWorkload, authority: target.authority };
  return { sourceWorkload, addr: { ip: ipToWire(target.address.ip), port: target.address.port } };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
