// What candidates know of a Lease. The clocks of others are not believed: a record counts as renewed when it was seen to change.
// As client-go's leader election does; spec/control-plane.md §1.9.
import type { Millis } from '@weft/core';
import type { Lease, LeaseSpec } from '../resources/lease.ts';

export interface ObservedLease {
  readonly lease: Lease;
  /** When this record was first seen here, on the monotonic clock. */
  readonly seenAt: Millis;
}

/** The same record keeps the time when it was first seen. */
export function observe(lease: Lease, before: ObservedLease | undefined, now: Millis): ObservedLease {
  const same = before !== undefined && sameRecord(lease.spec ?? {}, before.lease.spec ?? {});
  return { lease, seenAt: same ? before.seenAt : now };
}

function sameRecord(a: LeaseSpec, b: LeaseSpec): boolean {
  return (
    a.holderIdentity === b.holderIdentity &&
    a.renewTime === b.renewTime &&
    a.acquireTime === b.acquireTime &&
    a.leaseDurationSeconds === b.leaseDurationSeconds &&
    a.leaseTransitions === b.leaseTransitions
  );
}

/** Whether somebody else holds it still, as far as can be told from here. */
export function isHeldByOther({ lease, seenAt }: ObservedLease, identity: string, now: Millis): boolean {
  const { holderIdentity = '', leaseDurationSeconds = 0 } = lease.spec ?? {};
  return holderIdentity !== '' && holderIdentity !== identity && now < seenAt + leaseDurationSeconds * 1000;
}

/** What a candidate writes to take the Lease, or to keep it. */
export function heldSpec(before: LeaseSpec, identity: string, durationMs: Millis, wallMs: Millis): LeaseSpec {
  const now = microTime(wallMs);
  const keeps = before.holderIdentity === identity;
  return {
    ...before,
    holderIdentity: identity,
    leaseDurationSeconds: Math.max(1, Math.round(durationMs / 1000)),
    acquireTime: keeps ? (before.acquireTime ?? now) : now,
    renewTime: now,
    leaseTransitions: (before.leaseTransitions ?? 0) + (keeps || before.holderIdentity === undefined ? 0 : 1),
  };
}

/** What a leader leaves behind, so that nobody has to wait. */
export function releasedSpec(before: LeaseSpec, wallMs: Millis): LeaseSpec {
  const now = microTime(wallMs);
  return { ...before, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
}

/** Kubernetes' MicroTime. */
function microTime(wallMs: Millis): string {
  return new Date(wallMs).toISOString().replace('Z', '000Z');
}
