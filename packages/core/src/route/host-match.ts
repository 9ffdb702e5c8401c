// Which hosts a route is for, and how specifically it names them. spec/proxy.md §7.1.
import type { HostMatch } from '../domain/match.ts';

/** One host pattern. Higher ranks are more specific: exact ones over suffixes, longer ones over shorter ones. */
export interface HostPattern {
  /** Lower-case; of a suffix with its first dot. */
  readonly text: string;
  readonly kind: HostMatch['kind'];
  readonly rank: number;
}

const EXACT = 1_000_000;

export function hostPattern(match: HostMatch): HostPattern {
  if (match.kind === 'exact') return { text: match.host.toLowerCase(), kind: 'exact', rank: EXACT + match.host.length };
  const text = `.${[...match.reverseLabels].reverse().join('.').toLowerCase()}`;
  return { text, kind: 'suffix', rank: text.length };
}

/** `host` in lower case, without port. A trailing dot counts only where the pattern has one. */
export function hostMatches({ text, kind }: HostPattern, host: string): boolean {
  const plain = !text.endsWith('.') && host.endsWith('.') ? host.slice(0, -1) : host;
  return kind === 'exact' ? plain === text : plain.length > text.length && plain.endsWith(text);
}

export function formatHost(match: HostMatch): string {
  return match.kind === 'exact' ? match.host : `*${hostPattern(match).text}`;
}

/** Values by host pattern, looked up from the most specific on. */
export class HostIndex<T> {
  readonly #exact = new Map<string, T>();
  readonly #suffixes = new Map<string, { readonly pattern: HostPattern; readonly value: T }>();
  /** Longest first; made when it is first needed. */
  #ordered: readonly { readonly pattern: HostPattern; readonly value: T }[] | undefined;
  #any: T | undefined;

  /** The value under one pattern (undefined: any host), made where there is none yet. */
  at(match: HostMatch | undefined, make: () => T): T {
    if (!match) return (this.#any ??= make());
    const pattern = hostPattern(match);
    if (pattern.kind === 'exact') {
      let value = this.#exact.get(pattern.text);
      if (value === undefined) this.#exact.set(pattern.text, (value = make()));
      return value;
    }
    const known = this.#suffixes.get(pattern.text);
    if (known) return known.value;
    const value = make();
    this.#suffixes.set(pattern.text, { pattern, value });
    this.#ordered = undefined;
    return value;
  }

  /** Whether hosts make no difference. */
  get anyOnly(): boolean {
    return this.#exact.size === 0 && this.#suffixes.size === 0;
  }

  /** The first that `use` makes something of. */
  find<R>(host: string, use: (value: T) => R | undefined): R | undefined {
    if (!this.anyOnly && host !== '') {
      const exact = this.#exact.get(host);
      const found = exact !== undefined ? use(exact) : undefined;
      if (found !== undefined) return found;
      const plain = host.endsWith('.') ? this.#exact.get(host.slice(0, -1)) : undefined;
      const foundPlain = plain !== undefined ? use(plain) : undefined;
      if (foundPlain !== undefined) return foundPlain;
      this.#ordered ??= [...this.#suffixes.values()].sort((a, b) => b.pattern.rank - a.pattern.rank);
      for (const { pattern, value } of this.#ordered) {
        const below = hostMatches(pattern, host) ? use(value) : undefined;
        if (below !== undefined) return below;
      }
    }
    return this.#any === undefined ? undefined : use(this.#any);
  }
}
