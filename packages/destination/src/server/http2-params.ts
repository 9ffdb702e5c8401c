// The flag -meshed-http2-client-params: JSON of Http2ClientParams with the field names of the protobuf message.
import { type Http2ClientParams, parseGoDuration } from '@weft/core';

type Json = Readonly<Record<string, unknown>>;

/** Throws with the name of the field that is not valid. */
export function parseHttp2Params(text: string): Http2ClientParams {
  const root = record(JSON.parse(text), '');
  known(root, '', ['keep_alive', 'flow_control', 'internals']);
  const keepAlive = record(root['keep_alive'], 'keep_alive');
  const flow = record(root['flow_control'], 'flow_control');
  const internals = record(root['internals'], 'internals');
  known(keepAlive, 'keep_alive.', ['interval', 'timeout', 'while_idle']);
  known(flow, 'flow_control.', ['initial_connection_window_size', 'initial_stream_window_size', 'adaptive_flow_control']);
  known(internals, 'internals.', ['max_concurrent_reset_streams', 'max_frame_size', 'max_send_buf_size']);
  const intervalMs = duration(keepAlive['interval'], 'keep_alive.interval');
  const timeoutMs = duration(keepAlive['timeout'], 'keep_alive.timeout');
  return {
    ...(intervalMs !== undefined && timeoutMs !== undefined ? { keepAlive: { intervalMs, timeoutMs, whileIdle: keepAlive['while_idle'] === true } } : {}),
    initialConnectionWindow: size(flow['initial_connection_window_size'], 'flow_control.initial_connection_window_size'),
    initialStreamWindow: size(flow['initial_stream_window_size'], 'flow_control.initial_stream_window_size'),
    adaptive: flow['adaptive_flow_control'] === true ? true : undefined,
    maxConcurrentResetStreams: size(internals['max_concurrent_reset_streams'], 'internals.max_concurrent_reset_streams'),
    maxFrameSize: size(internals['max_frame_size'], 'internals.max_frame_size'),
    maxSendBufferBytes: size(internals['max_send_buf_size'], 'internals.max_send_buf_size'),
  };
}

function record(value: unknown, at: string): Json {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new TypeError(`${at || 'the value'}: not an object`);
  return value as Json;
}

function known(object: Json, prefix: string, names: readonly string[]): void {
  for (const name of Object.keys(object)) if (!names.includes(name)) throw new TypeError(`${prefix}${name}: no such field`);
}

/** `{"seconds": 10, "nanos": 0}`, as Go writes the message, or text such as `10s`. */
function duration(value: unknown, at: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string') {
    const ms = parseGoDuration(value);
    if (ms !== undefined) return ms;
  } else {
    const { seconds = 0, nanos = 0 } = record(value, at);
    if (typeof seconds === 'number' && typeof nanos === 'number') return seconds * 1000 + nanos / 1e6;
  }
  throw new TypeError(`${at}: ${JSON.stringify(value)} is not a duration`);
}

function size(value: unknown, at: string): number | undefined {
  if (value === undefined || value === 0) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 2 ** 32) return value;
  throw new TypeError(`${at}: ${JSON.stringify(value)} is not a size`);
}
