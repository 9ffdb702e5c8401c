// Random domain values in the form in which converters give them, for properties: numbers, addresses, endpoints and profiles.
import {
  type Endpoint,
  formatIp,
  type Http2ClientParams,
  type IpNetwork,
  type Metadata,
  type Profile,
  parseNetwork,
  type RequestCondition,
  type ResponseCondition,
  type ServerIdentity,
} from '@weft/core';
import fc from 'fast-check';

/** Present or undefined, as an absent field is converted. */
export const option = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(item, { nil: undefined });
export const text = fc.string({ maxLength: 10, unit: 'grapheme' });
export const token = fc.stringMatching(/^[A-Za-z0-9-]{1,10}$/);
export const host = fc.constantFrom('web.emojivoto.svc.cluster.local', 'web.default.serviceaccount.identity.linkerd.cluster.local', 'a', 'x-1.example.com');
export const u32 = fc.oneof(fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff), fc.integer({ min: 0, max: 0xffffffff }));
const positive = fc.integer({ min: 1, max: 0xffffffff });
const port = fc.integer({ min: 0, max: 65535 });
/** Whole milliseconds, and fractions that are whole nanoseconds. */
export const duration = fc.oneof(
  fc.integer({ min: 0, max: 1e10 }),
  fc.integer({ min: 0, max: 1e9 }).map((nanos) => nanos / 1e6),
);
/** Few digits: what is the shortest form of a float. */
export const float = fc.integer({ min: 0, max: 1000 }).map((thousandths) => thousandths / 1000);

const word = fc.bigInt({ min: 0n, max: 0xffffffffffffffffn });
export const ip = fc.oneof(
  u32.map((value) => formatIp({ family: 4, value: BigInt(value) })),
  fc
    .tuple(fc.oneof(word, fc.constantFrom(0n, 1n << 63n, (1n << 64n) - 1n)), word)
    .map(([first, last]) => formatIp({ family: 6, value: (first << 64n) | last })),
);
export const socketAddress = fc.record({ ip, port });
export const network: fc.Arbitrary<IpNetwork> = ip.chain((address) =>
  fc.integer({ min: 0, max: address.includes(':') ? 128 : 32 }).map((prefix) => parseNetwork(`${address}/${prefix}`) ?? { ip: '0.0.0.0', prefix: 0 }),
);

export const metadata: fc.Arbitrary<Metadata> = fc.oneof(
  fc.record({ kind: fc.constant('default' as const), name: text }),
  fc.record({ kind: fc.constant('resource' as const), group: text, resource: text, name: text, namespace: text, section: text, port }),
);

export const labels = fc.dictionary(fc.oneof(token, fc.constantFrom('__proto__', 'constructor')), text, { maxKeys: 4, noNullPrototype: true });
const identity: fc.Arbitrary<ServerIdentity> = fc.oneof(
  fc.record({ id: fc.record({ kind: fc.constant('dns' as const), name: host }), serverName: host }),
  fc.record({ id: fc.record({ kind: fc.constant('uri' as const), uri: fc.constantFrom('spiffe://a/b', 'spiffe://root.example.com/x') }), serverName: host }),
);
const http2: fc.Arbitrary<Http2ClientParams> = fc
  .record({
    flow: fc.oneof(fc.constant({ adaptive: true }), fc.record({ initialConnectionWindow: positive, initialStreamWindow: positive })),
    rest: fc.record(
      {
        keepAlive: fc.record({ intervalMs: duration, timeoutMs: duration, whileIdle: fc.boolean() }),
        maxConcurrentResetStreams: positive,
        maxFrameSize: positive,
        maxSendBufferBytes: positive,
      },
      { requiredKeys: [] },
    ),
  })
  .map(({ flow, rest }) => ({ ...flow, ...rest }));

export const endpoint: fc.Arbitrary<Endpoint> = fc.record({
  address: socketAddress,
  weight: u32,
  labels,
  identity: option(identity),
  hint: fc.constantFrom('none' as const, 'h2' as const, 'opaque' as const),
  opaqueTransportPort: option(fc.integer({ min: 1, max: 65534 })),
  authorityOverride: option(fc.constantFrom('web.emojivoto.svc.cluster.local:80', '[::1]:80')),
  http2: option(http2),
  resource: option(metadata),
});

const { request, response } = fc.letrec<{ request: RequestCondition; response: ResponseCondition }>((tie) => ({
  request: fc.oneof(
    { maxDepth: 3 },
    fc.record({ kind: fc.constant('path' as const), regex: text }),
    fc.record({ kind: fc.constant('method' as const), method: fc.constantFrom('GET', 'PURGE') }),
    fc.record({ kind: fc.constantFrom('all' as const, 'any' as const), of: fc.array(tie('request'), { maxLength: 3 }) }),
    fc.record({ kind: fc.constant('not' as const), of: tie('request') }),
  ),
  response: fc.oneof(
    { maxDepth: 3 },
    fc.tuple(fc.integer({ min: 100, max: 400 }), fc.nat(199)).map(([min, more]) => ({ kind: 'status' as const, min, max: min + more })),
    fc.record({ kind: fc.constantFrom('all' as const, 'any' as const), of: fc.array(tie('response'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ kind: fc.constant('not' as const), of: tie('response') }),
  ),
}));

export const profile: fc.Arbitrary<Profile> = fc.record({
  fullyQualifiedName: text,
  opaqueProtocol: fc.boolean(),
  routes: fc.array(
    fc.record({
      condition: request,
      responseClasses: fc.array(fc.record({ condition: response, isFailure: fc.boolean() }), { maxLength: 2 }),
      labels,
      isRetryable: fc.boolean(),
      timeoutMs: option(duration),
    }),
    { maxLength: 3 },
  ),
  retryBudget: option(fc.record({ retryRatio: float, minRetriesPerSecond: u32, ttlMs: fc.integer({ min: 1000, max: 60_000 }) })),
  overrides: fc.array(fc.record({ authority: fc.constantFrom('a.b.svc.cluster.local:80', 'c:1'), weight: u32, backend: option(metadata) }), { maxLength: 3 }),
  endpoint: option(endpoint),
  parent: option(metadata),
  profile: option(metadata),
});
