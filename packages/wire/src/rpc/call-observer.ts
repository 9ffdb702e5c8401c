// What a channel tells of its calls, for metrics. spec/proxy.md §9.2 (control_request_total and its like).

/** How a call ended, as HTTP shows it. */
export interface CallOutcome {
  /** HTTP status; absent when no head arrived. */
  readonly httpStatus?: number | undefined;
  /** gRPC status; absent when none was sent or known. */
  readonly grpcStatus?: number | undefined;
  /** Undefined where the server said how the call ended; else what came in between. */
  readonly error?: 'cancelled' | 'timeout' | 'reset' | 'lost' | 'invalid' | undefined;
}

/** One call. Called synchronously; must not throw. */
export interface CallObserver {
  /** The first part of the answer's body, or its end where there is none. At most once. */
  firstByte(httpStatus: number): void;
  /** Exactly once and last. */
  ended(outcome: CallOutcome): void;
}
