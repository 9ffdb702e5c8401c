// Where a redirect filter leads. spec/proxy.md §7.4.
import { formatAuthority, parseAuthority } from '../address/authority.ts';
import type { Filter } from '../domain/match.ts';
import { ReasonError, reason } from '../reasons/reason.ts';
import { type CompiledMatch, NOTHING_TAKEN } from './compile-match.ts';
import type { RoutedRequest } from './request-view.ts';

export type RedirectFilter = Extract<Filter, { kind: 'redirect' }>;

const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** Undefined: to where the request is already, so that it goes on. Throws REDIRECT_INVALID. */
export function redirectLocation(filter: RedirectFilter, request: RoutedRequest, match: CompiledMatch): string | undefined {
  const from = request.scheme ?? 'http';
  const scheme = filter.scheme ?? from;
  const location = `${scheme}://${authorityOf(filter, request, scheme)}${pathOf(filter, request, match)}`;
  if (!/^[\x21-\x7e]+$/.test(location)) throw invalid(`the location ${JSON.stringify(location)} is not a URI`);
  return sameUri(location, `${from}://${request.authority}${request.path}`) ? undefined : location;
}

/** Whatever the case of their hosts. */
function sameUri(one: string, other: string): boolean {
  const path = other.indexOf('/', other.indexOf('://') + 3);
  return one.slice(path) === other.slice(path) && one.slice(0, path).toLowerCase() === other.slice(0, path).toLowerCase();
}

function authorityOf({ host, port }: RedirectFilter, { authority }: RoutedRequest, scheme: string): string {
  if (host !== undefined && port !== undefined) return `${host}:${port}`;
  // A port may be empty: RFC 3986 §3.2.3.
  const own = authority === undefined ? undefined : parseAuthority(authority.replace(/:$/, ''));
  if (host !== undefined) return own?.port === undefined || isDefault(scheme, own.port) ? host : `${host}:${own.port}`;
  if (authority === undefined) throw invalid('the request names no authority to redirect to');
  if (port === undefined) return authority;
  if (!own) throw invalid(`the authority ${JSON.stringify(authority)} has no port to replace`);
  const wanted = isDefault(scheme, port) ? undefined : port;
  return wanted === own.port ? authority : formatAuthority({ host: own.host, port: wanted });
}

function isDefault(scheme: string, port: number): boolean {
  return DEFAULT_PORTS[scheme] === port;
}

function pathOf({ path: change }: RedirectFilter, request: RoutedRequest, match: CompiledMatch): string {
  if (!change) return request.path;
  if (!change.value.startsWith('/') && change.value !== '') throw invalid(`the path ${JSON.stringify(change.value)} does not begin with /`);
  if (change.kind === 'full') return change.value;
  if (match.path && match.path.kind !== 'prefix') throw invalid('the prefix is to be replaced, and the route does not match by prefix');
  // The prefix / takes its slash, as a match without a path does.
  const rest = request.path.slice(match.path?.text.length || NOTHING_TAKEN);
  if (rest === '' || rest.startsWith('?')) return `${change.value || '/'}${rest}`;
  // What follows the prefix keeps one slash before it, whoever brings it.
  return `${change.value.replace(/\/$/, '')}${rest.startsWith('/') ? '' : '/'}${rest}`;
}

function invalid(detail: string): ReasonError {
  return new ReasonError(reason('REDIRECT_INVALID', detail));
}
