// Whether a response was a success, as metrics, breakers and retries see it. spec/proxy.md §6.5 (classification), §9.2 (labels).

/** One of a few shared objects: classes are compared and counted, never built per response. */
export interface ResponseClass {
  readonly failure: boolean;
  /** Label value where the exchange broke before its end: `timeout`, `h2(REFUSED_STREAM)` or `unclassified`. */
  readonly error?: string | undefined;
  /** The code that decided; absent where HTTP or a profile did. 2 (Unknown) also where a gRPC response ended without one. */
  readonly grpcStatus?: number | undefined;
  /** 429 or RESOURCE_EXHAUSTED: asks for less, whether or not it counts as a failure. */
  readonly rateLimited: boolean;
}

const GRPC_UNKNOWN = 2;
const GRPC_RESOURCE_EXHAUSTED = 8;
const GRPC_CODES = 17;
const TOO_MANY_REQUESTS = 429;

const httpClasses = [false, true].map((failure) => [false, true].map((rateLimited): ResponseClass => ({ failure, rateLimited })));
const grpcClasses = [false, true].map((failure) =>
  Array.from({ length: GRPC_CODES }, (_, grpcStatus): ResponseClass => ({ failure, grpcStatus, rateLimited: grpcStatus === GRPC_RESOURCE_EXHAUSTED })),
);

/** A response judged by its HTTP status. */
export function httpClass(status: number, failure: boolean): ResponseClass {
  return httpClasses[Number(failure)]?.[Number(status === TOO_MANY_REQUESTS)] ?? UNCLASSIFIED;
}

/** A response judged by its gRPC code, 0 – 16. */
export function grpcClass(code: number, failure: boolean): ResponseClass {
  return grpcClasses[Number(failure)]?.[code] ?? UNCLASSIFIED;
}

/** The code of a `grpc-status` field; undefined where there is none or it is no number. Codes that do not exist are Unknown. */
export function parseGrpcStatus(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,5}$/.test(text)) return undefined;
  const code = Number(text);
  return code < GRPC_CODES ? code : GRPC_UNKNOWN;
}

/** The class of a gRPC response that ended without a code. */
export const GRPC_WITHOUT_STATUS: ResponseClass = grpcClass(GRPC_UNKNOWN, false);

const broken = (error: string): ResponseClass => ({ failure: true, error, rateLimited: false });

/** A response timeout of the route's policy or profile. */
export const TIMED_OUT: ResponseClass = broken('timeout');
/** The connection broke, or what came could not be understood. */
export const UNCLASSIFIED: ResponseClass = broken('unclassified');

/** RFC 9113 §7, by code. */
const H2_CODES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
].map((name) => broken(`h2(${name})`));
/** Codes are 32 bits of the peer's choice, and labels must stay few. */
const H2_OTHER = broken('h2(UNKNOWN)');

/** An HTTP/2 stream that was reset with this code. */
export function resetClass(code: number): ResponseClass {
  return H2_CODES[code] ?? H2_OTHER;
}
