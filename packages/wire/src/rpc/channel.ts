// Calling a gRPC server, as a port: clients of the control plane know only this. `grpcChannel` implements it over HTTP/2.
import type { MethodDefinition } from '@grpc/grpc-js';

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Default: none. */
  readonly timeoutMs?: number;
}

/** One logical connection to one service; reconnects by itself. Methods reject (or throw while iterating) only with RpcError. */
export interface RpcChannel {
  unary<Request, Response>(method: MethodDefinition<Request, Response>, request: Request, options?: CallOptions): Promise<Response>;
  /** Ends without error when the server ended the stream with OK. Leaving the loop cancels the call. */
  serverStream<Request, Response>(method: MethodDefinition<Request, Response>, request: Request, options?: CallOptions): AsyncIterable<Response>;
  close(): void;
}

/** gRPC status codes by name. https://github.com/grpc/grpc/blob/master/doc/statuscodes.md */
export const RpcCode = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** A call that ended with a status other than OK. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
