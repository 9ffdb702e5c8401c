// The load on a proxy: a number of connections, each with a number of requests under way, for a time.

export interface LoadOptions {
  readonly protocol: 'h1' | 'h2';
  readonly port: number;
  readonly connections: number;
  /** Requests under way on each, at most; 1 with HTTP/1.1. */
  readonly streams: number;
  readonly seconds: number;
  /** Requests per second of all connections together. Default: each is sent as soon as there is room. */
  readonly rate?: number;
  /** Unary calls with a small message. Default false: GET. */
  readonly grpc?: boolean;
}

export interface LoadResult {
  /** Answered with 200. */
  readonly requests: number;
  readonly errors: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface LoadGenerator {
  readonly name: string;
  run(options: LoadOptions): Promise<LoadResult>;
}

/** Five bytes before the message: not compressed, eight bytes long. */
export const GRPC_MESSAGE: Uint8Array = Uint8Array.of(0, 0, 0, 0, 8, 0x0a, 6, 0x77, 0x65, 0x61, 0x76, 0x65, 0x72);
export const GRPC_PATH = '/bench.Echo/Call';
