// Filters of routes and backends. A filter of no known kind makes an outbound policy invalid, and fails requests inbound. spec/proxy.md §7.4.
import type { Filter, HeaderModifier, Ratio } from '@weft/core';
import type {
  HttpRouteRatio,
  HttpRouteRequestHeaderModifier,
  HttpRouteRequestRedirect,
  InboundGrpcRouteFilter,
  InboundHttpRouteFilter,
  OutboundGrpcRouteFilter,
  OutboundHttpRouteFilter,
  OutboundOpaqueRouteFilter,
} from '../gen/messages.ts';
import { ConvertError } from './convert-error.ts';
import { headerNameFromWire, headersFromWire, headersToWire, schemeFromWire, schemeToWire } from './http-types.ts';
import { each, join, optional, portFromWire } from './path.ts';

/** What to do with a filter of no known kind. */
export type OnUnknown = (path: string) => Filter;

export const rejectUnknown: OnUnknown = (path) => {
  throw new ConvertError('KIND_UNKNOWN', path);
};

export const keepUnknown: OnUnknown = () => ({ kind: 'unknown' });

/** Reads inbound filters too: they are a subset. */
export function httpFilterFromWire(wire: OutboundHttpRouteFilter, at: string, onUnknown: OnUnknown): Filter {
  if (wire.failureInjector) {
    const { status = 0, message = '', ratio } = wire.failureInjector;
    return { kind: 'http-failure', status: statusCode(status, join(at, 'failure_injector.status')), message, ratio: ratioAt(ratio, at) };
  }
  if (wire.requestHeaderModifier) return requestHeaders(wire.requestHeaderModifier, at);
  if (wire.redirect) return redirectFromWire(wire.redirect, join(at, 'redirect'));
  if (!wire.responseHeaderModifier) return onUnknown(join(at, 'kind'));
  return { kind: 'response-headers', modifier: modifierFromWire(wire.responseHeaderModifier, join(at, 'response_header_modifier')) };
}

export function grpcFilterFromWire(wire: OutboundGrpcRouteFilter, at: string, onUnknown: OnUnknown): Filter {
  if (wire.failureInjector) {
    const { code = 0, message = '', ratio } = wire.failureInjector;
    return { kind: 'grpc-failure', code, message, ratio: ratioAt(ratio, at) };
  }
  return wire.requestHeaderModifier ? requestHeaders(wire.requestHeaderModifier, at) : onUnknown(join(at, 'kind'));
}

/** Filters of opaque and of TLS routes. */
export function tcpFilterFromWire(wire: OutboundOpaqueRouteFilter, at: string, onUnknown: OnUnknown): Filter {
  if (wire.invalid) return { kind: 'invalid', message: wire.invalid.message ?? '' };
  return wire.forbidden ? { kind: 'forbidden' } : onUnknown(join(at, 'kind'));
}

export function outboundHttpFilterToWire(filter: Filter): OutboundHttpRouteFilter {
  return filter.kind === 'response-headers' ? { responseHeaderModifier: modifierToWire(filter.modifier) } : inboundHttpFilterToWire(filter);
}

export function inboundHttpFilterToWire(filter: Filter): InboundHttpRouteFilter {
  if (filter.kind === 'http-failure') {
    return { failureInjector: { status: filter.status, message: filter.message, ratio: filter.ratio } };
  }
  if (filter.kind === 'redirect') return { redirect: redirectToWire(filter) };
  return requestHeadersToWire(filter);
}

export function grpcFilterToWire(filter: Filter): InboundGrpcRouteFilter & OutboundGrpcRouteFilter {
  if (filter.kind === 'grpc-failure') return { failureInjector: { code: filter.code, message: filter.message, ratio: filter.ratio } };
  return requestHeadersToWire(filter);
}

export function tcpFilterToWire(filter: Filter): OutboundOpaqueRouteFilter {
  if (filter.kind === 'invalid') return { invalid: { message: filter.message } };
  if (filter.kind === 'forbidden') return { forbidden: {} };
  return unsupported(filter);
}

function requestHeadersToWire(filter: Filter): { requestHeaderModifier?: HttpRouteRequestHeaderModifier } {
  return filter.kind === 'request-headers' ? { requestHeaderModifier: modifierToWire(filter.modifier) } : unsupported(filter);
}

/** An unknown filter stays one: no kind is set. */
function unsupported(filter: Filter): Record<never, never> {
  if (filter.kind === 'unknown') return {};
  throw new ConvertError('KIND_UNSUPPORTED', 'filter', filter.kind);
}

function requestHeaders(wire: HttpRouteRequestHeaderModifier, at: string): Filter {
  return { kind: 'request-headers', modifier: modifierFromWire(wire, join(at, 'request_header_modifier')) };
}

function modifierFromWire(wire: HttpRouteRequestHeaderModifier, at: string): HeaderModifier {
  return {
    add: headersFromWire(wire.add, join(at, 'add')),
    set: headersFromWire(wire.set, join(at, 'set')),
    remove: each(wire.remove, join(at, 'remove'), headerNameFromWire),
  };
}

function modifierToWire(modifier: HeaderModifier): HttpRouteRequestHeaderModifier {
  return { add: headersToWire(modifier.add), set: headersToWire(modifier.set), remove: modifier.remove };
}

function redirectFromWire(wire: HttpRouteRequestRedirect, at: string): Filter {
  const port = portFromWire(wire.port, join(at, 'port'));
  const status = wire.status ?? 0;
  return {
    kind: 'redirect',
    scheme: optional(wire.scheme, join(at, 'scheme'), schemeFromWire),
    host: wire.host || undefined,
    port: port === 0 ? undefined : port,
    path: optional(wire.path, join(at, 'path'), (path, where) => {
      if (typeof path.full === 'string') return { kind: 'full', value: path.full } as const;
      if (typeof path.prefix === 'string') return { kind: 'prefix', value: path.prefix } as const;
      throw new ConvertError('KIND_UNKNOWN', join(where, 'replace'));
    }),
    status: status === 0 ? 0 : statusCode(status, join(at, 'status')),
  };
}

function redirectToWire(filter: Extract<Filter, { kind: 'redirect' }>): HttpRouteRequestRedirect {
  return {
    scheme: filter.scheme === undefined ? undefined : schemeToWire(filter.scheme),
    host: filter.host,
    port: filter.port,
    path: filter.path && (filter.path.kind === 'full' ? { full: filter.path.value } : { prefix: filter.path.value }),
    status: filter.status,
  };
}

function ratioAt(wire: HttpRouteRatio | null | undefined, at: string): Ratio | undefined {
  return optional(wire, join(at, 'failure_injector.ratio'), ({ numerator = 0, denominator = 0 }, path) => {
    if (denominator === 0 || numerator > denominator) throw new ConvertError('VALUE_INVALID', path, `${numerator}/${denominator}`);
    return { numerator, denominator };
  });
}

/** Three digits (RFC 9110 §15). */
function statusCode(status: number, path: string): number {
  if (status < 100 || status > 999) throw new ConvertError('VALUE_INVALID', path, status);
  return status;
}
