// Where to listen, as Go writes it: `:8086` is every address, `127.0.0.1:8086` and `[::1]:8086` are one, port 0 is any free port.
import { canonicalIp, type SocketAddress } from '@weft/core';
import { customFlag, type Flag, type FlagOptions } from './flag.ts';

export interface ListenAddress {
  /** Absent: every address of every family. */
  readonly host?: string | undefined;
  readonly port: number;
}

/** Undefined when the text is none. `localhost` is the only name. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(text);
  if (!match) return undefined;
  const [, v6, name = '', portText] = match;
  const port = Number(portText);
  if (port > 65535) return undefined;
  if (v6 === undefined && name === '') return { port };
  if (name === 'localhost') return { host: name, port };
  const host = canonicalIp(v6 ?? name);
  return host === undefined || host.includes(':') !== (v6 !== undefined) ? undefined : { host, port };
}

export function formatListenAddress(address: ListenAddress): string {
  const { host = '', port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export function listenFlag(options: FlagOptions<ListenAddress>): Flag<ListenAddress> {
  return customFlag({
    ...options,
    placeholder: 'address',
    defaultText: formatListenAddress(options.default),
    parse(text) {
      const value = parseListenAddress(text);
      return value ? { ok: true, value } : { ok: false, error: 'not an address such as :8086 or 127.0.0.1:8086' };
    },
  });
}

/** The bound address as Node's servers report it; of `::` and `0.0.0.0` a loopback address, where clients on this machine reach it. */
export function boundAddress(bound: { readonly address: string; readonly port: number }): SocketAddress {
  const ip = bound.address === '::' || bound.address === '0.0.0.0' ? '127.0.0.1' : bound.address;
  return { ip: canonicalIp(ip) ?? ip, port: bound.port };
}
