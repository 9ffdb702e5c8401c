// What is told of an observed request. spec/proxy.md §9.5.
import { assertNever, type TapEvent as Event, type TapHeaders, type TapHttpEvent, type TapSides } from '@weft/core';
import Long from 'long';
import { type HttpTypesHeaders, type TapEvent, type TapEventHttp, type TapEventHttpStreamId, TapEventProxyDirection } from '../gen/messages.ts';
import { socketAddressToWire } from './address.ts';
import { headerValueToWire, methodToWire, schemeToWire } from './http-types.ts';
import { durationToWire } from './time.ts';

/** `base`: of the observation. */
export function tapEventToWire({ stream, sides, http }: Event, base: number): TapEvent {
  return { ...sidesToWire(sides), http: httpToWire(http, { base, stream: Long.fromNumber(stream, true) }) };
}

function sidesToWire({ direction, source, sourceLabels, destination, destinationLabels, routeLabels }: TapSides): TapEvent {
  return {
    proxyDirection: direction === 'inbound' ? TapEventProxyDirection.INBOUND : TapEventProxyDirection.OUTBOUND,
    source: source && socketAddressToWire(source),
    sourceMeta: { labels: sourceLabels },
    destination: socketAddressToWire(destination),
    destinationMeta: { labels: destinationLabels },
    routeMeta: routeLabels && { labels: routeLabels },
  };
}

function httpToWire(event: TapHttpEvent, id: TapEventHttpStreamId): TapEventHttp {
  switch (event.kind) {
    case 'request': {
      const { method, scheme, authority, path } = event;
      const headers = headersOf(event.headers);
      return { requestInit: { id, method: methodToWire(method), scheme: scheme === undefined ? undefined : schemeToWire(scheme), authority, path, headers } };
    }
    case 'response':
      return {
        responseInit: { id, sinceRequestInit: durationToWire(event.sinceRequestMs), httpStatus: event.status, headers: headersOf(event.headers) },
      };
    case 'end': {
      const { eos, sinceResponseMs } = event;
      return {
        responseEnd: {
          id,
          sinceRequestInit: durationToWire(event.sinceRequestMs),
          sinceResponseInit: sinceResponseMs === undefined ? undefined : durationToWire(sinceResponseMs),
          responseBytes: Long.fromNumber(event.bytes, true),
          eos: eos?.kind === 'grpc-status' ? { grpcStatusCode: eos.code } : eos ? { resetErrorCode: eos.code } : {},
          trailers: headersOf(event.trailers),
        },
      };
    }
    default:
      return assertNever(event);
  }
}

/** An empty list is sent too: it says that there were none. */
function headersOf(headers: TapHeaders | undefined): HttpTypesHeaders | undefined {
  return headers && { headers: headers.map(([name, value]) => ({ name, value: headerValueToWire(value) })) };
}
