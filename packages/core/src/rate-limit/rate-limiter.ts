// Which limits a client's requests count against: the total, then its override or the limit per identity. spec/proxy.md §8.5.
import type { InboundClient } from '../authorize/authorization-rule.ts';
import type { RateLimit } from '../domain/server-policy.ts';
import { formatIdentityId, parseIdentityId } from '../names/identity-name.ts';
import { type Reason, reason } from '../reasons/reason.ts';
import type { Buckets } from './buckets.ts';
import { Gcra } from './gcra.ts';

export type RateLimitScope = 'total' | 'override' | 'identity';

/** One limit that a client is subject to. */
export interface AppliedLimit {
  readonly scope: RateLimitScope;
  readonly rps: number;
  /** Who shares its bucket. */
  readonly sharedBy: string;
}

export interface RateLimitDenial extends AppliedLimit {
  /** Always RATE_LIMITED. */
  readonly reason: Reason;
}

/** Asked once per request; never throws. */
export interface RateLimiter {
  /** Counts a request. Undefined: it is admitted. What one limit admitted stays counted there when the next one denies. */
  check(client: InboundClient): RateLimitDenial | undefined;
  /** The limits of this client, in the order in which they are asked, and what is left of each. Takes nothing. */
  explain(client: InboundClient): readonly (AppliedLimit & { readonly available: number })[];
}

export interface RateLimiterOptions {
  readonly limit: RateLimit;
  /** Tells the buckets of this server from those of others. */
  readonly scope: string;
  readonly buckets: Buckets;
}

interface Applied {
  readonly key: string;
  readonly gcra: Gcra;
  readonly denial: RateLimitDenial;
}

/** Compiles once per policy. Undefined: there is nothing to count. */
export function createRateLimiter({ limit, scope, buckets }: RateLimiterOptions): RateLimiter | undefined {
  const apply = (kind: RateLimitScope, rps: number, who: string, sharedBy: string): Applied => ({
    key: `${scope} ${kind} ${rps} ${who}`,
    gcra: new Gcra(rps),
    denial: { scope: kind, rps, sharedBy, reason: reason('RATE_LIMITED', `${NAMES[kind]} of ${rps} requests per second, shared by ${sharedBy}`) },
  });
  const total = limit.totalRps ? apply('total', limit.totalRps, '', 'all clients') : undefined;
  const overrides = compileOverrides(limit, apply);
  const { identityRps } = limit;
  if (!total && overrides.size === 0 && !identityRps) return undefined;

  const limitsOf = (client: InboundClient): readonly Applied[] => {
    const identity = client.tls.kind === 'mesh' && client.tls.identity ? formatIdentityId(client.tls.identity) : '';
    const own = overrides.get(identity) ?? (identityRps ? apply('identity', identityRps, identity, identity || 'all clients without identity') : undefined);
    return [total, own].filter((one) => one !== undefined);
  };
  const known = new WeakMap<InboundClient, readonly Applied[]>();
  const knownOf = (client: InboundClient): readonly Applied[] => {
    let limits = known.get(client);
    if (!limits) known.set(client, (limits = limitsOf(client)));
    return limits;
  };

  return {
    check(client) {
      for (const { key, gcra, denial } of knownOf(client)) if (!buckets.take(key, gcra)) return denial;
      return undefined;
    },
    explain: (client) =>
      knownOf(client).map(({ key, gcra, denial: { scope, rps, sharedBy } }) => ({ scope, rps, sharedBy, available: buckets.available(key, gcra) })),
  };
}

const NAMES: Readonly<Record<RateLimitScope, string>> = { total: 'the total limit', override: 'an override', identity: 'the limit per identity' };

/** An override without a rate is none: the limit per identity holds for its clients. Of two for one identity the later counts. */
function compileOverrides(limit: RateLimit, apply: (kind: RateLimitScope, rps: number, who: string, sharedBy: string) => Applied): Map<string, Applied> {
  const overrides = new Map<string, Applied>();
  for (const { identities, rps } of limit.overrides) {
    if (rps === 0) continue;
    const ids = identities.map((text) => parseIdentityId(text)).filter((id) => id !== undefined);
    const names = ids.map(formatIdentityId);
    const applied = apply('override', rps, names.join(), names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', '));
    for (const name of names) overrides.set(name, applied);
  }
  return overrides;
}
