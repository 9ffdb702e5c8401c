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

/** Steps that the patterns of one policy may take for one request: some tens of milliseconds if both are made to be slow. */
const MAX_STEPS = 4_000_000;

/** One per request and look-up. */
export class RequestView {
  readonly request: RoutedRequest;
  /** Without the query. */
  readonly path: string;
  /** An upper bound of the steps that patterns have taken. */
  steps = 0;
  #query: URLSearchParams | undefined;

  constructor(request: RoutedRequest) {
    this.request = request;
    const mark = request.path.indexOf('?');
    this.path = mark < 0 ? request.path : request.path.slice(0, mark);
  }

  get query(): URLSearchParams {
    return (this.#query ??= parseQuery(this.request.path));
  }

  /** Throws MATCH_LIMIT where the text is too long for what is left of the steps: whether it matches is not known then. */
  matches(pattern: Pattern, text: string): boolean {
    if (!text.startsWith(pattern.prefix)) return false;
    this.steps += (text.length + 1) * pattern.size;
    if (this.steps > MAX_STEPS) throw new ReasonError(reason('MATCH_LIMIT', `${text.length} characters against ${JSON.stringify(pattern.source)}`));
    return pattern.matches(text);
  }
}

/** Lower-case, without port; empty where the client gave none. */
export function hostOf(authority: string | undefined): string {
  if (authority === undefined) return '';
  return (parseAuthority(authority)?.host ?? authority).toLowerCase();
}

/** Bytes beyond ASCII are taken for UTF-8, as escaped ones are. */
function parseQuery(path: string): URLSearchParams {
  const mark = path.indexOf('?');
  const query = mark < 0 ? '' : path.slice(mark + 1).replace(/[\x80-\xff]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  // With the mark, so that one which belongs to the query is kept.
  return new URLSearchParams(`?${query}`);
}
