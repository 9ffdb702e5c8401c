// What a request asks for by headers of its own, as the proxy reads them. spec/proxy.md §4.4, §7.6.

import { formatSocketAddress } from '../address/socket-address.ts';
import type { GrpcRetryConditions, HttpRetryConditions, HttpRule, Retry } from '../domain/client-policy.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { formatIdentityId } from '../names/identity-name.ts';
import { type Reason, reason } from '../reasons/reason.ts';
import { type TakeOption, takeRetryOptions, takeTimeoutOptions } from '../retry/request-options.ts';
import { grpcRetryPolicy, httpRetryPolicy, type RetryPolicy } from '../retry/retry-policy.ts';
import type { RoutedRequest } from '../route/request-view.ts';
import type { OutboundDecision } from './explanation.ts';

const REQUIRE_ID = 'l5d-require-id';

/** The identity that a request demands of its endpoint; routes do not see it. */
export function takeRequiredIdentity(request: RoutedRequest): { readonly request: RoutedRequest; readonly requiredIdentity: string | undefined } {
  const requiredIdentity = valueOf(request, REQUIRE_ID);
  if (requiredIdentity === undefined) return { request, requiredIdentity };
  const headers = request.headers.filter((_, i) => request.headers[i - (i % 2)] !== REQUIRE_ID);
  return { request: { ...request, headers }, requiredIdentity };
}

/** Why an endpoint that is known before refuses a request which demands an identity. */
export function identityMismatch(required: string | undefined, { address, identity }: Endpoint): Reason | undefined {
  if (required === undefined || (identity && formatIdentityId(identity.id) === required.toLowerCase())) return undefined;
  return reason('IDENTITY_REQUIRED', `${formatSocketAddress(address)}: ${required} is required`);
}

type Rule = Pick<HttpRule<unknown, HttpRetryConditions | GrpcRetryConditions>, 'timeouts' | 'retry' | 'allowL5dHeaders'>;

/** Those of the rule, with what the request changes about them where the rule allows it. */
export function explainOptions({ timeouts, retry, allowL5dHeaders }: Rule, request: RoutedRequest): Pick<OutboundDecision, 'timeouts' | 'retry'> {
  const policy = retry && policyOf(retry);
  if (!allowL5dHeaders) return { timeouts, retry: policy && formatRetry(policy) };
  const take: TakeOption = (name) => valueOf(request, name);
  const wanted = takeRetryOptions(policy, take);
  return { timeouts: takeTimeoutOptions(timeouts, take), retry: wanted && formatRetry(wanted) };
}

function policyOf(retry: Retry<HttpRetryConditions | GrpcRetryConditions>): RetryPolicy {
  const { conditions } = retry;
  return 'codes' in conditions ? grpcRetryPolicy({ ...retry, conditions }) : httpRetryPolicy({ ...retry, conditions });
}

/** Undefined: nothing is tried again. */
function formatRetry({ maxRetries, statuses = [], codes = [], timeoutMs }: RetryPolicy): string | undefined {
  if (maxRetries === 0) return undefined;
  const causes = [
    ...statuses.map(({ start, end }) => `status ${start === end ? start : `${start}-${end}`}`),
    ...codes.map((code) => `gRPC status ${code}`),
    ...(timeoutMs === undefined ? [] : [`no response head within ${timeoutMs} ms`]),
    'no endpoint ready',
  ];
  return `up to ${maxRetries} more times: ${causes.join(', ')}`;
}

/** Of the first line. */
function valueOf({ headers }: RoutedRequest, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1];
  return undefined;
}
