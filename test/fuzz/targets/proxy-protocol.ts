// The PROXY protocol's header, which whoever connects writes before anything else is known of the connection.
import { isIp } from '@weft/core';
import { parseProxyHeader } from '../../../packages/proxy/src/accept/proxy-protocol/header.ts';
import { sameData } from '../same-data.ts';
import { type FuzzTarget, hold, kindOf, raw } from '../target.ts';

const V2 = '\r\n\r\n\0\r\nQUIT\n';
/** Signature, fixed part and the longest body. */
const MOST_BYTES = 16 + 4_096;

const proxyHeader: FuzzTarget = {
  name: 'proxy-protocol-header',
  tokens: ['PROXY ', 'TCP4 ', 'TCP6 ', 'UNKNOWN', ' 10.0.0.1', ' ::1', ' 65535', '\r\n', V2, '\x21\x11', '\x21\x21', '\x20\x00', '\0\x0c', '\0\x24'],
  seeds: () =>
    raw(
      'PROXY TCP4 192.0.2.1 10.43.0.7 56324 443\r\nGET / HTTP/1.1\r\n',
      'PROXY TCP6 2001:db8::1 fd00::7 1 65535\r\n',
      'PROXY UNKNOWN\r\n',
      `${V2}\x21\x11\0\x0c\x0a\0\0\x01\x0a\x2b\0\x07\xdc\x04\x01\xbbrest`,
      `${V2}\x21\x21\0\x28${'\xfd'.repeat(32)}\0\x01\0\x50\x04\0\x01\xff`,
      `${V2}\x20\0\0\0`,
    ),
  run(input) {
    const result = parseProxyHeader(input);
    if (result.kind === 'incomplete') {
      hold(input.length < MOST_BYTES, 'more bytes are asked for than a header has');
      return 'incomplete';
    }
    const more = Buffer.concat([input, Buffer.from('\r\n more')]);
    hold(sameData(parseProxyHeader(more), result), 'what follows changes the verdict');
    if (result.kind === 'invalid') return kindOf(new Error(result.detail));
    const { header, length } = result;
    hold(length <= input.length && length <= MOST_BYTES, `the header has ${length} bytes`);
    hold(parseProxyHeader(input.subarray(0, length - 1)).kind === 'incomplete', 'a part of the header is enough');
    if (header.kind === 'own') return 'own';
    for (const { ip, port } of [header.source, header.destination]) hold(isIp(ip) && port >= 0 && port <= 65_535, `${ip} ${port} is no address`);
    hold(header.destination.port > 0, 'the destination has no port');
    return `forwarded ${header.source.ip.includes(':')} ${header.destination.ip.includes(':')}`;
  },
};

export const proxyProtocolTargets = [proxyHeader];
