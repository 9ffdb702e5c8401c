// CIDR networks. RFC 4632 §3.1.
import { formatIp, parseIp } from './ip.ts';

export interface IpNetwork {
  /** Canonical text of the network's first address, host bits cleared. */
  readonly ip: string;
  readonly prefix: number;
}

/** Parses `ip/prefix`, or a bare IP as a host network. Host bits are cleared. Returns undefined on anything else. */
export function parseNetwork(text: string): IpNetwork | undefined {
  const [ipText, prefixText, ...rest] = text.split('/');
  const ip = parseIp(ipText ?? '');
  if (!ip || rest.length > 0) return undefined;
  const width = ip.family === 4 ? 32 : 128;
  if (prefixText !== undefined && !/^[0-9]{1,3}$/.test(prefixText)) return undefined;
  const prefix = prefixText === undefined ? width : Number(prefixText);
  if (prefix > width) return undefined;
  const shift = BigInt(width - prefix);
  return { ip: formatIp({ family: ip.family, value: (ip.value >> shift) << shift }), prefix };
}

export function formatNetwork(network: IpNetwork): string {
  return `${network.ip}/${network.prefix}`;
}

/** A compiled membership test over several networks; families never match each other. */
export function networkMatcher(networks: readonly IpNetwork[]): (ip: string) => boolean {
  const compiled = networks.map((network) => {
    const base = parseIp(network.ip);
    if (!base) throw new RangeError(`network ${formatNetwork(network)} has no valid address`);
    const shift = BigInt((base.family === 4 ? 32 : 128) - network.prefix);
    return { family: base.family, shift, prefix: base.value >> shift };
  });
  return (text) => {
    const ip = parseIp(text);
    return ip !== undefined && compiled.some((net) => net.family === ip.family && ip.value >> net.shift === net.prefix);
  };
}
