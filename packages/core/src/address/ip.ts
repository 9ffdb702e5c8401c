// IP addresses as canonical text, and their exact integer value. RFC 4291 §2.2 (forms), RFC 5952 §4 (canonical text).

/** An IP address in canonical text: dotted quad, or RFC 5952 lower-case IPv6 without brackets or zone. */
export type IpAddress = string;

export interface ParsedIp {
  readonly family: 4 | 6;
  /** The address as an unsigned integer, 32 or 128 bits wide. */
  readonly value: bigint;
}

/** Parses either family. An IPv4-mapped IPv6 address stays IPv6; see `unmapIp`. Returns undefined on anything else. */
export function parseIp(text: string): ParsedIp | undefined {
  if (text.includes(':')) {
    const value = parseIpv6(text);
    return value === undefined ? undefined : { family: 6, value };
  }
  const value = parseIpv4(text);
  return value === undefined ? undefined : { family: 4, value: BigInt(value) };
}

export function isIp(text: string): boolean {
  return parseIp(text) !== undefined;
}

export function formatIp(ip: ParsedIp): IpAddress {
  return ip.family === 4 ? formatIpv4(Number(ip.value)) : formatIpv6(ip.value);
}

/** Canonical text of an address given in any form, or undefined when it is not one. */
export function canonicalIp(text: string): IpAddress | undefined {
  const parsed = parseIp(text);
  return parsed && formatIp(parsed);
}

/** `::ffff:a.b.c.d`, as dual-stack sockets report IPv4 peers, becomes `a.b.c.d`; everything else is returned unchanged. */
export function unmapIp(text: string): IpAddress {
  const parsed = parseIp(text);
  if (parsed?.family !== 6 || parsed.value >> 32n !== 0xffffn) return text;
  return formatIpv4(Number(parsed.value & 0xffffffffn));
}

/** 127.0.0.0/8, ::1, and the IPv4-mapped forms of the former. */
export function isLoopbackIp(text: string): boolean {
  const ip = parseIp(unmapIp(text));
  if (!ip) return false;
  return ip.family === 4 ? ip.value >> 24n === 127n : ip.value === 1n;
}

function parseIpv4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part)) return undefined;
    const octet = Number(part);
    if (octet > 255) return undefined;
    value = value * 256 + octet;
  }
  return value;
}

function formatIpv4(value: number): string {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join('.');
}

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? '', true) : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail].reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
}

/** The 16-bit groups of one side of `::`; a trailing dotted quad counts as two groups where `last` allows it. */
function groupsOf(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (part.includes('.')) {
      const v4 = last && index === parts.length - 1 ? parseIpv4(part) : undefined;
      if (v4 === undefined) return undefined;
      groups.push(v4 >>> 16, v4 & 0xffff);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}

function formatIpv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  if (groups.slice(0, 5).every((g) => g === 0) && groups[5] === 0xffff) return `::ffff:${formatIpv4(Number(value & 0xffffffffn))}`;
  const run = longestZeroRun(groups);
  const hex = groups.map((g) => g.toString(16));
  if (!run) return hex.join(':');
  return `${hex.slice(0, run.start).join(':')}::${hex.slice(run.start + run.length).join(':')}`;
}

/** The first longest run of at least two zero groups (RFC 5952 §4.2). */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } | undefined {
  let best: { start: number; length: number } | undefined;
  let start = -1;
  for (let i = 0; i <= groups.length; i++) {
    if (i < groups.length && groups[i] === 0) {
      if (start < 0) start = i;
    } else if (start >= 0) {
      const length = i - start;
      if (length >= 2 && length > (best?.length ?? 0)) best = { start, length };
      start = -1;
    }
  }
  return best;
}
