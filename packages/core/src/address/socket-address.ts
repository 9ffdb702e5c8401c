// IP and port together, as text `ip:port` with IPv6 in brackets (RFC 3986 §3.2.2).
import { canonicalIp, type IpAddress, unmapIp } from './ip.ts';

export interface SocketAddress {
  readonly ip: IpAddress;
  /** 0 – 65535. */
  readonly port: number;
}

export function formatSocketAddress(address: SocketAddress): string {
  return address.ip.includes(':') ? `[${address.ip}]:${address.port}` : `${address.ip}:${address.port}`;
}

/** Parses `ip:port` or `[v6]:port`; the IP is made canonical. Returns undefined on anything else, host names included. */
export function parseSocketAddress(text: string): SocketAddress | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(text);
  if (!match) return undefined;
  const [, v6, v4, portText] = match;
  const ip = canonicalIp(v6 ?? v4 ?? '');
  const port = Number(portText);
  if (ip === undefined || port > 65535 || (v6 !== undefined) !== ip.includes(':')) return undefined;
  return { ip, port };
}

/** The address of a connected socket's end as Node reports it, IPv4-mapped forms unwrapped. */
export function socketAddressOf(ip: string | undefined, port: number | undefined): SocketAddress | undefined {
  return ip === undefined || port === undefined ? undefined : { ip: unmapIp(ip), port };
}

export function sameSocketAddress(a: SocketAddress, b: SocketAddress): boolean {
  return a.port === b.port && a.ip === b.ip;
}
