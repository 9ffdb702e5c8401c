// Finds the protocol of a connection by its first bytes, and says how. spec/proxy.md §2.1, §2.2, §2.4.
import type { Duplex } from 'node:stream';
import { type Clock, type Labels, type LogFields, type Reason, ReasonError, reason } from '@weft/core';
import type { DetectMetrics, DetectResult } from '../observe/detect-metrics.ts';
import { detectHttp, MIN_DETECT_BYTES } from './detect-http.ts';
import { type Peeked, peek } from './peek.ts';
import type { Race } from './race.ts';

export interface DetectOptions {
  readonly direction: 'inbound' | 'outbound';
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly metrics: DetectMetrics;
  /** srv_* labels (inbound). */
  readonly server: Labels;
  /** Of the log record. */
  readonly fields: LogFields;
  /** Set where the server may speak first. */
  readonly race: Race | undefined;
}

export interface Detected {
  readonly protocol: 'http/1' | 'http/2' | 'opaque';
  readonly why: Reason;
}

/** One read decides. Rejects with DETECT_CLOSED when the connection ends before it. */
export async function detectProtocol(stream: Duplex, options: DetectOptions): Promise<Detected> {
  const { direction, timeoutMs, clock, metrics, server, fields, race } = options;
  const since = clock.now();
  const seen = await peek(stream, { timeoutMs, clock, signal: race?.serverSpoke });
  const { protocol, result, why } = judge(seen, timeoutMs);
  metrics.detected(direction, { result, why, ms: clock.now() - since }, server, fields);
  if (protocol === undefined) throw new ReasonError(why);
  return { protocol, why };
}

interface Verdict {
  readonly protocol: Detected['protocol'] | undefined;
  readonly result: DetectResult;
  readonly why: Reason;
}

function judge(seen: Peeked, timeoutMs: number): Verdict {
  switch (seen.kind) {
    case 'closed':
      return { protocol: undefined, result: 'error', why: reason('DETECT_CLOSED', seen.error?.message) };
    case 'timeout':
      return { protocol: 'opaque', result: 'read_timeout', why: reason('DETECT_TIMEOUT', `${timeoutMs} ms`) };
    case 'interrupted':
      return { protocol: 'opaque', result: 'not_http', why: reason('DETECTED_SERVER_FIRST') };
    case 'bytes': {
      const verdict = detectHttp(seen.bytes);
      if (verdict === 'http/1') return { protocol: verdict, result: verdict, why: reason('DETECTED_HTTP1') };
      if (verdict === 'http/2') return { protocol: verdict, result: verdict, why: reason('DETECTED_HTTP2') };
      const short = seen.bytes.length < MIN_DETECT_BYTES;
      return { protocol: 'opaque', result: 'not_http', why: short ? reason('DETECTED_SHORT', `${seen.bytes.length} bytes`) : reason('DETECTED_OPAQUE') };
    }
  }
}
