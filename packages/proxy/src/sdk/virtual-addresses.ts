// Names as addresses: the outbound pipeline begins with an original destination, and a program that joins without redirection has names.
// Each `host:port` in use gets an address of the reserved block 240.0.0.0/4, which no network routes.
import { type Authority, formatAuthority, formatSocketAddress, type SocketAddress } from '@weft/core';

const BLOCK = 0xf0_00_00_00;
const BLOCK_SIZE = 0x0f_ff_ff_ff;

export interface VirtualAddresses {
  /** The same as long as the name is remembered. */
  of(name: Authority & { readonly port: number }): SocketAddress;
  /** `host:port`; undefined for an address that stands for no name. */
  nameOf(address: SocketAddress): string | undefined;
}

/** `max`: names remembered; the one that was asked for longest ago makes room. */
export function virtualAddresses(max: number): VirtualAddresses {
  /** In the order of the last use. */
  const addresses = new Map<string, SocketAddress>();
  const names = new Map<string, string>();
  let last = 0;

  const create = (port: number): SocketAddress => {
    for (;;) {
      last = (last % BLOCK_SIZE) + 1;
      const address = { ip: dotted(BLOCK + last), port };
      if (!names.has(formatSocketAddress(address))) return address;
    }
  };
  const makeRoom = (): void => {
    const [oldest] = addresses;
    if (!oldest) return;
    addresses.delete(oldest[0]);
    names.delete(formatSocketAddress(oldest[1]));
  };

  return {
    of(name) {
      const key = formatAuthority(name);
      const known = addresses.get(key);
      if (!known && addresses.size >= max) makeRoom();
      const address = known ?? create(name.port);
      addresses.delete(key);
      addresses.set(key, address);
      names.set(formatSocketAddress(address), key);
      return address;
    },
    nameOf: (address) => names.get(formatSocketAddress(address)),
  };
}

function dotted(ip: number): string {
  return [ip >>> 24, (ip >>> 16) & 255, (ip >>> 8) & 255, ip & 255].join('.');
}
