// Where a plan sends requests or connections, as they see it.
import type { QueueEntry, Reason } from '@weft/core';
import type { Dispatch, PenaltyRules } from '@weft/core/balance';
import type { HttpEndpoint } from '../connect/http-endpoint.ts';
import type { TcpEndpoint } from '../connect/tcp-endpoint.ts';
import type { MemberStatus } from './pool-member.ts';

/** A request or connection that needs an endpoint. */
export interface Waiter<M> extends QueueEntry {
  start(member: M, dispatch: Dispatch): void;
}

/** Where requests or connections of one backend go. */
export interface PoolBackend<M> {
  readonly available: boolean;
  submit(waiter: Waiter<M>): void;
  /** The penalty rules of its balancer, where it has some. */
  readonly penalty?: PenaltyRules | undefined;
  /** The name that is balanced over; undefined where requests are forwarded to one endpoint without balancing. */
  readonly authority: string | undefined;
  /** Its endpoints and what waits for them, now. */
  snapshot(): PoolSnapshot;
}

export type HttpBackend = PoolBackend<HttpEndpoint>;
export type TcpBackend = PoolBackend<TcpEndpoint>;

/** A pool at one moment, for people and tools. */
export interface PoolSnapshot {
  readonly name: string;
  /** Whether rules with several backends take it for usable. */
  readonly available: boolean;
  /**
   * `shut`: what comes fails at once, because no endpoint became ready in time or the name is not resolved. `unused`: nothing has come
   * yet, so that endpoints are not asked for. `resolving`: they are not known yet.
   */
  readonly gate: 'open' | 'shut' | 'unused' | 'resolving';
  /** Why the gate is shut. */
  readonly why: Reason | undefined;
  /** Why what comes now is refused at once. */
  readonly refusal: Reason | undefined;
  readonly waiting: number;
  readonly endpoints: readonly EndpointSnapshot[];
}

export interface EndpointSnapshot extends MemberStatus {
  /** What the balancer compares: the estimate in milliseconds times one more than `pending`. */
  readonly load: number;
  /** Requests under way whose response has not begun. */
  readonly pending: number;
}

/** A backend that policy says cannot work. */
export function failing<M>(why: Reason): PoolBackend<M> {
  return {
    available: true,
    submit: (waiter) => waiter.refuse(why),
    authority: undefined,
    snapshot: () => ({ name: 'invalid', available: true, gate: 'shut', why, refusal: why, waiting: 0, endpoints: [] }),
  };
}
