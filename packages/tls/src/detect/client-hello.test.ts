import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { detectClientHello, MAX_CLIENT_HELLO_BYTES } from './client-hello.ts';

const u16 = (value: number): number[] => [value >> 8, value & 0xff];
const sized16 = (bytes: readonly number[]): number[] => [...u16(bytes.length), ...bytes];
const sized8 = (bytes: readonly number[]): number[] => [bytes.length, ...bytes];
const ascii = (text: string): number[] => [...Buffer.from(text, 'latin1')];
const serverName = (name: string, type = 0): number[] => [...u16(0), ...sized16(sized16([type, ...sized16(ascii(name))]))];
const protocols = (...names: string[]): number[] => [...u16(16), ...sized16(sized16(names.flatMap((name) => sized8(ascii(name)))))];
const padding = (length: number): number[] => [...u16(21), ...sized16(Array.from({ length }, () => 0))];

interface Parts {
  readonly type?: number;
  readonly version?: readonly [number, number];
  readonly handshake?: number;
  readonly lengthTop?: number;
  readonly legacyVersion?: readonly [number, number];
  readonly extensions?: readonly number[];
}

function hello(parts: Parts = {}): Uint8Array {
  const { type = 22, version = [3, 1], handshake = 1, lengthTop = 0, legacyVersion = [3, 3], extensions = serverName('web.example') } = parts;
  const random = Array.from({ length: 32 }, () => 7);
  const body = [...legacyVersion, ...random, ...sized8([1, 2, 3]), ...sized16([0x13, 0x01]), ...sized8([0]), ...sized16(extensions)];
  return new Uint8Array([type, ...version, ...sized16([handshake, lengthTop, ...u16(body.length), ...body])]);
}

describe('detectClientHello', () => {
  test('reads server name and protocols', () => {
    const extensions = [...padding(3), ...serverName('Web.Example'), ...protocols('transport.l5d.io/v1', 'h2')];
    expect(detectClientHello(hello({ extensions }))).toEqual({ sni: 'web.example', alpn: ['transport.l5d.io/v1', 'h2'] });
    expect(detectClientHello(hello({ version: [3, 3] }))).toEqual({ sni: 'web.example', alpn: [] });
  });

  test('ignores what follows the first record', () => {
    expect(detectClientHello(new Uint8Array([...hello(), 1, 2, 3]))).toEqual({ sni: 'web.example', alpn: [] });
  });

  test('asks for more until the record is whole', () => {
    const bytes = hello({ extensions: [...serverName('web.example'), ...protocols('h2')] });
    for (let length = 0; length < bytes.length; length++) expect(detectClientHello(bytes.subarray(0, length))).toBe('incomplete');
  });

  test.each<[string, Parts]>([
    ['another record type', { type: 23 }],
    ['record version 3.2', { version: [3, 2] }],
    ['record version 2.1', { version: [2, 1] }],
    ['another handshake message', { handshake: 2 }],
    ['a message longer than 64 KiB', { lengthTop: 1 }],
    ['another legacy version', { legacyVersion: [3, 4] }],
    ['no extensions', { extensions: [] }],
    ['no server name', { extensions: protocols('h2') }],
    ['a server name of another type', { extensions: serverName('web.example', 1) }],
    ['an empty server name', { extensions: serverName('') }],
    ['a server name that is none', { extensions: serverName('web example') }],
    ['a server name with a NUL', { extensions: serverName('web.example\0.evil') }],
    ['an extension that is cut off', { extensions: padding(1).slice(0, 4) }],
    ['a hello that is too large', { extensions: [...serverName('web.example'), ...padding(MAX_CLIENT_HELLO_BYTES)] }],
  ])('says not-tls to %s', (_, parts) => {
    expect(detectClientHello(hello(parts))).toBe('not-tls');
  });

  test('says not-tls to a message that does not fit its record', () => {
    const bytes = hello();
    bytes[8] = (bytes[8] ?? 0) + 1;
    expect(detectClientHello(bytes)).toBe('not-tls');
  });

  test('decides on the first wrong byte', () => {
    for (const text of ['G', 'PRI * HTTP/2.0', '\x16\x03\x02', '\x16\x03\x01\x00\x10\x02', '\x16\x03\x01\x00\x10\x01\x01', '\x16\x03\x01\x40\x00']) {
      expect(detectClientHello(Buffer.from(text, 'latin1'))).toBe('not-tls');
    }
  });

  test('never throws, whatever arrives', () => {
    const valid = hello({ extensions: [...serverName('web.example'), ...protocols('h2')] });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void detectClientHello(bytes)));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }), fc.nat(valid.length), (changes, length) => {
        const bytes = valid.slice(0, length);
        for (const [at, value] of changes) if (at < length) bytes[at] = value;
        const result = detectClientHello(bytes);
        expect(result === 'incomplete' || result === 'not-tls' || result.sni.length > 0).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
