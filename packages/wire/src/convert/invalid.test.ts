import { LOCALHOST_AUTHORIZATION } from '@weft/core';
// What makes a policy invalid, with the place that is reported; and where the protocol is lenient. spec/wire.md, inbound.proto and outbound.proto.
import Long from 'long';
import { describe, expect, test } from 'vitest';
import type { InboundServer, MessageTypes, OutboundPolicy } from '../gen/messages.ts';
import { clientPolicyFromWire, clientPolicyToWire } from './client-policy.ts';
import { ConvertError } from './convert-error.ts';
import { endpointFromWire } from './endpoint.ts';
import { profileFromWire } from './profile.ts';
import { serverPolicyFromWire } from './server-policy.ts';
import { durationFromWire, durationToWire } from './time.ts';

const seconds = (value: number) => ({ seconds: Long.fromNumber(value) });
const failure = (convert: () => unknown): string => {
  try {
    convert();
  } catch (error) {
    if (error instanceof ConvertError) return `${error.code} ${error.path}`;
    throw error;
  }
  return 'valid';
};

describe('server policies', () => {
  const meta = { default: 'test' };
  const authz = { networks: [{ net: { ip: { ipv4: 0 } } }], authentication: { unauthenticated: {} }, metadata: meta };
  const server = (parts: InboundServer): InboundServer => ({ protocol: { opaque: {} }, labels: { group: '', kind: 'default', name: 'n' }, ...parts });
  const detect = (routes: MessageTypes['inbound.HttpRoute'][]): InboundServer => server({ protocol: { detect: { timeout: seconds(1), httpRoutes: routes } } });

  test.each<[expected: string, policy: InboundServer]>([
    ['valid', server({ authorizations: [authz] })],
    ['valid', detect([{ metadata: meta }])],
    ['FIELD_MISSING protocol', server({ protocol: null })],
    ['KIND_UNKNOWN protocol.kind', server({ protocol: {} })],
    ['FIELD_MISSING protocol.detect.timeout', server({ protocol: { detect: {} } })],
    ['VALUE_INVALID protocol.detect.timeout', server({ protocol: { detect: { timeout: seconds(-1) } } })],
    ['FIELD_MISSING labels.name', server({ labels: {} })],
    ['LIST_EMPTY authorizations[1].networks', server({ authorizations: [authz, { ...authz, networks: [] }] })],
    ['FIELD_MISSING authorizations[0].networks[0].net', server({ authorizations: [{ ...authz, networks: [{}] }] })],
    [
      'VALUE_INVALID authorizations[0].networks[0].net.prefix_len',
      server({ authorizations: [{ ...authz, networks: [{ net: { ip: { ipv4: 1 }, prefixLen: 33 } }] }] }),
    ],
    ['FIELD_MISSING authorizations[0].authentication', server({ authorizations: [{ ...authz, authentication: null }] })],
    ['KIND_UNKNOWN authorizations[0].authentication.permit', server({ authorizations: [{ ...authz, authentication: {} }] })],
    ['KIND_UNKNOWN authorizations[0].authentication.meshTLS.clients', server({ authorizations: [{ ...authz, authentication: { meshTLS: {} } }] })],
    ['FIELD_MISSING protocol.detect.http_routes[0].metadata', detect([{}])],
    ['FIELD_MISSING protocol.grpc.routes[0].metadata', server({ protocol: { grpc: { routes: [{}] } } })],
    [
      'LIST_EMPTY protocol.http2.routes[0].authorizations[0].networks',
      server({ protocol: { http2: { routes: [{ metadata: meta, authorizations: [{ authentication: {}, metadata: meta }] }] } } }),
    ],
    [
      'VALUE_INVALID protocol.detect.http_routes[0].rules[0].matches[0].headers[0].name',
      detect([{ metadata: meta, rules: [{ matches: [{ headers: [{ name: 'a b', regex: 'x' }] }] }] }]),
    ],
    ['KIND_UNKNOWN protocol.detect.http_routes[0].rules[0].matches[0].path.kind', detect([{ metadata: meta, rules: [{ matches: [{ path: {} }] }] }])],
    [
      'VALUE_INVALID protocol.detect.http_routes[0].rules[0].filters[0].request_header_modifier.set.headers[0].value',
      detect([{ metadata: meta, rules: [{ filters: [{ requestHeaderModifier: { set: { headers: [{ name: 'a', value: Buffer.from('x\n') }] } } }] }] }]),
    ],
  ])('%s', (expected, policy) => {
    expect(failure(() => serverPolicyFromWire(policy))).toBe(expected);
  });

  test('routes get the authorizations of the server, and both get localhost', () => {
    const own = { ...authz, metadata: { default: 'own' } };
    const { protocol } = serverPolicyFromWire({ ...detect([{ metadata: meta, authorizations: [own] }]), authorizations: [authz] });
    const names = protocol.authorizations.map(({ metadata }) => metadata.name);
    expect(names).toEqual(['test', 'localhost']);
    expect('routes' in protocol ? protocol.routes[0]?.authorizations.map(({ metadata }) => metadata.name) : []).toEqual(['own', ...names]);
    expect(protocol.authorizations.at(-1)).toEqual(LOCALHOST_AUTHORIZATION);
  });

  test('a filter of an unknown kind stays in the rule', () => {
    const { protocol } = serverPolicyFromWire(detect([{ metadata: meta, rules: [{ filters: [{}] }] }]));
    expect(protocol.kind === 'detect' ? protocol.routes[0]?.rules[0]?.filters : []).toEqual([{ kind: 'unknown' }]);
  });

  test.each([
    [
      { group: 'policy.linkerd.io', kind: 'server', name: 'web' },
      { kind: 'resource', group: 'policy.linkerd.io', resource: 'server', name: 'web' },
    ],
    [{ name: 'web' }, { kind: 'resource', group: 'policy.linkerd.io', resource: 'server', name: 'web' }],
    [{ name: 'default:deny' }, { kind: 'default', name: 'deny' }],
    [
      { group: '', kind: 'default', name: 'all-unauthenticated' },
      { kind: 'default', name: 'all-unauthenticated' },
    ],
  ])('the labels %j name it', (labels, expected) => {
    expect(serverPolicyFromWire(server({ labels })).metadata).toMatchObject(expected);
  });

  test('an authorization without metadata is named by its labels', () => {
    const { protocol } = serverPolicyFromWire(server({ authorizations: [{ ...authz, metadata: null, labels: { name: 'old' } }] }));
    expect(protocol.authorizations[0]?.metadata).toMatchObject({ kind: 'resource', group: 'policy.linkerd.io', resource: 'serverauthorization', name: 'old' });
  });

  test('a rate of zero is no limit', () => {
    const rateLimit = { total: { requestsPerSecond: 0 }, identity: { requestsPerSecond: 5 } };
    const { protocol } = serverPolicyFromWire(server({ protocol: { http1: { localRateLimit: rateLimit } } }));
    expect(protocol.kind === 'http1' ? protocol.rateLimit : undefined).toEqual({ totalRps: undefined, identityRps: 5, overrides: [] });
  });
});

describe('client policies', () => {
  const meta = { default: 'test' };
  const queue = { capacity: 100, failfastTimeout: seconds(3) };
  const backend = { metadata: meta, queue, balancer: { discovery: { dst: { path: 'web:80' } }, peakEwma: { defaultRtt: seconds(1), decay: seconds(10) } } };
  const first = (parts: MessageTypes['outbound.Backend']) => ({ firstAvailable: { backends: [{ backend: { ...backend, ...parts } }] } });
  type Rule = MessageTypes['outbound.HttpRoute.Rule'];
  const rule = (parts: Rule): OutboundPolicy => ({
    metadata: meta,
    protocol: { http1: { routes: [{ metadata: meta, rules: [{ backends: first({}), ...parts }] }] } },
  });
  const accrual = (failureAccrual: MessageTypes['outbound.FailureAccrual']): OutboundPolicy => ({ metadata: meta, protocol: { http2: { failureAccrual } } });
  const backoff = { minBackoff: seconds(1), maxBackoff: seconds(60) };
  const whole = { timeout: seconds(10), opaque: {}, http1: {}, http2: {} };
  const at = 'protocol.http1.routes[0].rules[0]';
  const weightless = { backend: { backend }, weight: 0 };
  const backendAt = `${at}.backends.first_available.backends[0].backend`;

  test.each<[expected: string, policy: OutboundPolicy]>([
    ['valid', rule({})],
    ['valid', { metadata: meta, protocol: { detect: whole } }],
    ['FIELD_MISSING metadata', { protocol: { detect: whole } }],
    ['FIELD_MISSING protocol', { metadata: meta }],
    ['KIND_UNKNOWN protocol.kind', { metadata: meta, protocol: {} }],
    ['FIELD_MISSING protocol.detect.timeout', { metadata: meta, protocol: { detect: { ...whole, timeout: null } } }],
    ['FIELD_MISSING protocol.detect.opaque', { metadata: meta, protocol: { detect: { ...whole, opaque: null } } }],
    ['FIELD_MISSING protocol.detect.http1', { metadata: meta, protocol: { detect: { ...whole, http1: null } } }],
    ['FIELD_MISSING protocol.detect.http2', { metadata: meta, protocol: { detect: { ...whole, http2: null } } }],
    ['FIELD_MISSING protocol.opaque.routes[0].metadata', { metadata: meta, protocol: { opaque: { routes: [{}] } } }],
    ['FIELD_MISSING protocol.grpc.routes[0].metadata', { metadata: meta, protocol: { grpc: { routes: [{}] } } }],
    ['FIELD_MISSING protocol.tls.routes[0].rules[0].backends', { metadata: meta, protocol: { tls: { routes: [{ metadata: meta, rules: [{}] }] } } }],
    [`FIELD_MISSING ${at}.backends`, rule({ backends: null })],
    [`KIND_UNKNOWN ${at}.backends.kind`, rule({ backends: {} })],
    ['valid', rule({ backends: { empty: {} } })],
    [`LIST_EMPTY ${at}.backends.first_available.backends`, rule({ backends: { firstAvailable: {} } })],
    [`LIST_EMPTY ${at}.backends.random_available.backends`, rule({ backends: { randomAvailable: {} } })],
    [`VALUE_INVALID ${at}.backends.random_available.backends`, rule({ backends: { randomAvailable: { backends: [weightless, weightless] } } })],
    ['valid', rule({ backends: { randomAvailable: { backends: [weightless] } } })],
    [`FIELD_MISSING ${at}.backends.random_available.backends[0].backend`, rule({ backends: { randomAvailable: { backends: [{ weight: 1 }] } } })],
    [`FIELD_MISSING ${backendAt}.metadata`, rule({ backends: first({ metadata: null }) })],
    [`FIELD_MISSING ${backendAt}.queue`, rule({ backends: first({ queue: null }) })],
    [`FIELD_MISSING ${backendAt}.queue.failfast_timeout`, rule({ backends: first({ queue: {} }) })],
    [`FIELD_MISSING ${backendAt}.balancer.discovery`, rule({ backends: first({ balancer: { peakEwma: {} } }) })],
    [`KIND_UNKNOWN ${backendAt}.balancer.load`, rule({ backends: first({ balancer: { discovery: { dst: {} } } }) })],
    [
      `FIELD_MISSING ${backendAt}.balancer.peak_ewma.decay`,
      rule({ backends: first({ balancer: { discovery: { dst: {} }, peakEwma: { defaultRtt: seconds(1) } } }) }),
    ],
    [`FIELD_MISSING ${backendAt}.forward.addr`, rule({ backends: first({ balancer: null, forward: {} }) })],
    [`KIND_UNKNOWN ${at}.filters[0].kind`, rule({ filters: [{}] })],
    [`VALUE_INVALID ${at}.filters[0].failure_injector.ratio`, rule({ filters: [{ failureInjector: { status: 500, ratio: { numerator: 1 } } }] })],
    [`VALUE_INVALID ${at}.retry.backoff.max_backoff`, rule({ retry: { backoff: { minBackoff: seconds(2), maxBackoff: seconds(1) } } })],
    ['valid', accrual({ consecutiveFailures: { maxFailures: 7, backoff } })],
    ['valid', accrual({ unified: { successRateThreshold: 0, decay: { nanos: 1 }, backoff } })],
    ['valid', accrual({ unified: { successRateThreshold: 0.00004, decay: { nanos: 1 }, backoff } })],
    ['valid', accrual({ unified: { successRateThreshold: 0.5, decay: { nanos: 10_000_000 }, backoff } })],
    ['KIND_UNKNOWN protocol.http2.failure_accrual.kind', accrual({ ejection: { minReadyEndpoints: 1 } })],
    ['FIELD_MISSING protocol.http2.failure_accrual.consecutive_failures.backoff', accrual({ consecutiveFailures: { maxFailures: 7 } })],
    [
      'FIELD_MISSING protocol.http2.failure_accrual.consecutive_failures.backoff.min_backoff',
      accrual({ consecutiveFailures: { backoff: { maxBackoff: seconds(1) } } }),
    ],
    ['FIELD_MISSING protocol.http2.failure_accrual.unified.backoff.max_backoff', accrual({ unified: { backoff: { minBackoff: seconds(1) } } })],
    ['VALUE_INVALID protocol.http2.failure_accrual.unified.success_rate_threshold', accrual({ unified: { successRateThreshold: 1.1, backoff } })],
    ['VALUE_INVALID protocol.http2.failure_accrual.unified.success_rate_threshold', accrual({ unified: { successRateThreshold: Number.NaN, backoff } })],
    ['VALUE_INVALID protocol.http2.failure_accrual.unified.decay', accrual({ unified: { successRateThreshold: 0.5, decay: { nanos: 9_999_999 }, backoff } })],
    ['VALUE_INVALID protocol.http2.failure_accrual.unified.min_requests', accrual({ unified: { minRequests: 1_000_001, backoff } })],
  ])('%s', (expected, policy) => {
    expect(failure(() => clientPolicyFromWire(policy))).toBe(expected);
  });

  test('the penalty variant has defaults', () => {
    const { protocol } = clientPolicyFromWire(rule({ backends: first({ balancer: { discovery: { dst: { path: 'a:1' } }, penaltyPeakEwma: {} } }) }));
    const distribution = protocol.kind === 'http1' ? protocol.routes[0]?.rules[0]?.distribution : undefined;
    expect(distribution).toMatchObject({
      backends: [
        { backend: { dispatcher: { load: { defaultRttMs: 30, decayMs: 10_000, penaltyMs: 5_000, penaltyDecayMs: 10_000, maxRetryAfterMs: 300_000 } } } },
      ],
    });
  });

  test('a backend without kind fails', () => {
    const { protocol } = clientPolicyFromWire(rule({ backends: first({ balancer: null }) }));
    const distribution = protocol.kind === 'http1' ? protocol.routes[0]?.rules[0]?.distribution : undefined;
    expect(distribution).toMatchObject({ backends: [{ backend: { dispatcher: { kind: 'fail' } } }] });
  });

  test('the deprecated request timeout counts where the other is absent', () => {
    const timeouts = (parts: Rule) => {
      const { protocol } = clientPolicyFromWire(rule(parts));
      return protocol.kind === 'http1' ? protocol.routes[0]?.rules[0]?.timeouts.requestMs : undefined;
    };
    expect(timeouts({ requestTimeout: seconds(1) })).toBe(1000);
    expect(timeouts({ requestTimeout: seconds(1), timeouts: { request: seconds(2) } })).toBe(2000);
  });

  test('that of a backend is not read', () => {
    const backends = { firstAvailable: { backends: [{ backend, requestTimeout: seconds(1) }] } };
    expect(clientPolicyFromWire(rule({ backends }))).toEqual(clientPolicyFromWire(rule({ backends: first({}) })));
  });

  test('the accrual window defaults to ten seconds', () => {
    const { protocol } = clientPolicyFromWire(accrual({ unified: { successRateThreshold: 0.8, backoff } }));
    expect(protocol.kind === 'http2' ? protocol.accrual : undefined).toMatchObject({ windowMs: 10_000, threshold: 0.8 });
  });

  test('refuses to send what the wire has no place for', () => {
    const policy = clientPolicyFromWire(rule({}));
    const { protocol } = policy;
    if (protocol.kind !== 'http1') throw new Error('not http1');
    const routes = protocol.routes.map((route) => ({ ...route, rules: route.rules.map((item) => ({ ...item, filters: [{ kind: 'forbidden' as const }] })) }));
    expect(failure(() => clientPolicyToWire({ ...policy, protocol: { ...protocol, routes } }))).toBe('KIND_UNSUPPORTED filter');
  });
});

describe('endpoints', () => {
  const addr = { ip: { ipv4: 0x0a2a0005 }, port: 8080 };
  const identity = (tlsIdentity: MessageTypes['destination.TlsIdentity']) => endpointFromWire({ addr, tlsIdentity }).identity;

  test('a DNS identity is its own server name', () => {
    expect(identity({ dnsLikeIdentity: { name: 'Web.example' } })).toEqual({ id: { kind: 'dns', name: 'web.example' }, serverName: 'web.example' });
  });

  test('a URI identity without server name is dropped', () => {
    const uriLikeIdentity = { uri: 'spiffe://root/web' };
    expect(identity({ uriLikeIdentity })).toBeUndefined();
    expect(identity({ uriLikeIdentity, serverName: { name: 'web.example' } })).toEqual({
      id: { kind: 'uri', uri: 'spiffe://root/web' },
      serverName: 'web.example',
    });
    expect(identity({ dnsLikeIdentity: { name: 'not a name' } })).toBeUndefined();
    expect(identity({})).toBeUndefined();
  });

  test.each([
    [0, undefined],
    [1, 1],
    [65534, 65534],
    [65535, undefined],
    [70000, undefined],
  ])('the transport port %i is taken as %s', (inboundPort, expected) => {
    expect(endpointFromWire({ addr, protocolHint: { opaqueTransport: { inboundPort } } }).opaqueTransportPort).toBe(expected);
  });

  test('half of an HTTP/2 setting is none', () => {
    const http2 = { flowControl: { initialStreamWindowSize: 1 }, keepAlive: { interval: seconds(1) }, internals: {} };
    expect(endpointFromWire({ addr, http2 }).http2).toBeUndefined();
    const both = { flowControl: { initialStreamWindowSize: 1, initialConnectionWindowSize: 1, adaptiveFlowControl: true } };
    expect(endpointFromWire({ addr, http2: both }).http2).toEqual({ adaptive: true });
  });
});

describe('profiles', () => {
  test('the empty message is the empty profile', () => {
    expect(profileFromWire({})).toEqual({ fullyQualifiedName: '', opaqueProtocol: false, routes: [], overrides: [] });
  });

  test('leaves out what cannot be understood', () => {
    const nothing = [{ condition: { all: { matches: [{}] } } }, { condition: { not: { any: {} } } }];
    const profile = profileFromWire({
      routes: [
        {},
        { condition: { path: { regex: '/a' } }, responseClasses: [{}, { condition: { status: { max: 500 } } }, { condition: { status: {} } }, ...nothing] },
      ],
      retryBudget: { retryRatio: 0.2, ttl: seconds(61) },
      dstOverrides: [{ authority: '' }, { authority: 'web:80', weight: 1 }],
      endpoint: {},
      parentRef: {},
    });
    expect(profile).toEqual({
      fullyQualifiedName: '',
      opaqueProtocol: false,
      routes: [
        {
          condition: { kind: 'path', regex: '/a' },
          responseClasses: [{ condition: { kind: 'status', min: 500, max: 500 }, isFailure: false }],
          labels: {},
          isRetryable: false,
        },
      ],
      overrides: [{ authority: 'web:80', weight: 1 }],
    });
  });

  test('reads a ratio of 0.2 as 0.2', () => {
    expect(profileFromWire({ retryBudget: { retryRatio: Math.fround(0.2), minRetriesPerSecond: 10, ttl: seconds(10) } }).retryBudget?.retryRatio).toBe(0.2);
  });
});

test('durations are milliseconds, and never negative', () => {
  expect(durationFromWire({ seconds: Long.fromNumber(1), nanos: 500_000_000 })).toBe(1500);
  expect(durationFromWire({})).toBe(0);
  expect(durationToWire(0.9999999)).toEqual({ seconds: Long.ZERO, nanos: 1_000_000 });
  expect(durationToWire(999.9999999)).toEqual({ seconds: Long.ONE, nanos: 0 });
  expect(failure(() => durationFromWire({ seconds: Long.fromNumber(-1) }, 'x'))).toBe('VALUE_INVALID x');
  expect(failure(() => durationToWire(Number.POSITIVE_INFINITY))).toBe('VALUE_INVALID duration');
});

test('an error says where and what, and is a reason', () => {
  const error = new ConvertError('VALUE_INVALID', 'a.b[0]', 'x\ny');
  expect(error.message).toBe('a.b[0] is not valid: "x\\ny"');
  expect(error.reason).toEqual({ code: 'POLICY_INVALID', detail: error.message });
});
