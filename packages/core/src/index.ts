// The mesh as pure logic: names and addresses, the domain model, Watch, balancing, authorization, metric instruments
// and reason codes. No sockets, files, TLS objects, Kubernetes or gRPC: everything here runs under a manual clock.
// Example: const source = createWatch<number>(); source.watch.subscribe((s) => console.log(s)); source.set(1);
export { Breaker, type BreakerOptions, type BreakerState, type Ticket } from './accrual/breaker.ts';
export { type Authority, formatAuthority, parseAuthority } from './address/authority.ts';
export { canonicalIp, formatIp, type IpAddress, isIp, isLoopbackIp, type ParsedIp, parseIp, unmapIp } from './address/ip.ts';
export { formatNetwork, type IpNetwork, networkMatcher, parseNetwork } from './address/network.ts';
export { formatSocketAddress, parseSocketAddress, type SocketAddress, sameSocketAddress, socketAddressOf } from './address/socket-address.ts';
export { assertNever } from './assert-never.ts';
export { formatInboundClient, type InboundClient, type RejectedBy } from './authorize/authorization-rule.ts';
export {
  type AuthorizationTrial,
  type AuthorizationVerdict,
  type Authorizer,
  type AuthorizerOptions,
  createAuthorizer,
  explainAuthorization,
} from './authorize/authorizer.ts';
export {
  ALL_NETWORKS,
  DEFAULT_POLICY_NAMES,
  type DefaultPolicyName,
  type DefaultPolicyOptions,
  defaultServerPolicy,
  isDefaultPolicyName,
  LOCALHOST_AUTHORIZATION,
} from './authorize/default-policy.ts';
export { type Backoff, type BackoffOptions, exponentialBackoff } from './backoff/exponential-backoff.ts';
export {
  type Balancer,
  type BalancerOptions,
  type Dispatch,
  type LoadEstimate,
  type Loads,
  type Member,
  PeakEwma,
  type Picker,
  p2c,
  peakEwma,
  penaltyOf,
  penaltyPeakEwma,
} from './balance/index.ts';
export {
  DEFAULT_CLASSIFIERS,
  type FieldLookup,
  GRPC_ROUTE_CLASSIFIERS,
  grpcClassifier,
  httpClassifier,
  isGrpcContentType,
  profileClassifier,
  profileClassifiers,
  type ResponseClassifier,
  type RuleClassifiers,
  type StatusRange,
} from './classify/classifier.ts';
export { grpcClass, httpClass, parseGrpcStatus, type ResponseClass, resetClass, TIMED_OUT, UNCLASSIFIED } from './classify/response-class.ts';
export { formatDuration, parseDuration, parseGoDuration } from './config/duration.ts';
export { formatPortSet, type PortRange, type PortSet, parsePortRange, parsePortSet, portList, portSet, portSetHas, portsOf } from './config/port-set.ts';
export type {
  Backend,
  ClientPolicy,
  ClientProtocol,
  Dispatcher,
  Distribution,
  ExponentialBackoff,
  FailureAccrual,
  GrpcProtocol,
  GrpcRetryConditions,
  GrpcRoute,
  HttpProtocol,
  HttpRetryConditions,
  HttpRoute,
  HttpRule,
  Load,
  OpaqueProtocol,
  OpaqueRoute,
  Retry,
  RouteBackend,
  TcpRule,
  TlsRoute,
} from './domain/client-policy.ts';
export type { Credentials } from './domain/credentials.ts';
export { type Endpoint, type EndpointSet, type Http2ClientParams, type ProtocolHint, plainEndpoint, type ServerIdentity } from './domain/endpoint.ts';
export type { Filter, GrpcMatch, HeaderModifier, HostMatch, HttpMatch, NamedMatch, PathMatch, Ratio, StringMatch } from './domain/match.ts';
export { defaultMetadata, formatMetadata, type Metadata, metadataLabels } from './domain/metadata.ts';
export type { Profile, ProfileRoute, RequestCondition, ResponseCondition, RetryBudget, WeightedTarget } from './domain/profile.ts';
export type { Authentication, Authorization, InboundRoute, RateLimit, ServerPolicy, ServerProtocol } from './domain/server-policy.ts';
export type { TapAddressMatch, TapEos, TapEvent, TapHeaders, TapHttpEvent, TapLabels, TapMatch, TapSides } from './domain/tap.ts';
export type { Counter } from './metrics/counter.ts';
export type { Family, FamilyOptions, MetricType } from './metrics/family.ts';
export type { Gauge } from './metrics/gauge.ts';
export { type Histogram, LATENCY_BUCKETS_MS } from './metrics/histogram.ts';
export type { Labels } from './metrics/labels.ts';
export { ExpositionError, type ExpositionLimits, parseExposition, type Sample } from './metrics/parse.ts';
export { createRegistry, type MetricRegistry, type RegistryOptions } from './metrics/registry.ts';
export { type FamilySnapshot, type MetricJoin, type RegistrySnapshot, renderSnapshots, type SeriesSnapshot } from './metrics/snapshot.ts';
export { canonicalDnsName, isDnsLabel, isDnsName, suffixMatcher } from './names/dns-name.ts';
export {
  formatIdentityId,
  formatWorkloadIdentity,
  type IdentityId,
  parseIdentityId,
  parseWorkloadIdentity,
  sameIdentityId,
  type WorkloadIdentity,
} from './names/identity-name.ts';
export { formatServiceName, parseServiceName, type ServiceName } from './names/service-name.ts';
export type { DiscoveryPort } from './ports/discovery.ts';
export type { IdentityPort } from './ports/identity.ts';
export { type LogFields, type Logger, type LogLevel, type LogRecord, memoryLogger, silentLogger } from './ports/logger.ts';
export type { PolicyPort, PolicyTarget } from './ports/policy.ts';
export { type Random, randomInt, seeded, systemRandom } from './ports/random.ts';
export type { TokenReviewPort, TokenReviewResult } from './ports/token-review.ts';
export { FailfastQueue, type FailfastQueueOptions, type QueueEntry, type QueueSource } from './queue/failfast-queue.ts';
export { type Buckets, type BucketsOptions, memoryBuckets } from './rate-limit/buckets.ts';
export { FULL, Gcra, type Nanos } from './rate-limit/gcra.ts';
export {
  type AppliedLimit,
  createRateLimiter,
  type RateLimitDenial,
  type RateLimiter,
  type RateLimiterOptions,
  type RateLimitScope,
} from './rate-limit/rate-limiter.ts';
export {
  type ConfiguredAnswer,
  configuredReason,
  formatReason,
  REASONS,
  type Reason,
  type ReasonCode,
  ReasonError,
  reason,
  reasonOf,
} from './reasons/reason.ts';
export { INTERNAL_ERROR, type RefusalAnswer, refusalAnswer } from './reasons/refusal-answer.ts';
export { renderReasons } from './reasons/render.ts';
export { type RequestOption, type Timeouts, takeRetryOptions, takeTimeoutOptions } from './retry/request-options.ts';
export { grpcRetryPolicy, httpRetryPolicy, isRetryable, type RetryPolicy } from './retry/retry-policy.ts';
export {
  isValidBudget,
  RETRY_STATE_MS,
  RETRY_STATE_NUMBERS,
  type RetryBudgets,
  type RetryTokens,
  RetryWindow,
  retryStateSince,
  retryTokens,
} from './retry/retry-tokens.ts';
export { type Clock, type Millis, sleep, systemClock, type Timer } from './time/clock.ts';
export { type DeadlineSlot, Deadlines, type Expiring } from './time/deadlines.ts';
export { type ManualClock, type ManualClockOptions, manualClock } from './time/manual-clock.ts';
export { mapWatch, settled, valueOf } from './watch/combine.ts';
export { constantWatch, createWatch, type Unsubscribe, type Watch, type WatchOptions, type WatchSource, type WatchState } from './watch/watch.ts';
