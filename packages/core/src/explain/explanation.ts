// What explaining a decision gives: plain data, to be shown as JSON. Named things are in words, as reasons and logs have them.
import type { RejectedBy } from '../authorize/authorization-rule.ts';
import type { Filter } from '../domain/match.ts';
import type { Reason } from '../reasons/reason.ts';
import type { Criterion } from '../route/compile-match.ts';
import type { Mismatch } from '../route/predicates.ts';

/** One match of one rule of one route. They are listed in the order of their precedence for the request. */
export interface CandidateExplanation {
  readonly route: string;
  /** Positions in the policy, from 0. */
  readonly rule: number;
  readonly match: number;
  /** What it demands; empty: nothing. */
  readonly wants: readonly string[];
  readonly outcome: 'wins' | 'loses' | 'rejected';
  /** The first thing that does not hold; set where it is rejected. */
  readonly mismatch?: Mismatch | undefined;
}

/** Why the winner comes before the next candidate that holds as well. */
export interface Precedence {
  /** Position of the other in the list of candidates. */
  readonly over: number;
  readonly criterion: 'host' | Criterion | 'order';
  readonly winner: number | string;
  readonly other: number | string;
}

export interface RouteExplanation {
  readonly candidates: readonly CandidateExplanation[];
  /** Absent where there is no winner, or no other. */
  readonly precedence?: Precedence | undefined;
}

export interface FilterExplanation {
  readonly filter: Filter;
  /** What it does to this request, in words. */
  readonly effect: string;
}

export interface BackendExplanation {
  /** As the policy names it. */
  readonly backend: string;
  readonly kind: 'balancer' | 'forward' | 'fail';
  /** The name that is balanced over, the address forwarded to, or why it fails. */
  readonly target: string;
  /** Of random-available distributions: how much of what is available goes here. */
  readonly weight?: number | undefined;
  /** Of the request's chance to come here while all are available, 0 – 1. */
  readonly share: number;
  readonly filters: readonly FilterExplanation[];
}

export interface ReasonExplanation {
  readonly code: Reason['code'];
  /** As `l5d-proxy-error` has it behind the code. */
  readonly text: string;
}

/** `forwarded`: to one of the backends, or to the application. Where backends would differ, one of them takes the request. */
export type Verdict =
  | { readonly kind: 'forwarded' }
  /** By a filter, in place of a backend. */
  | { readonly kind: 'answered'; readonly status: number; readonly reason: ReasonExplanation }
  /** `status`: of the response; absent: the connection is closed. */
  | { readonly kind: 'refused'; readonly status?: number | undefined; readonly reason: ReasonExplanation };

export interface OutboundExplanation extends OutboundDecision {
  readonly direction: 'outbound';
  /** What the traffic is for: usually a Service. */
  readonly parent: string;
  /** What says where the traffic goes. */
  readonly drivenBy: 'policy' | 'profile';
  /** As the policy declares it, or as it is found. */
  readonly protocol: 'http/1' | 'http/2' | 'grpc' | 'tls' | 'opaque';
}

export interface OutboundDecision extends RouteExplanation {
  readonly verdict: Verdict;
  readonly filters: readonly FilterExplanation[];
  readonly distribution?: 'empty' | 'first-available' | 'random-available' | undefined;
  readonly backends: readonly BackendExplanation[];
  readonly timeouts?: { readonly requestMs?: number | undefined; readonly responseMs?: number | undefined; readonly idleMs?: number | undefined } | undefined;
  /** In words; absent: failures are not tried again. */
  readonly retry?: string | undefined;
  /** By `l5d-require-id`: an endpoint with another identity, or none, is refused. */
  readonly requiredIdentity?: string | undefined;
}

export interface AuthorizationExplanation {
  readonly authorization: string;
  readonly outcome: 'admits' | 'rejects' /** An earlier one admitted the client. */ | 'not asked';
  readonly rejectedBy?: RejectedBy | undefined;
  /** What it wants instead. */
  readonly wants?: string | undefined;
}

export interface InboundExplanation extends RouteExplanation {
  readonly direction: 'inbound';
  readonly server: string;
  /** As the policy declares it. */
  readonly protocol: 'detect' | 'http1' | 'http2' | 'grpc' | 'opaque' | 'tls';
  readonly client: string;
  readonly verdict: Verdict;
  readonly authorizations: readonly AuthorizationExplanation[];
  readonly filters: readonly FilterExplanation[];
  /** Those that the request would count against; whether they are exhausted is not known here. */
  readonly rateLimits: readonly { readonly scope: 'total' | 'override' | 'identity'; readonly requestsPerSecond: number }[];
}
