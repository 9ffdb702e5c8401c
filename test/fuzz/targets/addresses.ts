// IP addresses (RFC 4291, held against Node's own check), networks, socket addresses, authorities: what is printed reads back equal.
import { isIP } from 'node:net';
import {
  canonicalIp,
  formatAuthority,
  formatIp,
  formatNetwork,
  formatSocketAddress,
  isLoopbackIp,
  networkMatcher,
  parseAuthority,
  parseIp,
  parseNetwork,
  parseSocketAddress,
  unmapIp,
} from '@weft/core';
import { sameData } from '../same-data.ts';
import { type FuzzTarget, hold, texts } from '../target.ts';

const tokens = ['::', ':', '.', '/', '[', ']', '0', '255', '256', '65535', '65536', 'ffff', '::ffff:', '10.0.0.1', '%eth0', '/128', ':80', 'web.ns.svc', '@'];
const ips = ['10.0.0.1', '255.255.255.255', '::', '::1', 'fd00::1:2', '::ffff:1.2.3.4', '1:2:3:4:5:6:7:8', '64:ff9b::192.0.2.33'];

const ip: FuzzTarget = {
  name: 'ip',
  tokens,
  seeds: () => texts(...ips),
  run(input) {
    const text = input.toString('utf8');
    const parsed = parseIp(text);
    // Node takes a zone index, which no address of the mesh has.
    hold(text.includes('%') ? parsed === undefined : (isIP(text) !== 0) === (parsed !== undefined), `node says ${isIP(text)}`);
    unmapIp(text);
    isLoopbackIp(text);
    if (!parsed) return 'none';
    const canonical = formatIp(parsed);
    hold(sameData(parseIp(canonical), parsed), `${canonical} reads back differently`);
    hold(canonicalIp(canonical) === canonical, `${canonical} is not canonical`);
    return `v${parsed.family}${canonical.includes('.') ? ' dotted' : ''}${canonical.includes('::') ? ' short' : ''}`;
  },
};

const network: FuzzTarget = {
  name: 'network',
  tokens,
  seeds: () => texts('10.0.0.0/8', '0.0.0.0/0', 'fd00::/8', '::/0', '10.1.2.3', '::1/128'),
  run(input) {
    const parsed = parseNetwork(input.toString('utf8'));
    if (!parsed) return 'none';
    hold(sameData(parseNetwork(formatNetwork(parsed)), parsed), 'it reads back differently');
    hold(networkMatcher([parsed])(parsed.ip), 'it does not hold its own address');
    return `${parsed.ip.includes(':') ? 'v6' : 'v4'} ${parsed.prefix % 8 === 0}`;
  },
};

const socketAddress: FuzzTarget = {
  name: 'socket-address',
  tokens,
  seeds: () => texts('10.0.0.1:80', '[::1]:65535', '[::ffff:1.2.3.4]:0'),
  run(input) {
    const parsed = parseSocketAddress(input.toString('utf8'));
    if (!parsed) return 'none';
    hold(sameData(parseSocketAddress(formatSocketAddress(parsed)), parsed), 'it reads back differently');
    hold(Number.isInteger(parsed.port) && parsed.port >= 0 && parsed.port <= 65535, `port ${parsed.port}`);
    return parsed.ip.includes(':') ? 'v6' : 'v4';
  },
};

const authority: FuzzTarget = {
  name: 'authority',
  tokens,
  seeds: () => texts('web', 'web.ns.svc.cluster.local.:80', '10.0.0.1:8080', '[FD00::1]:80', '[::1]'),
  run(input) {
    const parsed = parseAuthority(input.toString('utf8'));
    if (!parsed) return 'none';
    hold(sameData(parseAuthority(formatAuthority(parsed)), parsed), 'it reads back differently');
    return `${parsed.host.includes(':') ? 'v6' : 'name'} ${parsed.port !== undefined}`;
  },
};

export const addressTargets = [ip, network, socketAddress, authority];
