// Names to addresses, with the time that they may be used. An own resolver, because Node's gives no TTL for SRV records.
// spec/proxy.md §5.3; RFC 2782.
import { readFile } from 'node:fs/promises';
import { type Clock, isIp, type Millis, type SocketAddress, systemClock } from '@weft/core';
import { gate } from './gate.ts';
import { hostsFileAddresses } from './hosts-file.ts';
import { Failures, Lookup } from './lookup.ts';
import type { Found, FoundAddress } from './records.ts';
import { candidateNames, parseResolvConf, type ResolvConf } from './resolv-conf.ts';

export interface ResolverOptions {
  /** Answers that take precedence over DNS, by lower-case name without trailing dot. Default none. */
  readonly hosts?: (() => ReadonlyMap<string, readonly string[]>) | undefined;
  /** Path of resolv.conf, read for each resolution. Default `/etc/resolv.conf`. */
  readonly resolvConf?: string;
  /** Path of a hosts file, read for each resolution; what it knows takes precedence over DNS. Default none. */
  readonly hostsFile?: string | undefined;
  /** Clamps for the life of answers, also negative ones, in milliseconds. Default none, but for the least of five seconds. */
  readonly minTtlMs?: Millis | undefined;
  readonly maxTtlMs?: Millis | undefined;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Asked in place of the servers that resolv.conf names. */
  readonly servers?: readonly SocketAddress[] | undefined;
  /** Port of the servers that resolv.conf names. Default 53. */
  readonly serverPort?: number;
  /** Questions asked at once, each over a socket of its own; further ones wait. Default 64. */
  readonly maxQueries?: number;
}

export interface Resolution {
  /** At least one. */
  readonly addresses: readonly FoundAddress[];
  /** How long they may be used before they are asked for again; at least five seconds. */
  readonly ttlMs: Millis;
  /** Set where a server failed for a part of the question: there may be more addresses. */
  readonly incomplete?: true;
}

/** Records of one kind were looked for. Called synchronously; must not throw. */
export type OnLookup = (record: 'SRV' | 'A/AAAA', result: 'ok' | 'not_found') => void;

export interface ResolveOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onLookup?: OnLookup | undefined;
}

/** Each method rejects with a `ResolveError`, or with the signal's reason. */
export interface Resolver {
  /** As Linkerd finds its control plane: SRV records that carry the addresses of pods, else the addresses of the name. */
  resolve(host: string, port: number, options?: ResolveOptions): Promise<Resolution>;
  /** The A and AAAA records of a host; both families together. */
  resolveHost(host: string, port: number, options?: ResolveOptions): Promise<Resolution>;
  /** The targets of a service name (`_http._tcp.web.example`), with port and weight of their SRV records: those of the first priority that has an address. */
  resolveService(name: string, options?: ResolveOptions): Promise<Resolution>;
}

/** `absent`: the name does not exist. `empty`: it exists, without addresses. `failed`: DNS did not say. */
export type ResolveVerdict = 'absent' | 'empty' | 'failed';

/** No address is known. */
export class ResolveError extends Error {
  override readonly name = 'ResolveError';
  readonly verdict: ResolveVerdict;
  /** How long that may be believed; undefined where DNS did not say so, or did not answer. */
  readonly negativeTtlMs: Millis | undefined;

  constructor(message: string, verdict: ResolveVerdict, negativeTtlMs?: Millis, options?: ErrorOptions) {
    super(message, options);
    this.verdict = verdict;
    this.negativeTtlMs = negativeTtlMs;
  }
}

const LEAST_TTL_MS = 5_000;
const RESOLV_CONF = '/etc/resolv.conf';

export function resolver(options: ResolverOptions = {}): Resolver {
  const { clock = systemClock(), resolvConf = RESOLV_CONF, servers, minTtlMs, maxTtlMs, serverPort } = options;
  const questions = gate(options.maxQueries ?? 64);
  const clamp = (seconds: number): Millis => Math.max(LEAST_TTL_MS, minTtlMs ?? 0, Math.min(seconds * 1_000, maxTtlMs ?? Number.POSITIVE_INFINITY));

  /** What needs no DNS. */
  const known = async (host: string, port: number): Promise<Resolution | undefined> => {
    if (isIp(host)) return { addresses: [{ ip: host, port }], ttlMs: Number.POSITIVE_INFINITY };
    const plain = host.toLowerCase().replace(/\.$/, '');
    if (plain === 'localhost') return { addresses: [{ ip: '127.0.0.1', port }], ttlMs: Number.POSITIVE_INFINITY };
    const listed = options.hosts?.().get(plain) ?? [];
    const ips = listed.length === 0 && options.hostsFile !== undefined ? hostsFileAddresses(await readHosts(options.hostsFile), plain) : listed;
    return ips.length > 0 ? { addresses: ips.map((ip) => ({ ip, port })), ttlMs: LEAST_TTL_MS } : undefined;
  };

  /** Name after name, as resolv.conf completes it, until one is found. */
  const search = async (host: string, signal: AbortSignal | undefined, ask: (lookup: Lookup, name: string) => Promise<Found | undefined>) => {
    const conf = await readConf(resolvConf, servers, serverPort);
    const failures = new Failures();
    const lookup = new Lookup({ conf, clock, signal, gate: questions }, failures);
    for (const name of candidateNames(host, conf)) {
      const before = failures.error;
      const found = await ask(lookup, name);
      if (!found) continue;
      const ttlMs = clamp(found.ttlSeconds);
      return failures.error === before ? { addresses: found.addresses, ttlMs } : { addresses: found.addresses, ttlMs, incomplete: true as const };
    }
    throw nothingFound(host, failures, clamp);
  };

  return {
    async resolve(host, port, { signal, onLookup } = {}) {
      return (
        (await known(host, port)) ??
        search(host, signal, async (lookup, name) => {
          const srv = await lookup.srv(name);
          onLookup?.('SRV', srv ? 'ok' : 'not_found');
          if (srv) return srv;
          const found = await lookup.addresses(name, port);
          onLookup?.('A/AAAA', found ? 'ok' : 'not_found');
          return found;
        })
      );
    },
    async resolveHost(host, port, { signal, onLookup } = {}) {
      return (
        (await known(host, port)) ??
        search(host, signal, async (lookup, name) => {
          const found = await lookup.addresses(name, port);
          onLookup?.('A/AAAA', found ? 'ok' : 'not_found');
          return found;
        })
      );
    },
    resolveService(host, { signal, onLookup } = {}) {
      return search(host, signal, async (lookup, name) => {
        const found = await lookup.service(name);
        onLookup?.('SRV', found ? 'ok' : 'not_found');
        return found;
      });
    },
  };
}

function nothingFound(host: string, failures: Failures, clamp: (seconds: number) => Millis): ResolveError {
  const { negativeTtlSeconds, nameExists, error } = failures;
  const verdict: ResolveVerdict = error ? 'failed' : nameExists ? 'empty' : 'absent';
  const why = error ? `: ${error.message}` : '';
  const negativeTtlMs = negativeTtlSeconds === undefined ? undefined : clamp(negativeTtlSeconds);
  return new ResolveError(`no address is known for ${host}${why}`, verdict, negativeTtlMs, { cause: error });
}

/** A machine without the file knows no hosts. */
async function readHosts(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

async function readConf(path: string, servers: readonly SocketAddress[] | undefined, serverPort: number | undefined): Promise<ResolvConf> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    // Who names servers needs no file.
    if (servers) return '';
    throw new ResolveError(`${path} cannot be read`, 'failed', undefined, { cause: error });
  });
  const conf = parseResolvConf(text);
  return { ...conf, servers: servers ?? conf.servers.map((server) => ({ ...server, port: serverPort ?? server.port })) };
}
