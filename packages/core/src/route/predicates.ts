// The single things that a match demands of a request, and what each says when it does not hold. spec/proxy.md §7.2, §7.3.
import type { HttpMatch, NamedMatch, PathMatch, StringMatch } from '../domain/match.ts';
import type { CompilePattern } from './pattern.ts';
import type { RequestView } from './request-view.ts';

/** Which part of a request did not fit, what was wanted, and what there was. */
export interface Mismatch {
  readonly predicate: 'host' | 'method' | 'path' | 'header' | 'query' | 'service' | 'condition';
  /** Of the header or query parameter. */
  readonly name?: string | undefined;
  readonly wanted: string;
  /** Undefined: there was none. */
  readonly found: string | undefined;
}

/** Asked per request; throws MATCH_LIMIT only. */
export interface Predicate {
  holds(view: RequestView): boolean;
  /** To be called where it does not hold. */
  mismatch(view: RequestView): Mismatch;
}

export interface PathPredicate extends Predicate {
  readonly kind: PathMatch['kind'];
  /** The path itself, the prefix without trailing slashes, or what every path begins with that the pattern matches. */
  readonly text: string;
  /** How many characters of the path it takes where it holds. */
  taken(view: RequestView): number;
}

export function methodIs(method: string): Predicate {
  return {
    holds: ({ request }) => request.method === method,
    mismatch: ({ request }) => ({ predicate: 'method', wanted: method, found: request.method }),
  };
}

export function pathIs(match: NonNullable<HttpMatch['path']>, compile: CompilePattern): PathPredicate {
  const mismatch = ({ path }: RequestView): Mismatch => ({ predicate: 'path', wanted: formatPath(match), found: path });
  if (match.kind === 'prefix') {
    const text = match.value.replace(/\/+$/, '');
    // `/` holds for every path, and takes the character that each has.
    if (text === '') return { kind: 'prefix', text, mismatch, taken: () => 1, holds: () => true };
    const holds = ({ path }: RequestView): boolean => path.startsWith(text) && (path.length === text.length || path[text.length] === '/');
    return { kind: 'prefix', text, mismatch, taken: () => text.length, holds };
  }
  const value = stringIs(match, compile);
  return {
    kind: match.kind,
    text: match.kind === 'exact' ? match.value : compile(match.regex).prefix,
    mismatch,
    taken: (view) => view.path.length,
    holds: (view) => value(view, view.path),
  };
}

export function headerIs(match: NamedMatch, compile: CompilePattern): Predicate {
  const name = match.name.toLowerCase();
  const value = stringIs(match.value, compile);
  // Patterns are about text: a value with other bytes has none.
  const fits = match.value.kind === 'regex' ? (view: RequestView, text: string) => value(view, text) && /^[\t\x20-\x7e]*$/.test(text) : value;
  return {
    holds: (view) => view.headers.get(name)?.some((text) => fits(view, text)) ?? false,
    mismatch: (view) => ({ predicate: 'header', name, wanted: formatString(match.value), found: view.headers.get(name)?.join(', ') }),
  };
}

export function queryIs(match: NamedMatch, compile: CompilePattern): Predicate {
  const { name } = match;
  const value = stringIs(match.value, compile);
  return {
    holds: (view) => view.query.get(name)?.some((text) => value(view, text)) ?? false,
    mismatch: (view) => ({ predicate: 'query', name, wanted: formatString(match.value), found: view.query.get(name)?.join(', ') }),
  };
}

/** An empty service or method fits any. */
export function rpcIs(service: string, method: string): Predicate {
  return {
    holds: ({ rpc }) => rpc !== undefined && (service === '' || rpc.service === service) && (method === '' || rpc.method === method),
    mismatch: ({ path }) => ({ predicate: 'service', wanted: `/${service || '*'}/${method || '*'}`, found: path }),
  };
}

export function formatString(match: StringMatch): string {
  return match.kind === 'exact' ? match.value : `regex ${match.regex}`;
}

export function formatPath(match: PathMatch): string {
  return match.kind === 'prefix' ? `prefix ${match.value}` : formatString(match);
}

function stringIs(match: StringMatch, compile: CompilePattern): (view: RequestView, text: string) => boolean {
  if (match.kind === 'exact') return (view, text) => view.equals(match.value, text);
  const pattern = compile(match.regex);
  return (view, text) => view.matches(pattern, text);
}
