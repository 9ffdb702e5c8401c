// Where a redirected connection was going, asked of Linux: getsockopt(SO_ORIGINAL_DST). spec/proxy.md §1.1.
import { formatIp, type SocketAddress, unmapIp } from '@weft/core';
import type { OriginalDst } from '../ports.ts';
import { descriptorOf, socketCalls } from './socket-calls.ts';

/** linux/netfilter_ipv4.h and netfilter_ipv6/ip6_tables.h: both options are number 80 of their own level. */
const SO_ORIGINAL_DST = 80;
const LEVEL = { ipv4: 0, ipv6: 41 } as const;
/** Sizes of sockaddr_in and sockaddr_in6. */
const SIZE = { ipv4: 16, ipv6: 28 } as const;
/** No connection is tracked, or no NAT rule was ever loaded; the option does not exist. */
const NOT_REDIRECTED: readonly number[] = [2, 92];

export interface SocketOriginalDstOptions {
  /** Told of every failure that is not simply "not redirected". */
  readonly onError?: (errno: number) => void;
}

/** Throws with a plain explanation where the operating system or the native addon cannot answer. */
export function socketOriginalDst(options: SocketOriginalDstOptions = {}): OriginalDst {
  const calls = socketCalls();
  if ('unavailable' in calls) {
    const { unavailable, cause } = calls;
    throw new Error(`redirected connections cannot be asked for their original destination: ${unavailable}; WEFT_PROXY_ORIGINAL_DST names other sources`, {
      cause,
    });
  }
  const values = { ipv4: new Uint8Array(SIZE.ipv4), ipv6: new Uint8Array(SIZE.ipv6) };

  return {
    of(socket) {
      const fd = descriptorOf(socket);
      if (fd === undefined) return undefined;
      // A dual-stack listener reports an IPv4 client as v4-mapped; conntrack knows such a connection by the IPv4 level only.
      const family = unmapIp(socket.remoteAddress ?? '').includes(':') ? 'ipv6' : 'ipv4';
      if (calls.get(fd, LEVEL[family], SO_ORIGINAL_DST, values[family])) return socketAddressFrom(values[family], family);
      const errno = calls.errno();
      if (!NOT_REDIRECTED.includes(errno)) options.onError?.(errno);
      return undefined;
    },
  };
}

/** Reads a sockaddr_in or sockaddr_in6: family, port in network order, address. */
export function socketAddressFrom(value: Uint8Array, family: keyof typeof LEVEL): SocketAddress {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const port = view.getUint16(2);
  if (family === 'ipv4') return { ip: formatIp({ family: 4, value: BigInt(view.getUint32(4)) }), port };
  return { ip: unmapIp(formatIp({ family: 6, value: (view.getBigUint64(8) << 64n) | view.getBigUint64(16) })), port };
}
