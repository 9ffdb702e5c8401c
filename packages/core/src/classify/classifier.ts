// Decides whether a response counts as a success: by HTTP status, by gRPC code, or by the classes of a ServiceProfile.
// spec/proxy.md §6.5 (classification), §7.7.
import { assertNever } from '../assert-never.ts';
import type { ProfileRoute, ResponseCondition } from '../domain/profile.ts';
import { GRPC_WITHOUT_STATUS, grpcClass, httpClass, parseGrpcStatus, type ResponseClass } from './response-class.ts';

/** Reads one field of a head or of trailers, whatever an engine keeps them in. */
export type FieldLookup<F> = (fields: F, name: string) => string | undefined;

/** Shared by all requests of a rule; pure, and allocates nothing. */
export interface ResponseClassifier {
  /** Once the head is there. Undefined: the end of the stream decides. */
  head<F>(status: number, headers: F, lookup: FieldLookup<F>): ResponseClass | undefined;
  /** At the end of a stream that `head` left open. Trailers are undefined where there are none. */
  end<F>(status: number, trailers: F | undefined, lookup: FieldLookup<F>): ResponseClass;
}

/** The classifiers of a rule: which one judges depends on whether the request is gRPC. */
export interface RuleClassifiers {
  readonly http: ResponseClassifier;
  readonly grpc: ResponseClassifier;
}

export interface StatusRange {
  /** Inclusive. */
  readonly start: number;
  /** Inclusive. */
  readonly end: number;
}

const SERVER_ERRORS: readonly StatusRange[] = [{ start: 500, end: 599 }];

/** Cancelled and what the caller got wrong are no failures of the server. */
const GRPC_FAILURES: readonly number[] = [2, 4, 7, 13, 14, 15];

/** Judges by HTTP status. */
export function httpClassifier(failures: readonly StatusRange[] = SERVER_ERRORS): ResponseClassifier {
  const classOf = (status: number): ResponseClass =>
    httpClass(
      status,
      failures.some(({ start, end }) => status >= start && status <= end),
    );
  return { head: classOf, end: classOf };
}

/** Judges by `grpc-status`, in the head or else in the trailers. A stream that ends without one is a success, shown as Unknown. */
export function grpcClassifier(failures: readonly number[] = GRPC_FAILURES): ResponseClassifier {
  const classOf = <F>(fields: F | undefined, lookup: FieldLookup<F>): ResponseClass | undefined => {
    const code = fields === undefined ? undefined : parseGrpcStatus(lookup(fields, 'grpc-status'));
    return code === undefined ? undefined : grpcClass(code, failures.includes(code));
  };
  return {
    head: (_status, headers, lookup) => classOf(headers, lookup),
    end: (_status, trailers, lookup) => classOf(trailers, lookup) ?? GRPC_WITHOUT_STATUS,
  };
}

const HTTP = httpClassifier();
const GRPC = grpcClassifier();

/** The first class that matches decides; without a match `grpc-status` does where there is one, else the HTTP status. */
export function profileClassifier(classes: ProfileRoute['responseClasses']): ResponseClassifier {
  return {
    head(status, headers, lookup) {
      const match = classes.find(({ condition }) => matches(condition, status));
      return match ? httpClass(status, match.isFailure) : GRPC.head(status, headers, lookup);
    },
    end: (status, trailers, lookup) => (trailers === undefined ? undefined : GRPC.head(status, trailers, lookup)) ?? HTTP.end(status, trailers, lookup),
  };
}

function matches(condition: ResponseCondition, status: number): boolean {
  switch (condition.kind) {
    case 'all':
      return condition.of.every((one) => matches(one, status));
    case 'any':
      return condition.of.some((one) => matches(one, status));
    case 'not':
      return !matches(condition.of, status);
    case 'status':
      return condition.min <= status && status <= condition.max;
    default:
      return assertNever(condition);
  }
}

/** Rules that say nothing of their own. */
export const DEFAULT_CLASSIFIERS: RuleClassifiers = { http: HTTP, grpc: GRPC };

/** Every request of a gRPC route is gRPC, whatever its content type. */
export const GRPC_ROUTE_CLASSIFIERS: RuleClassifiers = { http: GRPC, grpc: GRPC };

/** A route of a ServiceProfile. Without classes of its own it is judged as any other. */
export function profileClassifiers(classes: ProfileRoute['responseClasses']): RuleClassifiers {
  if (classes.length === 0) return DEFAULT_CLASSIFIERS;
  const both = profileClassifier(classes);
  return { http: both, grpc: both };
}

/** Whether a request with this content type is judged as gRPC. */
export function isGrpcContentType(contentType: string | undefined): boolean {
  return contentType?.startsWith('application/grpc') === true;
}
