// One endpoint as its balancer sees it, and what is shown of it.
import type { Millis, Reason } from '@weft/core';

/** The connection side of one endpoint. Whoever made it is told of every change of `ready` or `hopeless`. */
export interface PoolMember {
  readonly ready: boolean;
  /** Why waiting for it is of no use, while that is so: it proved to be somebody else. */
  readonly hopeless: Reason | undefined;
  readonly status: MemberStatus;
  /** No new work; ends when what is in flight is done. */
  close(): void;
}

/** `shut` and `probation` are of its circuit breaker; `connecting` is also what waits for the next attempt. */
export type MemberState = 'ready' | 'connecting' | 'shut' | 'probation';

export interface MemberStatus {
  readonly address: string;
  readonly state: MemberState;
  /** Why the last attempt to connect failed, or why it is ejected. */
  readonly lastError: Reason | undefined;
  /** Monotonic time since which it is in this state. */
  readonly since: Millis;
}

/** A peer that proved another identity, or none that is trusted, will not become ready by waiting. */
export function isHopeless(why: Reason | undefined): boolean {
  return why?.code === 'TLS_PEER_NAME_MISMATCH' || why?.code === 'TLS_PEER_UNTRUSTED' || why?.code === 'TLS_PEER_EXPIRED';
}
