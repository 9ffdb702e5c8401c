// HTTP/2 client parameters of an endpoint; zero is unset. spec/wire.md, Http2ClientParams.
import type { Http2ClientParams } from '@weft/core';
import type { DestinationHttp2ClientParams } from '../gen/messages.ts';
import { durationFromWire, durationToWire } from './time.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Undefined where nothing is set. Adaptive flow control wins; fixed windows need both, keep-alive needs interval and timeout. */
export function http2ParamsFromWire(wire: DestinationHttp2ClientParams, at: string): Http2ClientParams | undefined {
  const params: Mutable<Http2ClientParams> = {};
  const { flowControl, keepAlive, internals } = wire;
  const connectionWindow = flowControl?.initialConnectionWindowSize ?? 0;
  const streamWindow = flowControl?.initialStreamWindowSize ?? 0;
  if (flowControl?.adaptiveFlowControl) {
    params.adaptive = true;
  } else if (connectionWindow > 0 && streamWindow > 0) {
    params.initialConnectionWindow = connectionWindow;
    params.initialStreamWindow = streamWindow;
  }
  if (keepAlive?.interval && keepAlive.timeout) {
    params.keepAlive = {
      intervalMs: durationFromWire(keepAlive.interval, `${at}.keep_alive.interval`),
      timeoutMs: durationFromWire(keepAlive.timeout, `${at}.keep_alive.timeout`),
      whileIdle: keepAlive.whileIdle ?? false,
    };
  }
  if (internals?.maxConcurrentResetStreams) params.maxConcurrentResetStreams = internals.maxConcurrentResetStreams;
  if (internals?.maxFrameSize) params.maxFrameSize = internals.maxFrameSize;
  if (internals?.maxSendBufSize) params.maxSendBufferBytes = internals.maxSendBufSize;
  return Object.keys(params).length === 0 ? undefined : params;
}

export function http2ParamsToWire(params: Http2ClientParams): DestinationHttp2ClientParams {
  const { initialConnectionWindow, initialStreamWindow, adaptive, keepAlive, maxConcurrentResetStreams, maxFrameSize, maxSendBufferBytes } = params;
  const flow = initialConnectionWindow !== undefined || initialStreamWindow !== undefined || adaptive !== undefined;
  const internal = maxConcurrentResetStreams !== undefined || maxFrameSize !== undefined || maxSendBufferBytes !== undefined;
  return {
    flowControl: flow
      ? { initialConnectionWindowSize: initialConnectionWindow, initialStreamWindowSize: initialStreamWindow, adaptiveFlowControl: adaptive }
      : undefined,
    keepAlive: keepAlive && {
      interval: durationToWire(keepAlive.intervalMs),
      timeout: durationToWire(keepAlive.timeoutMs),
      whileIdle: keepAlive.whileIdle,
    },
    internals: internal ? { maxConcurrentResetStreams, maxFrameSize, maxSendBufSize: maxSendBufferBytes } : undefined,
  };
}
