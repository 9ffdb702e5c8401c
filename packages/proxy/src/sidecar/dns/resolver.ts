// Names of the control plane to addresses, with the time that they may be used. An own resolver, because Node's gives no TTL for
// SRV records. spec/proxy.md §5.3.
import { readFile } from 'node:fs/promises';
import { type Clock, isIp, type Millis, type SocketAddress } from '@weft/core';
import { query } from './query.ts';
import { type Found, hostAddresses, MAX_ALIASES, srvAddresses } from './records.ts';
import type { QuestionType, Reply } from './reply.ts';
import { candidateNames, parseResolvConf, type ResolvConf } from './resolv-conf.ts';

export interface ResolverOptions {
  /** Answers that take precedence over DNS, by lower-case name without trailing dot. Default none. */
  readonly hosts?: (() => ReadonlyMap<string, readonly string[]>) | undefined;
  /** Path of resolv.conf, read for each resolution. */
  readonly resolvConf: string;
  /** Clamps for the life of answers, also negative ones, in milliseconds. Default none. */
  readonly minTtlMs?: Millis | undefined;
  readonly maxTtlMs?: Millis | undefined;
  readonly clock: Clock;
  /** Port of DNS servers. Default 53. */
  readonly serverPort?: number;
}

export interface Resolution {
  /** At least one. */
  readonly addresses: readonly SocketAddress[];
  /** How long they may be used before they are asked for again; at least five seconds. */
  readonly ttlMs: Millis;
}

/** Records of one kind were looked for. Called synchronously; must not throw. */
export type OnLookup = (record: 'SRV' | 'A/AAAA', result: 'ok' | 'not_found') => void;

export interface ResolveOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onLookup?: OnLookup | undefined;
}

export interface Resolver {
  /** Rejects with a `ResolveError`, or with the signal's reason. */
  resolve(host: string, port: number, options?: ResolveOptions): Promise<Resolution>;
}

/** No address is known. */
export class ResolveError extends Error {
  override readonly name = 'ResolveError';
  /** How long that may be believed; undefined where DNS did not say so, or did not answer. */
  readonly negativeTtlMs: Millis | undefined;

  constructor(message: string, negativeTtlMs: Millis | undefined, options?: ErrorOptions) {
    super(message, options);
    this.negativeTtlMs = negativeTtlMs;
  }
}

const LEAST_TTL_MS = 5_000;

export function resolver(options: ResolverOptions): Resolver {
  const { clock, minTtlMs, maxTtlMs, serverPort } = options;
  const clamp = (seconds: number): Millis => Math.max(LEAST_TTL_MS, minTtlMs ?? 0, Math.min(seconds * 1_000, maxTtlMs ?? Number.POSITIVE_INFINITY));

  return {
    async resolve(host, port, { signal, onLookup } = {}) {
      if (isIp(host)) return { addresses: [{ ip: host, port }], ttlMs: Number.POSITIVE_INFINITY };
      const plain = host.toLowerCase().replace(/\.$/, '');
      if (plain === 'localhost') return { addresses: [{ ip: '127.0.0.1', port }], ttlMs: Number.POSITIVE_INFINITY };
      const known = options.hosts?.().get(plain);
      if (known && known.length > 0) return { addresses: known.map((ip) => ({ ip, port })), ttlMs: LEAST_TTL_MS };
      const conf = await readConf(options.resolvConf);
      const failures = new Failures();
      for (const name of candidateNames(host, conf)) {
        const lookup = new Lookup({ conf, clock, signal, serverPort }, failures);
        const srv = await lookup.srv(name);
        onLookup?.('SRV', srv ? 'ok' : 'not_found');
        const found = srv ?? (await lookup.addresses(name, port));
        if (!srv) onLookup?.('A/AAAA', found ? 'ok' : 'not_found');
        if (found) return { addresses: found.addresses, ttlMs: clamp(found.ttlSeconds) };
      }
      const { negativeTtlSeconds, error } = failures;
      const why = error ? `: ${error.message}` : '';
      throw new ResolveError(`no address is known for ${host}${why}`, negativeTtlSeconds === undefined ? undefined : clamp(negativeTtlSeconds), {
        cause: error,
      });
    },
  };
}

async function readConf(path: string): Promise<ResolvConf> {
  try {
    return parseResolvConf(await readFile(path, 'utf8'));
  } catch (error) {
    throw new ResolveError(`${path} cannot be read`, undefined, { cause: error });
  }
}

/** Why there is no answer, over all names and records that were tried. */
class Failures {
  /** The newest failure of a server to answer. */
  error: Error | undefined;
  #seconds = Number.POSITIVE_INFINITY;

  absent(reply: Reply): void {
    this.#seconds = Math.min(this.#seconds, reply.negativeTtlSeconds ?? Number.POSITIVE_INFINITY);
  }

  /** Undefined where a server failed: that is not an answer to be remembered. */
  get negativeTtlSeconds(): number | undefined {
    return this.error === undefined && Number.isFinite(this.#seconds) ? this.#seconds : undefined;
  }
}

interface LookupOptions {
  readonly conf: ResolvConf;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  readonly serverPort: number | undefined;
}

/** The questions about one name. Rejects only when aborted. */
class Lookup {
  readonly #options: LookupOptions;
  readonly #failures: Failures;

  constructor(options: LookupOptions, failures: Failures) {
    this.#options = options;
    this.#failures = failures;
  }

  /** An extra: its absence or failure says nothing about the name. */
  async srv(name: string): Promise<Found | undefined> {
    const reply = await this.#ask(name, 'SRV').catch((error: unknown) => this.#unlessAborted(error));
    return reply && srvAddresses(reply.answers, name);
  }

  /** Of both families. A server that fails for one of them does not spoil the other. */
  async addresses(name: string, port: number): Promise<Found | undefined> {
    const both = await Promise.all([this.#family(name, 'A', port), this.#family(name, 'AAAA', port)]);
    const found = both.filter((one) => one !== undefined);
    if (found.length === 0) return undefined;
    return { addresses: found.flatMap(({ addresses }) => addresses), ttlSeconds: Math.min(...found.map(({ ttlSeconds }) => ttlSeconds)) };
  }

  async #family(name: string, type: 'A' | 'AAAA', port: number): Promise<Found | undefined> {
    let asked = name;
    let ttlSeconds = Number.POSITIVE_INFINITY;
    for (let n = 0; n <= MAX_ALIASES; n++) {
      try {
        const reply = await this.#ask(asked, type);
        const answers = hostAddresses(reply.answers, asked, port);
        if (!answers) {
          this.#failures.absent(reply);
          return undefined;
        }
        ttlSeconds = Math.min(ttlSeconds, answers.ttlSeconds);
        if ('addresses' in answers) return { addresses: answers.addresses, ttlSeconds };
        asked = answers.alias;
      } catch (error) {
        this.#failures.error = error instanceof Error ? error : new Error(String(error));
        return this.#unlessAborted(error);
      }
    }
    this.#failures.error = new Error(`${name} leads over more than ${MAX_ALIASES} aliases`);
    return undefined;
  }

  /** Server after server, round after round, until one answers. */
  async #ask(name: string, type: QuestionType): Promise<Reply> {
    const { conf, clock, signal, serverPort } = this.#options;
    let failure: unknown;
    for (let attempt = 0; attempt < conf.attempts; attempt++) {
      for (const server of conf.servers) {
        try {
          return await query({ server: { ...server, port: serverPort ?? server.port }, name, type, timeoutMs: conf.timeoutMs, clock, signal });
        } catch (error) {
          failure = error;
          signal?.throwIfAborted();
        }
      }
    }
    throw failure;
  }

  #unlessAborted(error: unknown): undefined {
    if (this.#options.signal?.aborted) throw error;
    return undefined;
  }
}
