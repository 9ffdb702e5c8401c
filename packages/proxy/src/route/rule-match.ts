// Whether a rule's match fits a request, and how specifically. spec/proxy.md §7.2, §7.3.
import { type GrpcMatch, type HttpMatch, type NamedMatch, ReasonError, reason, type StringMatch } from '@weft/core';
import type { FieldList, RequestHead } from '@weft/http';

/** Compared position by position, higher wins. */
export type Specificity = readonly number[];

/** Undefined: the match does not fit. */
export type RuleMatcher = (request: RequestHead) => Specificity | undefined;

const ANY: Specificity = [0, 0, 0, 0];

/** No matches at all fit everything. Throws POLICY_INVALID on what is not supported. */
export function anyOf<M>(matches: readonly M[], compile: (match: M) => RuleMatcher): RuleMatcher {
  if (matches.length === 0) return () => ANY;
  const matchers = matches.map(compile);
  return (request) => {
    let best: Specificity | undefined;
    for (const matcher of matchers) {
      const found = matcher(request);
      if (found && (!best || compare(found, best) > 0)) best = found;
    }
    return best;
  };
}

export function compare(a: Specificity, b: Specificity): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

export function httpMatcher(match: HttpMatch): RuleMatcher {
  const path = match.path && pathMatcher(match.path);
  const headers = match.headers.map((one) => fieldMatcher(one, one.name.toLowerCase()));
  const query = match.query.map(queryMatcher);
  const { method } = match;
  return (request) => {
    if (method !== undefined && request.method !== method) return undefined;
    const pathLength = path ? path(pathOf(request)) : 0;
    if (pathLength === undefined) return undefined;
    if (!headers.every((matches) => matches(request.headers))) return undefined;
    if (query.length > 0 && !everyQuery(query, request)) return undefined;
    return [pathLength, headers.length, query.length, method === undefined ? 0 : 1];
  };
}

export function grpcMatcher(match: GrpcMatch): RuleMatcher {
  const service = match.rpc?.service ?? '';
  const method = match.rpc?.method ?? '';
  const headers = match.headers.map((one) => fieldMatcher(one, one.name.toLowerCase()));
  return (request) => {
    if (request.method !== 'POST') return undefined;
    const parts = /^\/([^/]+)\/([^/]+)$/.exec(pathOf(request));
    if (!parts) return undefined;
    if ((service !== '' && parts[1] !== service) || (method !== '' && parts[2] !== method)) return undefined;
    return headers.every((matches) => matches(request.headers)) ? [service.length, method.length, headers.length] : undefined;
  };
}

function pathOf(request: RequestHead): string {
  const query = request.path.indexOf('?');
  return query < 0 ? request.path : request.path.slice(0, query);
}

/** How many characters matched. */
function pathMatcher(match: NonNullable<HttpMatch['path']>): (path: string) => number | undefined {
  if (match.kind === 'prefix') {
    const prefix = match.value.replace(/\/+$/, '');
    return (path) => (path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/') ? prefix.length : undefined);
  }
  const matches = stringMatcher(match);
  return (path) => (matches(path) ? path.length : undefined);
}

function stringMatcher(match: StringMatch): (text: string) => boolean {
  if (match.kind === 'exact') return (text) => text === match.value;
  throw new ReasonError(reason('POLICY_INVALID', `regular expressions are not supported: ${match.regex}`));
}

function fieldMatcher(match: NamedMatch, name: string): (headers: FieldList) => boolean {
  const matches = stringMatcher(match.value);
  return (headers) => {
    for (let i = 0; i < headers.length; i += 2) if (headers[i] === name && matches(headers[i + 1] as string)) return true;
    return false;
  };
}

function queryMatcher(match: NamedMatch): (query: URLSearchParams) => boolean {
  const matches = stringMatcher(match.value);
  return (query) => query.getAll(match.name).some(matches);
}

function everyQuery(matchers: readonly ((query: URLSearchParams) => boolean)[], request: RequestHead): boolean {
  const mark = request.path.indexOf('?');
  const query = new URLSearchParams(mark < 0 ? '' : request.path.slice(mark + 1));
  return matchers.every((matches) => matches(query));
}
