// What a call to an API server can fail with. Kubernetes API conventions, "Response Status Kind".

export interface StatusCause {
  /** Such as FieldValueRequired. */
  readonly reason?: string;
  readonly message?: string;
  /** JSON path of the field, such as `spec.containers[0].image`. */
  readonly field?: string;
}

/** A Kubernetes Status: the body of every refusal. */
export interface Status {
  readonly apiVersion: 'v1';
  readonly kind: 'Status';
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly status: 'Success' | 'Failure';
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly name?: string;
    readonly group?: string;
    readonly kind?: string;
    readonly uid?: string;
    readonly causes?: readonly StatusCause[];
    readonly retryAfterSeconds?: number;
  };
}

export type KubeErrorCode =
  | 'BAD_REQUEST'
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'CONFLICT'
  /** The resourceVersion is older than the server's history: list again. */
  | 'EXPIRED'
  | 'INVALID'
  | 'TOO_MANY_REQUESTS'
  | 'SERVER_ERROR'
  /** The server could not be reached, or the connection broke. */
  | 'UNREACHABLE'
  | 'TIMEOUT'
  /** The server answered something that is not the Kubernetes API. */
  | 'PROTOCOL'
  /** An object is not what its reader needs. */
  | 'UNREADABLE'
  | 'CONFIG';

export interface KubeErrorOptions extends ErrorOptions {
  readonly status?: Status;
  /** How long the server asks to wait before trying again, in milliseconds. */
  readonly retryAfterMs?: number;
}

export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly code: KubeErrorCode;
  /** The server's own answer, where there was one. */
  readonly status: Status | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: KubeErrorCode, message: string, options: KubeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** The server's own word, such as `AlreadyExists`; undefined where there was no Status. */
  get reason(): string | undefined {
    return this.status?.reason;
  }

  /** Which object the refusal is about, and more; undefined where there was no Status. */
  get details(): Status['details'] {
    return this.status?.details;
  }

  /** Every field the server named, for messages to people. */
  get causes(): readonly StatusCause[] {
    return this.status?.details?.causes ?? [];
  }
}

/** The code for a Status. The reason decides where one HTTP status has several meanings. */
export function codeOfStatus(httpStatus: number, reason: string | undefined): KubeErrorCode {
  if (reason === 'AlreadyExists') return 'ALREADY_EXISTS';
  if (reason === 'Expired' || reason === 'Gone') return 'EXPIRED';
  switch (httpStatus) {
    case 401:
      return 'UNAUTHORIZED';
    case 403:
      return 'FORBIDDEN';
    case 404:
      return 'NOT_FOUND';
    case 409:
      return 'CONFLICT';
    case 410:
      return 'EXPIRED';
    case 422:
      return 'INVALID';
    case 429:
      return 'TOO_MANY_REQUESTS';
    case 504:
      return 'TIMEOUT';
    default:
      return httpStatus >= 500 ? 'SERVER_ERROR' : 'BAD_REQUEST';
  }
}
