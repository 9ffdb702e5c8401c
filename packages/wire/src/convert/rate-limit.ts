// Local rate limits. Zero is no limit. spec/proxy.md §8.5.
import type { RateLimit } from '@weft/core';
import type { InboundHttpLocalRateLimit } from '../gen/messages.ts';
import { metadataFromWire, metadataToWire } from './metadata.ts';
import { join, optional } from './path.ts';

/** An override keeps its zero, which the limiter takes for none: the limit per identity holds for its clients. */
export function rateLimitFromWire(wire: InboundHttpLocalRateLimit, at: string): RateLimit {
  return {
    metadata: optional(wire.metadata, join(at, 'metadata'), metadataFromWire),
    totalRps: wire.total?.requestsPerSecond || undefined,
    identityRps: wire.identity?.requestsPerSecond || undefined,
    overrides: (wire.overrides ?? []).map(({ limit, clients }) => ({
      identities: (clients?.identities ?? []).map(({ name = '' }) => name),
      rps: limit?.requestsPerSecond ?? 0,
    })),
  };
}

export function rateLimitToWire({ metadata, totalRps, identityRps, overrides }: RateLimit): InboundHttpLocalRateLimit {
  return {
    metadata: metadata && metadataToWire(metadata),
    total: totalRps === undefined ? undefined : { requestsPerSecond: totalRps },
    identity: identityRps === undefined ? undefined : { requestsPerSecond: identityRps },
    overrides: overrides.map(({ identities, rps }) => ({
      limit: { requestsPerSecond: rps },
      clients: { identities: identities.map((name) => ({ name })) },
    })),
  };
}
