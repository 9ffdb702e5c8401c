// What routing reads of a request, taken apart once and only when asked for. spec/proxy.md §7.1, §7.2.
import { parseAuthority } from '../address/authority.ts';
import { ReasonError, reason } from '../reasons/reason.ts';
import type { Pattern } from './pattern.ts';

/** A request as routes see it, whatever carries it. */
export interface RoutedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** Undefined where the client gave none. */
  readonly authority: string | undefined;
  /** Undefined where the client gave none: `http`. */
  readonly scheme?: string | undefined;
  /** Name, value, name, value; names in lower case. */
  readonly headers: readonly string[];
}

/** Steps that matching one request may take, at most some thirty nanoseconds each: characters times the size of the pattern, or values compared. */
const MAX_STEPS = 2_000_000;

/** What a gRPC request calls. */
export interface Rpc {
  readonly service: string;
  readonly method: string;
}

/** One per request and look-up. */
export class RequestView {
  readonly request: RoutedRequest;
  /** Without the query. */
  readonly path: string;
  /** An upper bound of the steps that matching has taken. */
  steps = 0;
  #rpc: Rpc | undefined | null = null;
  #query: ReadonlyMap<string, readonly string[]> | undefined;
  #headers: ReadonlyMap<string, readonly string[]> | undefined;

  constructor(request: RoutedRequest) {
    this.request = request;
    const mark = request.path.indexOf('?');
    this.path = mark < 0 ? request.path : request.path.slice(0, mark);
  }

  /** Undefined where the path names none. */
  get rpc(): Rpc | undefined {
    if (this.#rpc === null) this.#rpc = rpcOf(this.path);
    return this.#rpc;
  }

  /** Of the parameters, by name. */
  get query(): ReadonlyMap<string, readonly string[]> {
    return (this.#query ??= byName(parseQuery(this.request.path)));
  }

  /** Of the header fields, by name in lower case. */
  get headers(): ReadonlyMap<string, readonly string[]> {
    return (this.#headers ??= byName(pairs(this.request.headers)));
  }

  /** Throws MATCH_LIMIT where the text is too long for what is left of the steps: whether it matches is not known then. */
  matches(pattern: Pattern, text: string): boolean {
    this.#spend(1, text, pattern.source);
    if (!text.startsWith(pattern.prefix)) return false;
    this.#spend((text.length + 1) * pattern.size, text, pattern.source);
    return pattern.matches(text);
  }

  /** Throws MATCH_LIMIT where nothing is left of the steps. */
  equals(wanted: string, text: string): boolean {
    this.#spend(1, text, wanted);
    return text === wanted;
  }

  #spend(steps: number, text: string, wanted: string): void {
    this.steps += steps;
    if (this.steps > MAX_STEPS) throw new ReasonError(reason('MATCH_LIMIT', `${text.length} characters against ${JSON.stringify(wanted)}`));
  }
}

/** The first two segments of the path, whatever follows, as in linkerd2-proxy. */
function rpcOf(path: string): Rpc | undefined {
  const slash = path.indexOf('/', 1);
  if (path[0] !== '/' || slash < 0) return undefined;
  const end = path.indexOf('/', slash + 1);
  return { service: path.slice(1, slash), method: path.slice(slash + 1, end < 0 ? path.length : end) };
}

function byName(values: Iterable<readonly [name: string, value: string]>): ReadonlyMap<string, readonly string[]> {
  const sorted = new Map<string, string[]>();
  for (const [name, value] of values) {
    const known = sorted.get(name);
    if (known) known.push(value);
    else sorted.set(name, [value]);
  }
  return sorted;
}

function* pairs(fields: readonly string[]): Iterable<readonly [string, string]> {
  for (let i = 0; i < fields.length; i += 2) yield [fields[i] as string, fields[i + 1] as string];
}

/** Lower-case, without user information and port, whatever they are; empty where the client gave none. */
export function hostOf(authority: string | undefined): string {
  if (authority === undefined) return '';
  const named = authority.slice(authority.lastIndexOf('@') + 1);
  const colon = named.indexOf(':', named.startsWith('[') ? named.indexOf(']') : 0);
  const host = colon < 0 ? named : named.slice(0, colon);
  return (parseAuthority(host)?.host ?? host).toLowerCase();
}

/** Bytes beyond ASCII are taken for UTF-8, as escaped ones are. */
function parseQuery(path: string): URLSearchParams {
  const mark = path.indexOf('?');
  const query = mark < 0 ? '' : path.slice(mark + 1).replace(/[\x80-\xff]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  // With the mark, so that one which belongs to the query is kept.
  return new URLSearchParams(`?${query}`);
}
