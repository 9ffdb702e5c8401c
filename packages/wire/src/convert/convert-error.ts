// What is thrown when a message cannot be understood, or a domain value cannot be said on the wire.
import { type Reason, reason } from '@weft/core';

export type ConvertErrorCode =
  /** A required field is absent. */
  | 'FIELD_MISSING'
  /** A list that must not be empty is. */
  | 'LIST_EMPTY'
  /** The value is outside of what the field may hold. */
  | 'VALUE_INVALID'
  /** A oneof is unset, or set to a kind this version does not know. */
  | 'KIND_UNKNOWN'
  /** The wire has no place for this kind of value here. */
  | 'KIND_UNSUPPORTED';

const WHAT: Readonly<Record<ConvertErrorCode, string>> = {
  FIELD_MISSING: 'is missing',
  LIST_EMPTY: 'is empty',
  VALUE_INVALID: 'is not valid',
  KIND_UNKNOWN: 'is of no known kind',
  KIND_UNSUPPORTED: 'cannot be sent here',
};

export class ConvertError extends Error {
  override readonly name = 'ConvertError';
  readonly code: ConvertErrorCode;
  /** Place in the message, such as `protocol.detect.timeout` or `authorizations[0].networks`. */
  readonly path: string;
  readonly value: unknown;

  constructor(code: ConvertErrorCode, path: string, value?: unknown) {
    super(`${path === '' ? 'the message' : path} ${WHAT[code]}${describe(value)}`);
    this.code = code;
    this.path = path;
    this.value = value;
  }

  /** For callers that fall back to an invalid policy and must say why. */
  get reason(): Reason {
    return reason('POLICY_INVALID', this.message);
  }
}

function describe(value: unknown): string {
  if (typeof value === 'string') return `: ${JSON.stringify(value.slice(0, 200))}`;
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' ? `: ${value}` : '';
}
