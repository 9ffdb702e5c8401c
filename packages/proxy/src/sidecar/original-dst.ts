// Where a redirected connection was going, asked of Linux: getsockopt(SO_ORIGINAL_DST). spec/proxy.md §1.1.
// The only file that touches `socket._handle.fd`, which is private to Node; test/contract/original-dst.test.ts watches it.
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { formatIp, type SocketAddress, unmapIp } from '@weft/core';
import type { OriginalDst } from '../ports.ts';

type GetSockOpt = (fd: number, level: number, option: number, value: Uint8Array, length: [number]) => number;

/** The part of koffi used here. */
interface Koffi {
  load(path: null): { func(prototype: string): GetSockOpt };
  errno(): number;
}

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
  if (process.platform !== 'linux') {
    throw new Error(`original destinations cannot be read on ${process.platform}: set WEFT_PROXY_ADDRESS_BOOK, or run on Linux`);
  }
  const koffi = loadKoffi();
  const getsockopt = koffi.load(null).func('int getsockopt(int fd, int level, int option, _Out_ uint8_t *value, _Inout_ uint32_t *length)');
  const value = new Uint8Array(SIZE.ipv6);

  return {
    of(socket) {
      const fd = descriptorOf(socket);
      if (fd === undefined) return undefined;
      // A dual-stack listener reports an IPv4 client as v4-mapped; conntrack knows such a connection by the IPv4 level only.
      const family = unmapIp(socket.remoteAddress ?? '').includes(':') ? 'ipv6' : 'ipv4';
      if (getsockopt(fd, LEVEL[family], SO_ORIGINAL_DST, value, [SIZE[family]]) === 0) return socketAddressFrom(value, family);
      const errno = koffi.errno();
      if (!NOT_REDIRECTED.includes(errno)) options.onError?.(errno);
      return undefined;
    },
  };
}

/** The file descriptor of an open TCP socket; undefined when it is closed. */
export function descriptorOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: unknown } | null };
  const fd = handle?.fd;
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}

/** Reads a sockaddr_in or sockaddr_in6: family, port in network order, address. */
export function socketAddressFrom(value: Uint8Array, family: keyof typeof LEVEL): SocketAddress {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const port = view.getUint16(2);
  if (family === 'ipv4') return { ip: formatIp({ family: 4, value: BigInt(view.getUint32(4)) }), port };
  return { ip: unmapIp(formatIp({ family: 6, value: (view.getBigUint64(8) << 64n) | view.getBigUint64(16) })), port };
}

function loadKoffi(): Koffi {
  try {
    return createRequire(import.meta.url)('koffi') as Koffi;
  } catch (error) {
    throw new Error('original destinations cannot be read: the optional package koffi is not installed for this platform', { cause: error });
  }
}
