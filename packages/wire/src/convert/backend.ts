// Backends and how traffic is distributed over them; the four kinds of routes differ only in their filters. spec/proxy.md §6.4, §7.8.
import type { Backend, Dispatcher, Distribution, Filter, Load, RouteBackend } from '@weft/core';
import type { OutboundBackend, OutboundBackendBalanceP2c } from '../gen/messages.ts';
import { ConvertError } from './convert-error.ts';
import { endpointFromWire, endpointToWire } from './endpoint.ts';
import { metadataFromWire, metadataToWire } from './metadata.ts';
import { each, join, nonEmpty, required, type Wire } from './path.ts';
import { durationFromWire, durationToWire } from './time.ts';

/** Backends of HTTP and gRPC routes have a deprecated `request_timeout` as well, which is not read, as in Linkerd: that of the rule is. */
interface WireRouteBackend<F> {
  readonly backend?: OutboundBackend | null | undefined;
  readonly filters?: readonly F[] | undefined;
}

interface WireWeighted<F> {
  readonly backend?: WireRouteBackend<F> | null | undefined;
  readonly weight?: number | undefined;
}

/** The Distribution messages of all kinds of routes. */
export interface WireDistribution<F> {
  readonly empty?: Record<never, never> | null | undefined;
  readonly firstAvailable?: { readonly backends?: readonly WireRouteBackend<F>[] | undefined } | null | undefined;
  readonly randomAvailable?: { readonly backends?: readonly WireWeighted<F>[] | undefined } | null | undefined;
}

type FilterFrom<F> = (filter: F, at: string) => Filter;

export function distributionFromWire<F>(wire: Wire<WireDistribution<F>>, at: string, filterFrom: FilterFrom<F>): Distribution {
  const { empty, firstAvailable, randomAvailable } = required(wire, at);
  if (firstAvailable) {
    const path = join(at, 'first_available.backends');
    const backends = nonEmpty(firstAvailable.backends, path);
    return { kind: 'first-available', backends: each(backends, path, (backend, where) => routeBackendFromWire(backend, where, filterFrom)) };
  }
  if (randomAvailable) {
    const path = join(at, 'random_available.backends');
    const backends = each(nonEmpty(randomAvailable.backends, path), path, ({ backend, weight = 0 }, where) => ({
      ...routeBackendFromWire(required(backend, join(where, 'backend')), join(where, 'backend'), filterFrom),
      weight,
    }));
    // One that is alone is chosen, whatever its weight.
    if (backends.length > 1 && backends.every(({ weight }) => weight === 0)) throw new ConvertError('VALUE_INVALID', path, 'all weights are zero');
    return { kind: 'random-available', backends };
  }
  if (!empty) throw new ConvertError('KIND_UNKNOWN', join(at, 'kind'));
  return { kind: 'empty' };
}

export function distributionToWire<F>(distribution: Distribution, filterTo: (filter: Filter) => F): WireDistribution<F> {
  const routeBackend = ({ backend, filters }: RouteBackend): WireRouteBackend<F> => ({ backend: backendToWire(backend), filters: filters.map(filterTo) });
  switch (distribution.kind) {
    case 'empty':
      return { empty: {} };
    case 'first-available':
      return { firstAvailable: { backends: distribution.backends.map(routeBackend) } };
    case 'random-available':
      return { randomAvailable: { backends: distribution.backends.map((item) => ({ backend: routeBackend(item), weight: item.weight })) } };
  }
}

function routeBackendFromWire<F>(wire: WireRouteBackend<F>, at: string, filterFrom: FilterFrom<F>): RouteBackend {
  return {
    backend: backendFromWire(required(wire.backend, join(at, 'backend')), join(at, 'backend')),
    filters: each(wire.filters, join(at, 'filters'), filterFrom),
  };
}

function backendFromWire(wire: OutboundBackend, at: string): Backend {
  const { capacity = 0, failfastTimeout } = required(wire.queue, join(at, 'queue'));
  return {
    metadata: metadataFromWire(wire.metadata, join(at, 'metadata')),
    dispatcher: dispatcherFromWire(wire, at),
    queue: { capacity, failfastTimeoutMs: durationFromWire(failfastTimeout, join(at, 'queue.failfast_timeout')) },
  };
}

function backendToWire({ metadata, dispatcher, queue }: Backend): OutboundBackend {
  return {
    metadata: metadataToWire(metadata),
    forward: dispatcher.kind === 'forward' ? endpointToWire(dispatcher.endpoint) : undefined,
    balancer: dispatcher.kind === 'balancer' ? { discovery: { dst: { path: dispatcher.path } }, ...loadToWire(dispatcher.load) } : undefined,
    queue: { capacity: queue.capacity, failfastTimeout: durationToWire(queue.failfastTimeoutMs) },
  };
}

function dispatcherFromWire(wire: OutboundBackend, at: string): Dispatcher {
  if (wire.forward) return { kind: 'forward', endpoint: endpointFromWire(wire.forward, {}, join(at, 'forward')) };
  if (!wire.balancer) return { kind: 'fail', message: 'the backend is of no known kind' };
  const path = join(at, 'balancer');
  const { dst } = required(wire.balancer.discovery, join(path, 'discovery'));
  if (!dst) throw new ConvertError('KIND_UNKNOWN', join(path, 'discovery.kind'));
  return { kind: 'balancer', path: dst.path ?? '', load: loadFromWire(wire.balancer, path) };
}

/** Only the penalty variant has defaults. */
function loadFromWire({ peakEwma, penaltyPeakEwma }: OutboundBackendBalanceP2c, at: string): Load {
  if (peakEwma) {
    const path = join(at, 'peak_ewma');
    return {
      kind: 'peak-ewma',
      defaultRttMs: durationFromWire(peakEwma.defaultRtt, join(path, 'default_rtt')),
      decayMs: durationFromWire(peakEwma.decay, join(path, 'decay')),
    };
  }
  if (!penaltyPeakEwma) throw new ConvertError('KIND_UNKNOWN', join(at, 'load'));
  const path = join(at, 'penalty_peak_ewma');
  const { defaultRtt, decay, penalty, penaltyDecay, maxRetryAfter } = penaltyPeakEwma;
  return {
    kind: 'penalty-peak-ewma',
    defaultRttMs: defaultRtt ? durationFromWire(defaultRtt, join(path, 'default_rtt')) : 30,
    decayMs: decay ? durationFromWire(decay, join(path, 'decay')) : 10_000,
    penaltyMs: penalty ? durationFromWire(penalty, join(path, 'penalty')) : 5_000,
    penaltyDecayMs: penaltyDecay ? durationFromWire(penaltyDecay, join(path, 'penalty_decay')) : 10_000,
    maxRetryAfterMs: maxRetryAfter ? durationFromWire(maxRetryAfter, join(path, 'max_retry_after')) : 300_000,
  };
}

function loadToWire(load: Load): OutboundBackendBalanceP2c {
  const base = { defaultRtt: durationToWire(load.defaultRttMs), decay: durationToWire(load.decayMs) };
  if (load.kind === 'peak-ewma') return { peakEwma: base };
  return {
    penaltyPeakEwma: {
      ...base,
      penalty: durationToWire(load.penaltyMs),
      penaltyDecay: durationToWire(load.penaltyDecayMs),
      maxRetryAfter: durationToWire(load.maxRetryAfterMs),
    },
  };
}
