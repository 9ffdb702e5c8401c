// Profiles. Lenient throughout: a part that cannot be understood is left out, a profile is never rejected. spec/proxy.md §7.7.
import { type Profile, type ProfileRoute, parseAuthority, type RetryBudget, type WeightedTarget } from '@weft/core';
import type { DestinationProfile, DestinationRetryBudget, DestinationRoute, DestinationWeightedDst, MetaMetadata } from '../gen/messages.ts';
import { requestConditionFromWire, requestConditionToWire, responseConditionFromWire, responseConditionToWire } from './condition.ts';
import { endpointFromWire, endpointToWire } from './endpoint.ts';
import { metadataFromWire, metadataToWire } from './metadata.ts';
import { shortestFloat } from './number.ts';
import { lenient, type Wire } from './path.ts';
import { freezeDeep } from './plain-data.ts';
import { durationFromWire, durationToWire, optionalDurationFromWire, optionalDurationToWire } from './time.ts';

/** Branches of weight 0 are kept, as they were sent; a proxy does not use them. */
export function profileFromWire(wire: DestinationProfile): Profile {
  const { endpoint } = wire;
  return freezeDeep({
    fullyQualifiedName: wire.fullyQualifiedName ?? '',
    opaqueProtocol: wire.opaqueProtocol ?? false,
    routes: (wire.routes ?? []).flatMap((route) => routeFromWire(route) ?? []),
    retryBudget: budgetFromWire(wire.retryBudget),
    overrides: (wire.dstOverrides ?? []).flatMap((target) => targetFromWire(target) ?? []),
    endpoint: endpoint ? lenient(() => endpointFromWire(endpoint, {}, 'endpoint')) : undefined,
    parent: metadataOrNone(wire.parentRef),
    profile: metadataOrNone(wire.profileRef),
  });
}

export function profileToWire(profile: Profile): DestinationProfile {
  const { retryBudget } = profile;
  return {
    fullyQualifiedName: profile.fullyQualifiedName,
    opaqueProtocol: profile.opaqueProtocol,
    routes: profile.routes.map(routeToWire),
    retryBudget: retryBudget && {
      retryRatio: retryBudget.retryRatio,
      minRetriesPerSecond: retryBudget.minRetriesPerSecond,
      ttl: durationToWire(retryBudget.ttlMs),
    },
    dstOverrides: profile.overrides.map(({ authority, weight, backend }) => ({ authority, weight, backendRef: backend && metadataToWire(backend) })),
    endpoint: profile.endpoint && endpointToWire(profile.endpoint),
    parentRef: profile.parent && metadataToWire(profile.parent),
    profileRef: profile.profile && metadataToWire(profile.profile),
  };
}

function routeFromWire(wire: DestinationRoute): ProfileRoute | undefined {
  const condition = requestConditionFromWire(wire.condition);
  if (!condition) return undefined;
  return {
    condition,
    responseClasses: (wire.responseClasses ?? []).flatMap(({ condition: match, isFailure = false }) => {
      const response = responseConditionFromWire(match);
      return response ? [{ condition: response, isFailure }] : [];
    }),
    labels: { ...wire.metricsLabels },
    isRetryable: wire.isRetryable ?? false,
    timeoutMs: lenient(() => optionalDurationFromWire(wire.timeout, 'timeout')),
  };
}

function routeToWire(route: ProfileRoute): DestinationRoute {
  return {
    condition: requestConditionToWire(route.condition),
    responseClasses: route.responseClasses.map(({ condition, isFailure }) => ({ condition: responseConditionToWire(condition), isFailure })),
    metricsLabels: route.labels,
    isRetryable: route.isRetryable,
    timeout: optionalDurationToWire(route.timeoutMs),
  };
}

/** A budget out of range counts as none, which means no retries. */
function budgetFromWire(wire: Wire<DestinationRetryBudget>): RetryBudget | undefined {
  if (!wire) return undefined;
  const ttlMs = lenient(() => durationFromWire(wire.ttl, 'ttl')) ?? 0;
  const retryRatio = shortestFloat(wire.retryRatio ?? 0);
  const inRange = ttlMs >= 1_000 && ttlMs <= 60_000 && retryRatio >= 0 && retryRatio <= 1_000;
  return inRange ? { retryRatio, minRetriesPerSecond: wire.minRetriesPerSecond ?? 0, ttlMs } : undefined;
}

function targetFromWire(wire: DestinationWeightedDst): WeightedTarget | undefined {
  const { authority = '', weight = 0 } = wire;
  return parseAuthority(authority) ? { authority, weight, backend: metadataOrNone(wire.backendRef) } : undefined;
}

function metadataOrNone(wire: Wire<MetaMetadata>) {
  return wire ? lenient(() => metadataFromWire(wire)) : undefined;
}
