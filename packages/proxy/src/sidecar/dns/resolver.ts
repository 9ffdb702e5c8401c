// Addresses of control-plane services: hosts first, then SRV of the name itself, then A and AAAA. spec/proxy.md §5.3.
import { readFile } from 'node:fs/promises';
import { type Clock, canonicalIp, isIp, type SocketAddress } from '@weft/core';
import type { StringAnswer } from 'dns-packet';
import { type QuestionType, query, type Reply } from './query.ts';
import { candidateNames, parseResolvConf, type ResolvConf } from './resolv-conf.ts';

export interface ResolverOptions {
  /** Answers that take precedence over DNS, by lower-case name without trailing dot. Default none. */
  readonly hosts?: () => ReadonlyMap<string, readonly string[]>;
  /** Path of resolv.conf, read for each resolution. */
  readonly resolvConf: string;
  /** Clamps for the life of answers, in milliseconds. Default none. */
  readonly minTtlMs?: number | undefined;
  readonly maxTtlMs?: number | undefined;
  readonly clock: Clock;
  /** Port of DNS servers. Default 53. */
  readonly serverPort?: number;
}

export interface Resolution {
  /** At least one. */
  readonly addresses: readonly SocketAddress[];
  /** How long they may be used before they are asked for again; at least five seconds. */
  readonly ttlMs: number;
}

export interface Resolver {
  /** Rejects where no address is known; the message names the servers and names that were asked. */
  resolve(host: string, port: number, signal?: AbortSignal): Promise<Resolution>;
}

const LEAST_TTL_MS = 5_000;

export function resolver(options: ResolverOptions): Resolver {
  const { clock, minTtlMs, maxTtlMs } = options;
  const clamp = (seconds: number): number => Math.max(LEAST_TTL_MS, minTtlMs ?? 0, Math.min(seconds * 1_000, maxTtlMs ?? Number.POSITIVE_INFINITY));
  const fixed = (ips: readonly string[], port: number): Resolution => ({ addresses: ips.map((ip) => ({ ip, port })), ttlMs: LEAST_TTL_MS });

  const ask = async (conf: ResolvConf, name: string, type: QuestionType, signal: AbortSignal | undefined): Promise<Reply> => {
    let failure: unknown;
    for (let attempt = 0; attempt < conf.attempts; attempt++) {
      for (const server of conf.servers) {
        try {
          return await query({ server: { ...server, port: options.serverPort ?? server.port }, name, type, timeoutMs: conf.timeoutMs, clock, signal });
        } catch (error) {
          failure = error;
          signal?.throwIfAborted();
        }
      }
    }
    throw failure;
  };

  return {
    async resolve(host, port, signal) {
      if (isIp(host)) return { addresses: [{ ip: host, port }], ttlMs: Number.POSITIVE_INFINITY };
      const plain = host.toLowerCase().replace(/\.$/, '');
      if (plain === 'localhost') return fixed(['127.0.0.1'], port);
      const known = options.hosts?.().get(plain);
      if (known && known.length > 0) return fixed(known, port);
      const conf = parseResolvConf(await readFile(options.resolvConf, 'utf8'));
      for (const name of candidateNames(host, conf)) {
        // The SRV look-up is an extra: its failure must not keep A and AAAA from being tried.
        const srv = await ask(conf, name, 'SRV', signal).catch(() => undefined);
        const found = (srv && fromSrv(srv)) ?? fromAddresses(await Promise.all([ask(conf, name, 'A', signal), ask(conf, name, 'AAAA', signal)]), port);
        if (found) return { addresses: found.addresses, ttlMs: clamp(found.ttlSeconds) };
      }
      throw new Error(`no address is known for ${host}`);
    },
  };
}

interface Found {
  readonly addresses: readonly SocketAddress[];
  readonly ttlSeconds: number;
}

/** Kubernetes writes the address into the first label of a headless Service's targets: `10-42-0-3.name`. Anything else makes the answer unusable. */
export function fromSrv({ answers }: Pick<Reply, 'answers'>): Found | undefined {
  const addresses: SocketAddress[] = [];
  let ttlSeconds = Number.POSITIVE_INFINITY;
  for (const answer of answers) {
    if (answer.type !== 'SRV') continue;
    const label = answer.data.target.split('.')[0] ?? '';
    const ip = canonicalIp(label.replaceAll('-', '.')) ?? canonicalIp(label.replaceAll('-', ':'));
    if (ip === undefined) return undefined;
    addresses.push({ ip, port: answer.data.port });
    ttlSeconds = Math.min(ttlSeconds, answer.ttl ?? 0);
  }
  return addresses.length > 0 ? { addresses, ttlSeconds } : undefined;
}

function fromAddresses(replies: readonly Reply[], port: number): Found | undefined {
  const addresses: SocketAddress[] = [];
  let ttlSeconds = Number.POSITIVE_INFINITY;
  for (const answer of replies.flatMap(({ answers }) => answers)) {
    if (answer.type !== 'A' && answer.type !== 'AAAA') continue;
    const ip = canonicalIp((answer as StringAnswer).data);
    if (ip === undefined) continue;
    addresses.push({ ip, port });
    ttlSeconds = Math.min(ttlSeconds, answer.ttl ?? 0);
  }
  return addresses.length > 0 ? { addresses, ttlSeconds } : undefined;
}
