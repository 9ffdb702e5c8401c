import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatAuthority, parseAuthority } from './authority.ts';
import { formatIp, parseIp } from './ip.ts';
import { formatNetwork, networkMatcher, parseNetwork } from './network.ts';
import { formatSocketAddress, parseSocketAddress, sameSocketAddress, socketAddressOf } from './socket-address.ts';

const ip = fc.oneof(
  fc.nat({ max: 0xffffffff }).map((value) => formatIp({ family: 4, value: BigInt(value) })),
  fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((value) => formatIp({ family: 6, value })),
);

describe('networks', () => {
  test.each([
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3', '10.1.2.3/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['fd00::1/8', 'fd00::/8'],
    ['::1', '::1/128'],
  ])('%s is %s', (text, normal) => {
    const network = parseNetwork(text);
    expect(network && formatNetwork(network)).toBe(normal);
  });

  test.each(['', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/8/8', 'a/8', '::/129', '10.0.0.0/ 8'])('%j is none', (text) => {
    expect(parseNetwork(text)).toBeUndefined();
  });

  test('hold exactly the addresses with their prefix', () => {
    fc.assert(
      fc.property(ip, ip, fc.nat(128), (net, other, bits) => {
        const [base, address] = [parseIp(net), parseIp(other)];
        if (!base || !address) throw new Error('generator');
        const width = base.family === 4 ? 32 : 128;
        const prefix = bits % (width + 1);
        const network = parseNetwork(`${net}/${prefix}`);
        if (!network) throw new Error('generator');
        const shift = BigInt(width - prefix);
        expect(networkMatcher([network])(net)).toBe(true);
        expect(networkMatcher([network])(other)).toBe(base.family === address.family && base.value >> shift === address.value >> shift);
      }),
    );
  });

  test('never match the other family or what is no address', () => {
    const all = networkMatcher([{ ip: '0.0.0.0', prefix: 0 }]);
    expect([all('::1'), all('::ffff:1.2.3.4'), all('web'), networkMatcher([])('1.2.3.4')]).toEqual([false, false, false, false]);
    expect(() => networkMatcher([{ ip: 'x', prefix: 0 }])).toThrow(RangeError);
  });
});

describe('socket addresses', () => {
  test('read back as what was written', () => {
    fc.assert(
      fc.property(ip, fc.nat(65535), (address, port) => {
        expect(parseSocketAddress(formatSocketAddress({ ip: address, port }))).toEqual({ ip: address, port });
      }),
    );
  });

  test.each(['', '1.2.3.4', '1.2.3.4:', '1.2.3.4:65536', '::1:80', '[1.2.3.4]:80', '[::1]', 'web:80', '1.2.3.4:80 ', '1.2.3.4:+80'])('%j is none', (text) => {
    expect(parseSocketAddress(text)).toBeUndefined();
  });

  test('unwrap what a dual-stack socket reports', () => {
    expect(socketAddressOf('::ffff:10.0.0.1', 80)).toEqual({ ip: '10.0.0.1', port: 80 });
    expect([socketAddressOf(undefined, 80), socketAddressOf('::1', undefined)]).toEqual([undefined, undefined]);
    expect(sameSocketAddress({ ip: '::1', port: 1 }, { ip: '::1', port: 2 })).toBe(false);
  });
});

describe('authorities', () => {
  test.each([
    ['web', { host: 'web', port: undefined }],
    ['web.ns.svc.cluster.local.:80', { host: 'web.ns.svc.cluster.local.', port: 80 }],
    ['10.0.0.1:8080', { host: '10.0.0.1', port: 8080 }],
    ['[FD00::0:1]:80', { host: 'fd00::1', port: 80 }],
    ['[::1]', { host: '::1', port: undefined }],
  ])('%s is read', (text, authority) => {
    expect(parseAuthority(text)).toEqual(authority);
  });

  test.each(['', ':80', 'web:', 'web:0', 'web:65536', 'web:8a', '::1', '[::1', '[web]:80', '[1.2.3.4]:80', 'user@web', 'web/path', 'we b'])(
    '%j is none',
    (text) => {
      expect(parseAuthority(text)).toBeUndefined();
    },
  );

  test('are written with brackets where they must be', () => {
    expect([formatAuthority({ host: '::1', port: 80 }), formatAuthority({ host: '::1' }), formatAuthority({ host: 'web', port: 80 })]).toEqual([
      '[::1]:80',
      '[::1]',
      'web:80',
    ]);
  });
});
