// The questions about one name, over all servers: SRV, and the addresses of both families. RFC 1034 §5.3.1; RFC 2782; RFC 3596.
import type { Clock } from '@weft/core';
import type { Gate } from './gate.ts';
import { query } from './query.ts';
import { type Found, hostAddresses, MAX_ALIASES, srvAddresses, srvTargets } from './records.ts';
import type { QuestionType, Reply } from './reply.ts';
import type { ResolvConf } from './resolv-conf.ts';

/** Of all targets of a service together; what one message carries is less. */
const MAX_ADDRESSES = 4_096;
/** Each costs two sockets. */
const HOSTS_AT_ONCE = 5;

/** Why there is no answer, over all names and records that were tried. */
export class Failures {
  /** The newest failure of a server to answer. */
  error: Error | undefined;
  /** One of the names exists, though without records of use. */
  nameExists = false;
  #seconds = Number.POSITIVE_INFINITY;

  absent(reply: Reply): void {
    this.nameExists ||= reply.exists;
    this.#seconds = Math.min(this.#seconds, reply.negativeTtlSeconds ?? Number.POSITIVE_INFINITY);
  }

  /** Undefined where a server failed: that is not an answer to be remembered. */
  get negativeTtlSeconds(): number | undefined {
    return this.error === undefined && Number.isFinite(this.#seconds) ? this.#seconds : undefined;
  }
}

export interface LookupOptions {
  readonly conf: ResolvConf;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  /** Shared by all look-ups of a resolver. */
  readonly gate: Gate;
}

/** The questions about one name. Rejects only when aborted. */
export class Lookup {
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

  /** What the SRV records of a service lead to: the targets of the first priority that has an address. */
  async service(name: string): Promise<Found | undefined> {
    const reply = await this.#ask(name, 'SRV').catch((error: unknown) => this.#failed(error));
    if (!reply) return undefined;
    const targets = srvTargets(reply.answers, name);
    this.#failures.absent(reply);
    for (const group of targets?.groups ?? []) {
      const hosts = await this.#hosts([...new Set(group.map(({ host }) => host))]);
      const addresses = group.flatMap(({ host, port, weight }) => (hosts.get(host)?.addresses ?? []).map(({ ip }) => ({ ip, port, weight })));
      const ttls = [...hosts.values()].map(({ ttlSeconds }) => ttlSeconds);
      if (addresses.length > 0) return { addresses: addresses.slice(0, MAX_ADDRESSES), ttlSeconds: Math.min(targets?.ttlSeconds ?? 0, ...ttls) };
    }
    return undefined;
  }

  /** The addresses of those that have any; their port says nothing. */
  async #hosts(names: readonly string[]): Promise<ReadonlyMap<string, Found>> {
    const found = new Map<string, Found>();
    const ask = async (name: string): Promise<void> => {
      const one = await this.addresses(name, 0);
      if (one) found.set(name, one);
    };
    for (let at = 0; at < names.length; at += HOSTS_AT_ONCE) await Promise.all(names.slice(at, at + HOSTS_AT_ONCE).map(ask));
    return found;
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
        return this.#failed(error);
      }
    }
    this.#failures.error = new Error(`${name} leads over more than ${MAX_ALIASES} aliases`);
    return undefined;
  }

  /** Server after server, round after round, until one answers. */
  async #ask(name: string, type: QuestionType): Promise<Reply> {
    const { conf, clock, signal, gate } = this.#options;
    let failure: unknown;
    for (let attempt = 0; attempt < conf.attempts; attempt++) {
      for (const server of conf.servers) {
        try {
          return await gate.run(() => query({ server, name, type, timeoutMs: conf.timeoutMs, clock, signal }));
        } catch (error) {
          failure = error;
          signal?.throwIfAborted();
        }
      }
    }
    throw failure;
  }

  #failed(error: unknown): undefined {
    this.#failures.error = error instanceof Error ? error : new Error(String(error));
    return this.#unlessAborted(error);
  }

  #unlessAborted(error: unknown): undefined {
    if (this.#options.signal?.aborted) throw error;
    return undefined;
  }
}
