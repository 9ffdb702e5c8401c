import { formatIp } from '@weft/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ProxyHeaderResult, parseProxyHeader } from './header.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const hex = (...parts: string[]): Buffer => Buffer.from(parts.join('').replaceAll(' ', ''), 'hex');
const v2 = (...parts: string[]): Buffer => hex(SIGNATURE, ...parts);
const line = (text: string): Buffer => Buffer.from(`${text}\r\n`, 'latin1');
const forwarded = (source: [string, number], destination: [string, number], length: number): ProxyHeaderResult => ({
  kind: 'complete',
  header: { kind: 'forwarded', source: { ip: source[0], port: source[1] }, destination: { ip: destination[0], port: destination[1] } },
  length,
});

describe('version 1', () => {
  test.each<[string, ProxyHeaderResult]>([
    ['PROXY TCP4 192.0.2.1 10.43.0.7 56324 443', forwarded(['192.0.2.1', 56_324], ['10.43.0.7', 443], 42)],
    ['PROXY TCP6 2001:db8::1 fd00::7 1 65535', forwarded(['2001:db8::1', 1], ['fd00::7', 65_535], 40)],
    ['PROXY TCP6 ::ffff:10.0.0.1 ::ffff:10.0.0.2 0 80', forwarded(['10.0.0.1', 0], ['10.0.0.2', 80], 49)],
    ['PROXY UNKNOWN', { kind: 'complete', header: { kind: 'own' }, length: 15 }],
    ['PROXY UNKNOWN ffff::1 anything 1 2', { kind: 'complete', header: { kind: 'own' }, length: 36 }],
  ])('%s is read', (text, expected) => {
    expect(parseProxyHeader(line(text))).toEqual(expected);
    expect(parseProxyHeader(Buffer.concat([line(text), Buffer.from('GET / HTTP/1.1\r\n\r\n')]))).toEqual(expected);
  });

  test.each([
    ['PROXY TCP4 192.0.2.1 10.43.0.7 56324', 'addresses'],
    ['PROXY TCP4 192.0.2.1 10.43.0.7 56324 443 1', 'addresses'],
    ['PROXY TCP4 192.0.2.1  10.43.0.7 56324 443', 'addresses'],
    ['PROXY TCP4 192.0.2.01 10.43.0.7 56324 443', 'addresses'],
    ['PROXY TCP4 192.0.2.1 10.43.0.7 56324 0443', 'addresses'],
    ['PROXY TCP4 192.0.2.1 10.43.0.7 56324 65536', 'addresses'],
    ['PROXY TCP4 192.0.2.1 10.43.0.7 56324 +80', 'addresses'],
    ['PROXY TCP4 ::1 ::1 1 1', 'addresses'],
    ['PROXY TCP6 10.0.0.1 10.0.0.1 1 1', 'addresses'],
    ['PROXY TCP6 fe80::1%eth0 fe80::1 1 1', 'addresses'],
    ['PROXY TCP4 192.0.2.1 10.43.0.7 56324 0', 'port 0'],
    ['PROXY UDP4 192.0.2.1 10.43.0.7 56324 443', 'protocol'],
    ['PROXY tcp4 192.0.2.1 10.43.0.7 56324 443', 'protocol'],
    ['proxy TCP4 192.0.2.1 10.43.0.7 56324 443', 'does not begin'],
    ['GET / HTTP/1.1', 'does not begin'],
  ])('%s is refused', (text, detail) => {
    expect(parseProxyHeader(line(text))).toMatchObject({ kind: 'invalid', detail: expect.stringContaining(detail) as string });
  });

  test('a line longer than 107 bytes is refused as soon as it is, and one of 107 is read', () => {
    const long = `PROXY UNKNOWN ${'x'.repeat(91)}`;
    expect(parseProxyHeader(line(long))).toMatchObject({ kind: 'complete', length: 107 });
    expect(parseProxyHeader(line(`${long}x`)).kind).toBe('invalid');
    expect(parseProxyHeader(Buffer.from(`${long}xx`)).kind).toBe('invalid');
  });

  test('a carriage return alone does not end it', () => {
    expect(parseProxyHeader(Buffer.from('PROXY UNKNOWN\rX')).kind).toBe('invalid');
  });
});

describe('version 2', () => {
  const v4 = '0a000001 0a2b0007 dc04 01bb';
  test.each<[string, Buffer, ProxyHeaderResult]>([
    ['TCP over IPv4', v2('21 11 000c', v4), forwarded(['10.0.0.1', 56_324], ['10.43.0.7', 443], 28)],
    ['TLVs, which are skipped', v2('21 11 0010', v4, '04 0001 ff'), forwarded(['10.0.0.1', 56_324], ['10.43.0.7', 443], 32)],
    [
      'TCP over IPv6',
      v2('21 21 0024', 'fd000000000000000000000000000001 00000000000000000000ffff0a2b0007 0001 0050'),
      forwarded(['fd00::1', 1], ['10.43.0.7', 80], 52),
    ],
    ['LOCAL, whatever its addresses', v2('20 11 0003 ffffff'), { kind: 'complete', header: { kind: 'own' }, length: 19 }],
    ['an unspecified family', v2('21 00 0000'), { kind: 'complete', header: { kind: 'own' }, length: 16 }],
  ])('%s is read', (_name, bytes, expected) => {
    expect(parseProxyHeader(bytes)).toEqual(expected);
    expect(parseProxyHeader(Buffer.concat([bytes, bytes]))).toEqual(expected);
  });

  test.each([
    ['another version', v2('11'), 'version 1'],
    ['an unknown command', v2('22 11 000c', v4), 'command 2'],
    ['UDP', v2('21 12 000c', v4), '0x12'],
    ['a UNIX socket', v2('21 31 00d8'), '0x31'],
    ['a family without protocol', v2('21 10 000c', v4), '0x10'],
    ['too few bytes', v2('21 11 000b', v4), '11 bytes are too few'],
    ['too few bytes for IPv6', v2('21 21 000c', v4), '12 bytes are too few'],
    ['too many bytes', v2('21 11 1001', v4), 'longer than 4096'],
    ['port 0', v2('21 11 000c', '0a000001 0a2b0007 dc04 0000'), 'port 0'],
  ])('%s is refused', (_name, bytes, detail) => {
    expect(parseProxyHeader(bytes)).toMatchObject({ kind: 'invalid', detail: expect.stringContaining(detail) as string });
  });
});

const ipv4 = fc.bigInt({ min: 0n, max: 0xffff_ffffn });
const ipv6 = fc.bigInt({ min: 1n << 96n, max: (1n << 128n) - 1n });
const port = fc.integer({ min: 1, max: 65_535 });
const addresses = fc.oneof(fc.tuple(fc.constant(4 as const), ipv4, ipv4, port, port), fc.tuple(fc.constant(6 as const), ipv6, ipv6, port, port));

function encodeV1([family, source, destination, from, to]: [4 | 6, bigint, bigint, number, number]): Buffer {
  return line(`PROXY TCP${family} ${formatIp({ family, value: source })} ${formatIp({ family, value: destination })} ${from} ${to}`);
}

function encodeV2([family, source, destination, from, to]: [4 | 6, bigint, bigint, number, number], tlvs: Uint8Array): Buffer {
  const digits = family === 4 ? 8 : 32;
  const body = hex(...[source, destination].map((ip) => ip.toString(16).padStart(digits, '0')), ...[from, to].map((one) => one.toString(16).padStart(4, '0')));
  const size = (body.length + tlvs.length).toString(16).padStart(4, '0');
  return Buffer.concat([v2('21', family === 4 ? '11' : '21', size), body, tlvs]);
}

describe('for every header', () => {
  test('both versions say the same', () => {
    fc.assert(
      fc.property(addresses, fc.uint8Array({ maxLength: 200 }), (all, tlvs) => {
        const [one, two] = [parseProxyHeader(encodeV1(all)), parseProxyHeader(encodeV2(all, tlvs))];
        expect(one.kind === 'complete' && one.header).toMatchObject({ kind: 'forwarded', source: { port: all[3] }, destination: { port: all[4] } });
        expect(two).toMatchObject({ kind: 'complete', header: one.kind === 'complete' ? one.header : undefined, length: encodeV2(all, tlvs).length });
      }),
    );
  });

  test('every beginning is incomplete, and what follows changes nothing', () => {
    fc.assert(
      fc.property(addresses, fc.uint8Array({ maxLength: 50 }), fc.uint8Array({ maxLength: 50 }), fc.boolean(), (all, tlvs, rest, text) => {
        const header = text ? encodeV1(all) : encodeV2(all, tlvs);
        for (let end = 0; end < header.length; end++) expect(parseProxyHeader(header.subarray(0, end)).kind).toBe('incomplete');
        expect(parseProxyHeader(Buffer.concat([header, rest]))).toEqual(parseProxyHeader(header));
      }),
      { numRuns: 50 },
    );
  });

  test('a verdict on any bytes stays when more come', () => {
    const start = fc.constantFrom(v2(), v2('21 11'), Buffer.from('PROXY '), Buffer.alloc(0));
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 60 }), (first, second, third) => {
        const bytes = Buffer.concat([first, second]);
        const verdict = parseProxyHeader(bytes);
        const later = parseProxyHeader(Buffer.concat([bytes, third]));
        expect(verdict.kind === 'incomplete' ? later : verdict).toEqual(later);
      }),
    );
  });
});
