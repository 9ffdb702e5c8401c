// The candidates under one host, by what their paths begin with. The index only narrows: whether a match holds its predicates say.
import { pathTaken } from './compile-match.ts';
import type { RequestView } from './request-view.ts';
import type { Candidate } from './route-table.ts';

type Bucket<R> = Candidate<R>[];

export class MatchIndex<R> {
  readonly #exact = new Map<string, Bucket<R>>();
  readonly #prefixes = new Map<string, Bucket<R>>();
  /** Lengths of the prefixes, longest first. */
  #lengths: readonly number[] = [];
  readonly #patterns: Bucket<R> = [];
  readonly #any: Bucket<R> = [];
  /** By `/service/method`, `/service/`, `//method` and `//`. */
  readonly #rpcs = new Map<string, Bucket<R>>();

  /** To be called in the order of ranks. */
  add(candidate: Candidate<R>): void {
    const { path, rpc } = candidate.match;
    if (rpc) bucket(this.#rpcs, `/${rpc.service}/${rpc.method}`).push(candidate);
    else if (!path || (path.kind === 'prefix' && path.text === '')) this.#any.push(candidate);
    else if (path.kind === 'exact') bucket(this.#exact, path.text).push(candidate);
    else if (path.kind === 'regex') this.#patterns.push(candidate);
    else {
      bucket(this.#prefixes, path.text).push(candidate);
      if (!this.#lengths.includes(path.text.length)) this.#lengths = [...this.#lengths, path.text.length].sort((a, b) => b - a);
    }
  }

  best(view: RequestView): Candidate<R> | undefined {
    if (this.#rpcs.size > 0) {
      const rpc = this.#bestRpc(view);
      if (rpc) return rpc;
    }
    const { path } = view;
    let best = better(undefined, this.#exact.size > 0 ? this.#exact.get(path) : undefined, view);
    if (this.#patterns.length > 0) best = better(best, this.#patterns, view);
    for (const length of this.#lengths) {
      // Exact paths and patterns take the whole; prefixes get shorter and shorter.
      if (best && length < pathTaken(best.match, view)) break;
      if (length <= path.length) best = better(best, this.#prefixes.get(length === path.length ? path : path.slice(0, length)), view);
    }
    return better(best, this.#any, view);
  }

  #bestRpc(view: RequestView): Candidate<R> | undefined {
    const { path } = view;
    const slash = path.indexOf('/', 1);
    if (slash < 0) return undefined;
    const service = path.slice(0, slash + 1);
    const method = path.slice(slash + 1);
    const rpcs = this.#rpcs;
    return first(rpcs.get(path), view) ?? first(rpcs.get(service), view) ?? first(rpcs.get(`//${method}`), view) ?? first(rpcs.get('//'), view);
  }
}

function bucket<R>(buckets: Map<string, Bucket<R>>, key: string): Bucket<R> {
  let found = buckets.get(key);
  if (!found) buckets.set(key, (found = []));
  return found;
}

function holds<R>({ match: { predicates } }: Candidate<R>, view: RequestView): boolean {
  for (let i = 0; i < predicates.length; i++) if (!predicates[i]?.holds(view)) return false;
  return true;
}

function first<R>(candidates: Bucket<R> | undefined, view: RequestView): Candidate<R> | undefined {
  if (candidates) for (const candidate of candidates) if (holds(candidate, view)) return candidate;
  return undefined;
}

/** The best of a bucket, whose candidates all take equally much of the path, if it is better than `best`. */
function better<R>(best: Candidate<R> | undefined, candidates: Bucket<R> | undefined, view: RequestView): Candidate<R> | undefined {
  if (!candidates) return best;
  const taken = best && pathTaken(best.match, view);
  for (const candidate of candidates) {
    if (best && taken !== undefined) {
      const own = pathTaken(candidate.match, view);
      if (own < taken || (own === taken && candidate.rank > best.rank)) break;
    }
    if (holds(candidate, view)) return candidate;
  }
  return best;
}
