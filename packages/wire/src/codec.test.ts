// Bytes worked out by hand from the protobuf encoding rules, for the places in which this API sets traps. spec/wire.md, encoding traps.
import Long from 'long';
import { expect, test } from 'vitest';
import { codecOf, type MessageName } from './codec.ts';
import { ipFromWire, ipToWire } from './convert/address.ts';
import { HttpTypesHttpMethodRegistered, type MessageTypes } from './gen/messages.ts';

const hex = <N extends MessageName>(name: N, message: MessageTypes[N]): string => codecOf(name).encode(message).toString('hex');
const parse = <N extends MessageName>(name: N, bytes: string): MessageTypes[N] => codecOf(name).decode(Buffer.from(bytes, 'hex'));

test.each<{ [N in MessageName]: [what: string, name: N, message: MessageTypes[N], bytes: string] }[MessageName]>([
  ['127.0.0.1 is the big-endian number', 'net.IPAddress', { ipv4: 0x7f000001 }, '0d0100007f'],
  ['0.0.0.0 is written, being a member of a oneof', 'net.IPAddress', { ipv4: 0 }, '0d00000000'],
  ['a socket address', 'net.TcpAddress', { ip: { ipv4: 0x7f000001 }, port: 8080 }, '0a050d0100007f10903f'],
  ['the method GET is written though it is zero', 'http_types.HttpMethod', { registered: HttpTypesHttpMethodRegistered.GET }, '0800'],
  ['an unregistered method', 'http_types.HttpMethod', { unregistered: 'PURGE' }, '12055055524745'],
  ['the scheme HTTP is written though it is zero', 'http_types.Scheme', { registered: 0 }, '0800'],
  ['an empty set of a target that exists', 'destination.Update', { noEndpoints: { exists: true } }, '1a020801'],
  ['a target that does not exist', 'destination.Update', { noEndpoints: { exists: false } }, '1a00'],
  ['weight is 3: there is no 2', 'destination.WeightedAddr', { weight: 10000 }, '18904e'],
  ['the path of a lookup is 2', 'destination.GetDestination', { path: 'web:80' }, '12067765623a3830'],
  ['server_name is 4', 'destination.TlsIdentity', { uriLikeIdentity: { uri: 'u' }, serverName: { name: 'n' } }, '1a030a017522030a016e'],
  ['an opaque hint with transport port 4143', 'destination.ProtocolHint', { opaque: {}, opaqueTransport: { inboundPort: 4143 } }, '120308af201a00'],
  ['the misspelt deadline_exceeded is 4', 'outbound.GrpcRoute.Retry.Conditions', { deadineExceeded: true, unavailable: true }, '20017001'],
  ['meshTLS is 2', 'inbound.Authn', { meshTLS: { unauthenticated: {} } }, '12020a00'],
  ['requestsPerSecond is 1', 'inbound.HttpLocalRateLimit.Limit', { requestsPerSecond: 300 }, '08ac02'],
  ['a detect timeout of 1.5 s', 'inbound.ProxyProtocol.Detect', { timeout: { seconds: Long.fromNumber(1), nanos: 500_000_000 } }, '0a08080110' + '80cab5ee01'],
  ['header matches are bytes', 'http_route.HeaderMatch', { name: 'x', exact: Buffer.from([0xff]) }, '0a01781201ff'],
  ['a threshold is a double', 'outbound.FailureAccrual.Unified', { successRateThreshold: 0.5 }, '09000000000000e03f'],
  ['a jitter ratio is a float', 'outbound.ExponentialBackoff', { jitterRatio: 0.5 }, '1d0000003f'],
  [
    'an identity of the SPIFFE Workload API',
    'X509SVIDResponse',
    { svids: [{ spiffeId: 's', x509Svid: Buffer.from([1]), x509SvidKey: Buffer.from([2]) }] },
    '0a09' + '0a0173' + '120101' + '1a0102',
  ],
  ['the default identity has a hint', 'X509SVID', { hint: 'h', bundle: Buffer.from([3]) }, '220103' + '2a0168'],
  ['a map entry', 'destination.WeightedAddrSet', { metricLabels: { a: 'b' } }, '12060a0161120162'],
])('%s', (_what, name, message, bytes) => {
  expect(hex(name, message)).toBe(bytes);
  expect(hex(name, parse(name, bytes))).toBe(bytes);
});

test.each([
  ['::1', '12091101' + '00000000000000'],
  ['::', '1200'],
  ['8000::', '12090900000000000000' + '80'],
  ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', `121209${'ff'.repeat(8)}11${'ff'.repeat(8)}`],
  ['fd00::8000:0:0:1', '12120900000000000000fd' + '110100000000000080'],
  ['255.255.255.255', '0dffffffff'],
])('%s is exact in both directions', (text, bytes) => {
  expect(hex('net.IPAddress', ipToWire(text))).toBe(bytes);
  expect(ipFromWire(parse('net.IPAddress', bytes))).toBe(text);
});

test('keeps 64-bit integers beyond the safe ones', () => {
  const id = parse('tap.TapEvent.Http.StreamId', '10ffffffffffffffffff01');
  expect(id.stream?.toString()).toBe('18446744073709551615');
  expect(hex('tap.TapEvent.Http.StreamId', id)).toBe('10ffffffffffffffffff01');
});

test('drops fields it does not know', () => {
  expect(hex('destination.NoEndpoints', parse('destination.NoEndpoints', '08017a0141'))).toBe('0801');
});

test('lets the last member of a oneof win', () => {
  const update = parse('destination.Update', '1a0208010a00');
  expect(update.add).toBeTruthy();
  expect(update.noEndpoints).toBeFalsy();
});

test.each(['0a', '0aff', '08ff', '0a0508'])('throws on %s, which is not a message', (bytes) => {
  expect(() => parse('destination.Update', bytes)).toThrow(/index out of range/);
});

test('refuses messages that nest without end', () => {
  let bytes = Buffer.alloc(0);
  for (let depth = 0; depth < 200; depth++) {
    const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
    bytes = Buffer.concat([Buffer.from([0x1a, ...length]), bytes]);
  }
  expect(() => codecOf('destination.RequestMatch').decode(bytes)).toThrow('max depth exceeded');
});
