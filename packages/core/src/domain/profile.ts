// ServiceProfile-shaped knowledge about a target. spec/wire.md, GetProfile.
import type { Endpoint } from './endpoint.ts';
import type { Metadata } from './metadata.ts';

export interface Profile {
  /** Without port; empty for single endpoints and unknown targets. */
  readonly fullyQualifiedName: string;
  readonly opaqueProtocol: boolean;
  readonly routes: readonly ProfileRoute[];
  readonly retryBudget?: RetryBudget | undefined;
  readonly overrides: readonly WeightedTarget[];
  /** The target is this concrete endpoint: no balancing. */
  readonly endpoint?: Endpoint | undefined;
  readonly parent?: Metadata | undefined;
  readonly profile?: Metadata | undefined;
}

export interface RetryBudget {
  readonly retryRatio: number;
  readonly minRetriesPerSecond: number;
  readonly ttlMs: number;
}

/** One branch of a traffic split; weight as on the wire. */
export interface WeightedTarget {
  /** `host:port`. */
  readonly authority: string;
  readonly weight: number;
  readonly backend?: Metadata | undefined;
}

export interface ProfileRoute {
  readonly condition: RequestCondition;
  readonly responseClasses: readonly { readonly condition: ResponseCondition; readonly isFailure: boolean }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly isRetryable: boolean;
  readonly timeoutMs?: number | undefined;
}

export type RequestCondition =
  | { readonly kind: 'all' | 'any'; readonly of: readonly RequestCondition[] }
  | { readonly kind: 'not'; readonly of: RequestCondition }
  | { readonly kind: 'path'; readonly regex: string }
  | { readonly kind: 'method'; readonly method: string };

export type ResponseCondition =
  | { readonly kind: 'all' | 'any'; readonly of: readonly ResponseCondition[] }
  | { readonly kind: 'not'; readonly of: ResponseCondition }
  | { readonly kind: 'status'; readonly min: number; readonly max: number };
