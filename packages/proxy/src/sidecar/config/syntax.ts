// How the values of environment variables are written. spec/proxy.md §1.2.
import { X509Certificate } from 'node:crypto';
import {
  canonicalIp,
  formatAuthority,
  formatDuration,
  formatIdentityId,
  formatNetwork,
  formatPortSet,
  formatSocketAddress,
  type IpNetwork,
  isDnsName,
  isIp,
  isLoopbackIp,
  type PortSet,
  parseAuthority,
  parseDuration,
  parseIdentityId,
  parseNetwork,
  parsePortRange,
  parsePortSet,
  parseSocketAddress,
  type SocketAddress,
} from '@weft/core';
import { type LogThreshold, parseLogFilter } from '@weft/process';

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

/** One kind of value. `parse` is called once per variable that is set; it never throws. */
export interface Syntax<T> {
  /** How the value looks, for `--help`. */
  readonly form: string;
  parse(text: string): Parsed<T>;
  /** How `--check-config` shows a value: with its unit. Default: as it is. */
  show?(value: T): string;
}

/** `host:port` of a control-plane service. The host keeps its trailing dot; an IP is canonical. */
export interface ControlTarget {
  readonly host: string;
  readonly port: number;
  /** As configured: the authority of requests. */
  readonly authority: string;
  readonly loopback: boolean;
}

/** In a summary of a bundle. */
const CERTIFICATES_SHOWN = 3;

const ok = <T>(value: T): Parsed<T> => ({ ok: true, value });
const bad = (problem: string): Parsed<never> => ({ ok: false, problem });

/** Milliseconds. */
export const duration: Syntax<number> = {
  form: 'duration, such as 300ms, 10s, 5m, 1h, 365d or 0',
  parse(text) {
    const ms = parseDuration(text);
    if (ms !== undefined) return ok(ms);
    const bare = /^\s*[0-9]+\s*$/.test(text);
    return bad(bare ? 'is a duration without a unit: add ms, s, m, h or d' : 'is not a duration: an integer followed by ms, s, m, h or d');
  },
  show: formatDuration,
};

export const bool: Syntax<boolean> = {
  form: 'true or false',
  parse: (text) => (text === 'true' ? ok(true) : text === 'false' ? ok(false) : bad('must be exactly true or false')),
};

/** An unsigned integer from `min` to `max`, shown with what it counts. */
export function integer({ min = 0, max = Number.MAX_SAFE_INTEGER, unit = '' } = {}): Syntax<number> {
  return {
    form: 'integer',
    parse(text) {
      if (!/^\+?[0-9]+$/.test(text)) return bad('is not an unsigned integer');
      const value = Number(text);
      if (value < min) return bad(`is out of range: at least ${min}`);
      return value <= max ? ok(value) : bad(`is out of range: at most ${max}`);
    },
    show: (value) => (unit === '' ? String(value) : `${value} ${unit}`),
  };
}

const U32_MAX = 0xffffffff;
export const u32 = integer({ max: U32_MAX });
export const u32Bytes = integer({ max: U32_MAX, unit: 'bytes' });
/** A number of worker threads. */
export const cores = integer({ min: 1, max: U32_MAX });

/** The share of a backoff that is added at random. */
export const jitter: Syntax<number> = {
  form: 'number from 0 to 100',
  parse(text) {
    const value = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$/i.test(text) ? Number(text) : Number.NaN;
    return value >= 0 && value <= 100 ? ok(value) : bad('is not a number from 0 to 100');
  },
};

export const string: Syntax<string> = { form: 'text', parse: ok };

/** A path or name that may not be empty. */
export const nonEmpty: Syntax<string> = {
  form: 'text',
  parse: (text) => (text === '' ? bad('must not be empty') : ok(text)),
};

export const socketAddress: Syntax<SocketAddress> = {
  form: 'IP:port, IPv6 in brackets',
  parse(text) {
    const address = parseSocketAddress(text);
    return address ? ok(address) : bad('is not an IP:port');
  },
  show: formatSocketAddress,
};

/** One or two listeners, such as an IPv4 and an IPv6 loopback. */
export const socketAddresses: Syntax<readonly SocketAddress[]> = {
  form: 'one or two IP:port, separated by a comma',
  parse(text) {
    const parts = text.split(',');
    if (parts.length > 2) return bad('holds more than two addresses');
    const addresses = parts.map((part) => parseSocketAddress(part));
    const valid = addresses.filter((address) => address !== undefined);
    return valid.length === addresses.length ? ok(valid) : bad('is not a list of IP:port');
  },
  show: (addresses) => addresses.map(formatSocketAddress).join(','),
};

/** `host:port` where host is an IP or a DNS name, a trailing dot allowed. spec/proxy.md §1.4 says what counts as loopback. */
export const controlTarget: Syntax<ControlTarget> = {
  form: 'host:port',
  parse(text) {
    const authority = parseAuthority(text);
    if (authority?.port === undefined) return bad('is not a host:port');
    const { host, port } = authority;
    if (!isIp(host) && !isDnsName(host.replace(/\.$/, ''))) return bad('has neither an IP nor a DNS name before the port');
    return ok({ host, port, authority: formatAuthority(authority), loopback: host === 'localhost.' || isLoopbackIp(host) });
  },
  show: ({ authority }) => authority,
};

export const portSet: Syntax<PortSet> = {
  form: 'ports and inclusive ranges, such as 25,8080-8090',
  parse(text) {
    const set = parsePortSet(text);
    if (set) return ok(set);
    const item = text.split(',').find((part) => part.trim() !== '' && !parsePortRange(part)) ?? text;
    return bad(`holds ${JSON.stringify(item.trim())}, which is not a port or a range of ports`);
  },
  show: formatPortSet,
};

export const suffixList: Syntax<readonly string[]> = {
  form: 'DNS suffixes separated by commas; . is every name',
  parse(text) {
    const suffixes: string[] = [];
    for (const item of text.split(',')) {
      const suffix = item.trim();
      if (suffix === '') continue;
      if (suffix !== '.' && !isDnsName(suffix.replace(/\.$/, ''))) return bad(`holds ${JSON.stringify(item)}, which is not a DNS suffix`);
      suffixes.push(suffix.toLowerCase());
    }
    return ok(suffixes);
  },
  show: (suffixes) => suffixes.join(','),
};

export const networks: Syntax<readonly IpNetwork[]> = {
  form: 'CIDRs or IPs separated by commas',
  parse(text) {
    const result: IpNetwork[] = [];
    for (const item of text.split(',')) {
      const trimmed = item.trim();
      if (trimmed === '') continue;
      const network = parseNetwork(trimmed);
      if (!network) return bad(`holds ${JSON.stringify(trimmed)}, which is not a network`);
      result.push(network);
    }
    return ok(result);
  },
  show: (list) => list.map(formatNetwork).join(','),
};

/** Items are not trimmed: a blank is an error, and so is an empty value. */
export const ipSet: Syntax<readonly string[]> = {
  form: 'IPs separated by commas, without blanks',
  parse(text) {
    const ips: string[] = [];
    for (const item of text.split(',')) {
      const ip = canonicalIp(item);
      if (ip === undefined) return bad(`holds ${JSON.stringify(item)}, which is not an IP`);
      if (!ips.includes(ip)) ips.push(ip);
    }
    return ok(ips);
  },
  show: (ips) => ips.join(','),
};

/** A DNS name as a certificate carries it: no trailing dot. */
export const identityName: Syntax<string> = {
  form: 'DNS name without a trailing dot',
  parse(text) {
    const id = parseIdentityId(text);
    return id?.kind === 'dns' ? ok(id.name) : bad('is not a DNS name');
  },
};

/** A DNS name or a SPIFFE id, as it is written in certificates. */
export const identityId: Syntax<string> = {
  form: 'DNS name without a trailing dot, or spiffe:// id',
  parse(text) {
    const id = parseIdentityId(text);
    return id ? ok(formatIdentityId(id)) : bad('is neither a DNS name nor a spiffe:// id');
  },
};

/** DER of each certificate of a PEM bundle. */
export const pemCertificates: Syntax<readonly Uint8Array[]> = {
  form: 'PEM certificates',
  parse(text) {
    const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
    if (blocks.length === 0) return bad('holds no PEM certificate');
    const result: Uint8Array[] = [];
    for (const block of blocks) {
      try {
        result.push(new Uint8Array(new X509Certificate(block).raw));
      } catch (error) {
        return bad(`holds a certificate that cannot be read (${error instanceof Error ? error.message : String(error)})`);
      }
    }
    return ok(result);
  },
  show: summarizeCertificates,
};

/** How many, whose, and until when. */
function summarizeCertificates(list: readonly Uint8Array[]): string {
  const shown = list.slice(0, CERTIFICATES_SHOWN).map((der) => {
    const { subject, validTo } = new X509Certificate(der);
    return `${subject.replaceAll('\n', ', ') || '(no subject)'} until ${new Date(validTo).toISOString().slice(0, 10)}`;
  });
  const more = list.length > CERTIFICATES_SHOWN ? `; ${list.length - CERTIFICATES_SHOWN} more` : '';
  return `${list.length} certificate${list.length === 1 ? '' : 's'}: ${shown.join('; ')}${more}`;
}

/** One of a few words, written exactly. */
export function oneOf<const T extends string>(...words: readonly T[]): Syntax<T> {
  return wordSyntax(words, (text) => words.find((word) => word === text));
}

/** One of a few words in any case. */
export function oneOfAnyCase<const T extends string>(...words: readonly T[]): Syntax<T> {
  return wordSyntax(words, (text) => words.find((word) => word.toLowerCase() === text.toLowerCase()));
}

function wordSyntax<T extends string>(words: readonly T[], find: (text: string) => T | undefined): Syntax<T> {
  const form = words.filter((word) => word !== '').join(' or ');
  return {
    form,
    parse(text) {
      const word = find(text);
      return word === undefined ? bad(`must be one of ${words.map((w) => (w === '' ? '""' : w)).join(', ')}`) : ok(word);
    },
  };
}

/** What Linkerd's proxy logs when nothing is said. */
export const DEFAULT_LOG_FILTER = 'warn,linkerd=info,hickory=error';

/** Threshold of this process, of filter directives such as `warn,linkerd=info`. Without any directive: errors only. */
export const logFilter: Syntax<LogThreshold> = {
  form: 'directives, such as warn,linkerd=info',
  parse(text) {
    const level = text.trim() === '' ? 'error' : parseLogFilter(text);
    return level === undefined ? bad('is not a list of log directives') : ok(level);
  },
};

/** A file of `unix:` or `unix://`, or a plain path. */
export const unixPath: Syntax<string> = {
  form: 'path, unix:path or unix://path',
  parse(text) {
    const path = text.replace(/^unix:(\/\/)?/, '');
    return path === '' ? bad('names no socket') : ok(path);
  },
};
