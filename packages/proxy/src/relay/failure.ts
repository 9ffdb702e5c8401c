// Why a forwarded exchange failed, as a reason. spec/proxy.md §4.6.
import { type Reason, ReasonError, reason } from '@weft/core';
import type { ForwardFailure } from '@weft/http';

/** `at` names the endpoint. */
export function failureReason(failure: ForwardFailure, at: string): Reason {
  switch (failure.kind) {
    case 'connect':
      return failure.error instanceof ReasonError ? failure.error.reason : reason('CONNECT_FAILED', `${at}: ${failure.error.message}`);
    case 'closed':
      return reason('UPSTREAM_CLOSED', `${at}: ${failure.error.message}`);
    case 'protocol':
      return reason('UPSTREAM_PROTOCOL_ERROR', `${at}: ${failure.error.message}`);
    case 'reset':
      return reason('UPSTREAM_RESET', `${at}: HTTP/2 code ${failure.code}`);
  }
}
