import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeTransportHeader, encodeTransportHeader, type TransportHeader } from './transport-header.ts';

/** `transport.l5d.io/v1` CR LF CR LF */
const PREFACE = '7472616e73706f72742e6c35642e696f2f76310d0a0d0a';
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const withBody = (body: string): Buffer => {
  const bytes = hex(body);
  return Buffer.concat([hex(PREFACE), hex(bytes.length.toString(16).padStart(8, '0')), bytes]);
};

describe('transport header', () => {
  // Computed by hand: field << 3 | wire type, then the value.
  const cases: readonly [TransportHeader, string][] = [
    [{ port: 80 }, '08 50'],
    [{ port: 8080 }, '08 903f'],
    [{ port: 65535 }, '08 ffff03'],
    [{ port: 4143, name: 'web.ns' }, '08 af20 12 06 7765622e6e73'],
    [{ port: 80, sessionProtocol: 'http1' }, '08 50 1a 02 0a 00'],
    [{ port: 80, sessionProtocol: 'http2' }, '08 50 1a 02 12 00'],
    [{ port: 443, name: 'a', sessionProtocol: 'http2' }, '08 bb03 12 01 61 1a 02 12 00'],
  ];

  test.each(cases)('encodes %j byte for byte', (header, body) => {
    expect(Buffer.from(encodeTransportHeader(header)).toString('hex')).toBe(withBody(body).toString('hex'));
  });

  test.each(cases)('decodes %j and leaves what follows', (header, body) => {
    const bytes = withBody(body);
    expect(decodeTransportHeader(Buffer.concat([bytes, hex('dead')]))).toEqual({ kind: 'header', header, consumed: bytes.length });
  });

  test('asks for more until everything is there', () => {
    const bytes = encodeTransportHeader({ port: 4143, name: 'web.ns', sessionProtocol: 'http1' });
    for (let length = 0; length < bytes.length; length++) expect(decodeTransportHeader(bytes.subarray(0, length))).toEqual({ kind: 'incomplete' });
  });

  test('takes fields in any order, the last of a kind, and skips unknown ones', () => {
    const body = '12 01 61 20 01 29 0102030405060708 32 02 ffff 3d 01020304 08 01 08 50 1a 02 0a00 1a 04 1200 1801';
    expect(decodeTransportHeader(withBody(body))).toMatchObject({ kind: 'header', header: { port: 80, name: 'a', sessionProtocol: 'http2' } });
  });

  test('takes an empty name and a session protocol without kind for absent', () => {
    expect(decodeTransportHeader(withBody('08 50 12 00 1a 00'))).toMatchObject({ kind: 'header', header: { port: 80 } });
  });

  test.each([
    ['no port', ''],
    ['port 0', '08 00'],
    ['port 65536', '08 808004'],
    ['a negative port', '08 ffffffffffffffffff01'],
    ['a port that is right only modulo 2^32', '08 d08080808010'],
    ['a varint of more than 64 bits', '08 ffffffffffffffffff02'],
    ['a varint that is cut off', '08 80'],
    ['a port as bytes', '0a 01 50'],
    ['a name as varint', '08 50 10 01'],
    ['a name that is cut off', '08 50 12 05 61'],
    ['a name that is none', '08 50 12 03 612062'],
    ['a name that is not ASCII', '08 50 12 02 c3a9'],
    ['a session protocol as varint', '08 50 18 01'],
    ['a session protocol that is cut off', '08 50 1a 02 0a'],
    ['a kind as varint', '08 50 1a 02 0801'],
    ['field number 0', '08 50 00 01'],
    ['a group', '08 50 23 24'],
    ['wire type 6', '08 50 26'],
    ['a fixed64 that is cut off', '08 50 21 0102'],
  ])('refuses %s', (_, body) => {
    expect(decodeTransportHeader(withBody(body))).toMatchObject({ kind: 'invalid' });
  });

  test('refuses a wrong preface on its first wrong byte and a length beyond the bound at once', () => {
    expect(decodeTransportHeader(Buffer.from('G'))).toMatchObject({ kind: 'invalid' });
    expect(decodeTransportHeader(Buffer.from('transport.l5d.io/v2'))).toMatchObject({ kind: 'invalid' });
    expect(decodeTransportHeader(hex(`${PREFACE}00010000`))).toMatchObject({ kind: 'invalid' });
  });

  test('refuses to write what nobody would read', () => {
    for (const header of [{ port: 0 }, { port: 65536 }, { port: 1.5 }, { port: 1, name: '' }, { port: 1, name: 'a b' }]) {
      expect(() => encodeTransportHeader(header)).toThrow(RangeError);
    }
  });

  test('reads back what it wrote', () => {
    const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
    const header = fc.record(
      {
        port: fc.integer({ min: 1, max: 65535 }),
        name: fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => labels.join('.')),
        sessionProtocol: fc.constantFrom('http1' as const, 'http2' as const),
      },
      { requiredKeys: ['port'] },
    );
    fc.assert(
      fc.property(header, (value) => {
        const bytes = encodeTransportHeader(value);
        expect(decodeTransportHeader(bytes)).toEqual({ kind: 'header', header: value, consumed: bytes.length });
      }),
    );
  });

  test('never throws, whatever arrives', () => {
    const kinds = ['incomplete', 'header', 'invalid'];
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.uint8Array({ maxLength: 60 }).map((body) => withBody(Buffer.from(body).toString('hex'))),
    );
    fc.assert(
      fc.property(bytes, (value) => {
        expect(kinds).toContain(decodeTransportHeader(value).kind);
      }),
      { numRuns: 2000 },
    );
  });
});
