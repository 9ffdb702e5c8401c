// IP addresses, socket addresses and networks. IPv6 is two unsigned 64-bit halves. spec/wire.md, encoding traps.
import { formatIp, type IpAddress, type IpNetwork, parseIp, parseNetwork, type SocketAddress } from '@weft/core';
import type { NetIPAddress, NetIPNetwork, NetTcpAddress } from '../gen/messages.ts';
import { ConvertError } from './convert-error.ts';
import { bigintFromLong, longFromBigint } from './number.ts';
import { join, portFromWire, required, type Wire } from './path.ts';

const HALF = 64n;
const HALF_MASK = 0xffffffffffffffffn;

export function ipFromWire(wire: Wire<NetIPAddress>, at = ''): IpAddress {
  const { ipv4, ipv6 } = required(wire, at);
  if (ipv6) return formatIp({ family: 6, value: (bigintFromLong(ipv6.first) << HALF) | bigintFromLong(ipv6.last) });
  if (ipv4 === null || ipv4 === undefined) throw new ConvertError('KIND_UNKNOWN', join(at, 'ip'));
  return formatIp({ family: 4, value: BigInt(ipv4) });
}

export function ipToWire(ip: IpAddress): NetIPAddress {
  const parsed = parseIp(ip);
  if (!parsed) throw new ConvertError('VALUE_INVALID', 'ip', ip);
  if (parsed.family === 4) return { ipv4: Number(parsed.value) };
  return { ipv6: { first: longFromBigint(parsed.value >> HALF), last: longFromBigint(parsed.value & HALF_MASK) } };
}

export function socketAddressFromWire(wire: Wire<NetTcpAddress>, at = ''): SocketAddress {
  const { ip, port } = required(wire, at);
  return { ip: ipFromWire(ip, join(at, 'ip')), port: portFromWire(port, join(at, 'port')) };
}

export function socketAddressToWire(address: SocketAddress): NetTcpAddress {
  return { ip: ipToWire(address.ip), port: address.port };
}

/** Host bits are cleared. */
export function networkFromWire(wire: Wire<NetIPNetwork>, at = ''): IpNetwork {
  const { ip, prefixLen } = required(wire, at);
  const network = parseNetwork(`${ipFromWire(ip, join(at, 'ip'))}/${prefixLen ?? 0}`);
  if (!network) throw new ConvertError('VALUE_INVALID', join(at, 'prefix_len'), prefixLen);
  return network;
}

export function networkToWire(network: IpNetwork): NetIPNetwork {
  return { ip: ipToWire(network.ip), prefixLen: network.prefix };
}
