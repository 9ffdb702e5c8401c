// The candidates under one host, by what their paths begin with and which headers they want. The index only narrows: whether a match holds
// its predicates say.
import { pathTaken } from './compile-match.ts';
import type { RequestView } from './request-view.ts';
import type { Candidate } from './route-table.ts';

export class MatchIndex<R> {
  readonly #exact = new Map<string, Bucket<R>>();
  readonly #prefixes = new Map<string, Bucket<R>>();
  /** Lengths of the prefixes, longest first. */
  #lengths: readonly number[] = [];
  readonly #patterns = new Bucket<R>();
  /** What the paths of all patterns begin with. */
  #patternPrefix: string | undefined;
  readonly #any = new Bucket<R>();
  /** By `/service/method`, `/service/`, `//method` and `//`. */
  readonly #rpcs = new Map<string, Bucket<R>>();

  /** To be called in the order of ranks. */
  add(candidate: Candidate<R>): void {
    const { path, rpc } = candidate.match;
    if (rpc) bucketAt(this.#rpcs, `/${rpc.service}/${rpc.method}`).add(candidate);
    else if (!path || (path.kind === 'prefix' && path.text === '')) this.#any.add(candidate);
    else if (path.kind === 'exact') bucketAt(this.#exact, path.text).add(candidate);
    else if (path.kind === 'regex') {
      this.#patterns.add(candidate);
      this.#patternPrefix = this.#patternPrefix === undefined ? path.text : commonPrefix(this.#patternPrefix, path.text);
    } else {
      bucketAt(this.#prefixes, path.text).add(candidate);
      if (!this.#lengths.includes(path.text.length)) this.#lengths = [...this.#lengths, path.text.length].sort((a, b) => b - a);
    }
  }

  best(view: RequestView): Candidate<R> | undefined {
    // One that demands nothing may be listed before one that takes every call.
    if (this.#rpcs.size > 0) return this.#any.better(this.#bestRpc(view), view);
    const { path } = view;
    let best = this.#exact.size > 0 ? this.#exact.get(path)?.better(undefined, view) : undefined;
    if (this.#patternPrefix !== undefined && path.startsWith(this.#patternPrefix)) best = this.#patterns.better(best, view);
    for (const length of this.#lengths) {
      // Exact paths and patterns take the whole; prefixes get shorter and shorter.
      if (best && length < pathTaken(best.match, view)) break;
      if (length > path.length || (length < path.length && path.charCodeAt(length) !== SLASH)) continue;
      const bucket = this.#prefixes.get(length === path.length ? path : path.slice(0, length));
      if (bucket) best = bucket.better(best, view);
    }
    return this.#any.better(best, view);
  }

  #bestRpc(view: RequestView): Candidate<R> | undefined {
    const { rpc } = view;
    if (!rpc) return undefined;
    const { service, method } = rpc;
    const at = (wanted: string): Candidate<R> | undefined => this.#rpcs.get(wanted)?.better(undefined, view);
    // A service outweighs a method.
    return at(`/${service}/${method}`) ?? at(`/${service}/`) ?? at(`//${method}`) ?? at('//');
  }
}

const SLASH = 0x2f;

/** Candidates that take equally much of a path. */
class Bucket<R> {
  /** Those that want no header. */
  readonly #plain: Candidate<R>[] = [];
  /** The others, by the name of the first they want. */
  #byHeader: Map<string, Candidate<R>[]> | undefined;

  add(candidate: Candidate<R>): void {
    const [name] = candidate.match.headers;
    if (name === undefined) {
      this.#plain.push(candidate);
      return;
    }
    this.#byHeader ??= new Map();
    const list = this.#byHeader.get(name);
    if (list) list.push(candidate);
    else this.#byHeader.set(name, [candidate]);
  }

  /** The best of these, if it is better than `best`. */
  better(best: Candidate<R> | undefined, view: RequestView): Candidate<R> | undefined {
    let found = betterOf(best, this.#plain, view);
    const byHeader = this.#byHeader;
    if (!byHeader || !hasAny(view.request.headers, byHeader)) return found;
    // Each name once, however often a request has it.
    for (const name of view.headers.keys()) {
      const list = byHeader.get(name);
      if (list) found = betterOf(found, list, view);
    }
    return found;
  }
}

function hasAny(headers: readonly string[], wanted: ReadonlyMap<string, unknown>): boolean {
  for (let i = 0; i < headers.length; i += 2) if (wanted.has(headers[i] as string)) return true;
  return false;
}

/** `candidates` in the order of ranks, all of which take equally much. */
function betterOf<R>(best: Candidate<R> | undefined, candidates: readonly Candidate<R>[], view: RequestView): Candidate<R> | undefined {
  const [first] = candidates;
  if (!first) return best;
  let limit = Number.POSITIVE_INFINITY;
  if (best) {
    const difference = pathTaken(first.match, view) - pathTaken(best.match, view);
    if (difference < 0) return best;
    if (difference === 0) limit = best.rank;
  }
  for (const candidate of candidates) {
    if (candidate.rank >= limit) break;
    if (holds(candidate, view)) return candidate;
  }
  return best;
}

function holds<R>({ match: { predicates } }: Candidate<R>, view: RequestView): boolean {
  for (const predicate of predicates) if (!predicate.holds(view)) return false;
  return true;
}

function bucketAt<R>(buckets: Map<string, Bucket<R>>, key: string): Bucket<R> {
  let found = buckets.get(key);
  if (!found) buckets.set(key, (found = new Bucket()));
  return found;
}

function commonPrefix(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}
