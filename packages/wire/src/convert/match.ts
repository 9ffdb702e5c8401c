// Matches of routes. spec/proxy.md §7.1 – §7.3.
import type { GrpcMatch, HostMatch, HttpMatch, NamedMatch, PathMatch, StringMatch } from '@weft/core';
import type {
  GrpcRouteMatch,
  HttpRouteHeaderMatch,
  HttpRouteHostMatch,
  HttpRouteMatch,
  HttpRoutePathMatch,
  HttpRouteQueryParamMatch,
} from '../gen/messages.ts';
import { ConvertError } from './convert-error.ts';
import { headerNameFromWire, headerValueFromWire, headerValueToWire, methodFromWire, methodToWire } from './http-types.ts';
import { each, join, optional } from './path.ts';

/** Also reads SniMatch, which has the same shape. */
export function hostMatchFromWire(wire: HttpRouteHostMatch, at: string): HostMatch {
  if (wire.suffix) return { kind: 'suffix', reverseLabels: [...(wire.suffix.reverseLabels ?? [])] };
  if (typeof wire.exact !== 'string') throw new ConvertError('KIND_UNKNOWN', join(at, 'match'));
  return { kind: 'exact', host: wire.exact };
}

export function hostMatchToWire(match: HostMatch): HttpRouteHostMatch {
  return match.kind === 'exact' ? { exact: match.host } : { suffix: { reverseLabels: match.reverseLabels } };
}

export function httpMatchFromWire(wire: HttpRouteMatch, at: string): HttpMatch {
  return {
    path: optional(wire.path, join(at, 'path'), pathMatchFromWire),
    headers: each(wire.headers, join(at, 'headers'), headerMatchFromWire),
    query: each(wire.queryParams, join(at, 'query_params'), queryMatchFromWire),
    method: optional(wire.method, join(at, 'method'), methodFromWire),
  };
}

export function httpMatchToWire(match: HttpMatch): HttpRouteMatch {
  return {
    path: match.path && pathMatchToWire(match.path),
    headers: match.headers.map(headerMatchToWire),
    queryParams: match.query.map(({ name, value }) => (value.kind === 'exact' ? { name, exact: value.value } : { name, regex: value.regex })),
    method: match.method === undefined ? undefined : methodToWire(match.method),
  };
}

export function grpcMatchFromWire(wire: GrpcRouteMatch, at: string): GrpcMatch {
  return {
    rpc: { service: wire.rpc?.service ?? '', method: wire.rpc?.method ?? '' },
    headers: each(wire.headers, join(at, 'headers'), headerMatchFromWire),
  };
}

/** Always with `rpc`: linkerd2-proxy takes no match without. */
export function grpcMatchToWire(match: GrpcMatch): GrpcRouteMatch {
  return { rpc: match.rpc, headers: match.headers.map(headerMatchToWire) };
}

function pathMatchFromWire(wire: HttpRoutePathMatch, at: string): PathMatch {
  if (typeof wire.exact === 'string') return { kind: 'exact', value: wire.exact };
  if (typeof wire.prefix === 'string') return { kind: 'prefix', value: wire.prefix };
  if (typeof wire.regex === 'string') return { kind: 'regex', regex: wire.regex };
  throw new ConvertError('KIND_UNKNOWN', join(at, 'kind'));
}

function pathMatchToWire(match: PathMatch): HttpRoutePathMatch {
  switch (match.kind) {
    case 'exact':
      return { exact: match.value };
    case 'prefix':
      return { prefix: match.value };
    case 'regex':
      return { regex: match.regex };
  }
}

function headerMatchFromWire(wire: HttpRouteHeaderMatch, at: string): NamedMatch {
  const exact = wire.exact ? headerValueFromWire(wire.exact, join(at, 'exact')) : undefined;
  return { name: headerNameFromWire(wire.name, join(at, 'name')), value: stringMatch(exact, wire.regex, at) };
}

function headerMatchToWire({ name, value }: NamedMatch): HttpRouteHeaderMatch {
  return value.kind === 'exact' ? { name, exact: headerValueToWire(value.value) } : { name, regex: value.regex };
}

function queryMatchFromWire(wire: HttpRouteQueryParamMatch, at: string): NamedMatch {
  return { name: wire.name ?? '', value: stringMatch(wire.exact, wire.regex, at) };
}

function stringMatch(exact: string | null | undefined, regex: string | null | undefined, at: string): StringMatch {
  if (typeof exact === 'string') return { kind: 'exact', value: exact };
  if (typeof regex === 'string') return { kind: 'regex', regex };
  throw new ConvertError('KIND_UNKNOWN', join(at, 'value'));
}
