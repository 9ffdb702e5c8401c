// How refusals of Certify appear on the wire: the one table of gRPC status codes. spec/control-plane.md §3, "Certify, in order".
import { formatReason, type Reason } from '@weft/core';
import { RpcCode } from '@weft/wire';

/** The step that refused, in the order of the steps. */
export const CERTIFY_STATUS = {
  issuerNotReady: RpcCode.UNAVAILABLE,
  requestInvalid: RpcCode.INVALID_ARGUMENT,
  issuerInvalid: RpcCode.UNKNOWN,
  requestMismatch: RpcCode.FAILED_PRECONDITION,
  reviewUnreachable: RpcCode.INTERNAL,
  reviewRefused: RpcCode.INVALID_ARGUMENT,
  tokenRejected: RpcCode.FAILED_PRECONDITION,
  usernameInvalid: RpcCode.INVALID_ARGUMENT,
  identityMismatch: RpcCode.FAILED_PRECONDITION,
  signingFailed: RpcCode.INTERNAL,
} as const;

export type CertifyStep = keyof typeof CERTIFY_STATUS;

/** A refused Certify: nothing was signed. */
export class CertifyError extends Error {
  override readonly name = 'CertifyError';
  readonly step: CertifyStep;
  readonly reason: Reason;

  /** `message` goes to the client; by default it is the reason's. */
  constructor(step: CertifyStep, reason: Reason, options: ErrorOptions & { readonly message?: string } = {}) {
    super(options.message ?? formatReason(reason), options);
    this.step = step;
    this.reason = reason;
  }

  /** gRPC status code. */
  get status(): number {
    return CERTIFY_STATUS[this.step];
  }
}
