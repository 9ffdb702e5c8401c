// How much a peer may ask of one connection. None of the defaults is noticed by a well-behaved peer.
import type { Rate } from './budget.ts';

export interface Http2Limits {
  /** Octets of a decoded header list, 32 more for each field. Default 128 KiB. */
  readonly maxHeaderListBytes: number;
  /** Fields of a header list. Default 1024. */
  readonly maxHeaderFields: number;
  /** Octets of a header block on the wire, after which the connection ends. Default: twice `maxHeaderListBytes`. */
  readonly maxHeaderBlockBytes: number;
  /** CONTINUATION frames of one block. Default 64. */
  readonly maxContinuations: number;
  /** Streams that a client may have open at once; more are refused. Default 10000. */
  readonly maxConcurrentStreams: number;
  /**
   * Streams reset by a client, or by us because of its errors, besides one for each answer: a proxy hands on what all its clients cancel over
   * one connection. Default 1000 at once, 500 a second.
   */
  readonly resets: Rate;
  /** PING. Default 1000, 200 a second. */
  readonly pings: Rate;
  /** SETTINGS. Default 100, 10 a second. */
  readonly settings: Rate;
  /** DATA without payload and without end. Default 1000, 100 a second. */
  readonly emptyData: Rate;
  /** WINDOW_UPDATE, besides two for each DATA frame that we send. Default 4000, 1000 a second. */
  readonly windowUpdates: Rate;
  /** PRIORITY and unknown frames. Default 2000, 500 a second. */
  readonly ignoredFrames: Rate;
  /** Wait for the acknowledgement of our SETTINGS. Default 10000. */
  readonly settingsTimeoutMs: number;
  /** How long payload may wait for the peer's window without moving before its stream is reset. Default 300000. */
  readonly stallMs: number;
}

const resolved = new WeakMap<Partial<Http2Limits>, Http2Limits>();

/** Fills in the defaults. The same object gives the same limits, so that connections share them. */
export function resolveLimits(limits: Partial<Http2Limits>): Http2Limits {
  let whole = resolved.get(limits);
  if (whole === undefined) {
    whole = withDefaults(limits);
    resolved.set(limits, whole);
  }
  return whole;
}

function withDefaults(limits: Partial<Http2Limits>): Http2Limits {
  const maxHeaderListBytes = limits.maxHeaderListBytes ?? 128 * 1024;
  return {
    maxHeaderListBytes,
    maxHeaderFields: limits.maxHeaderFields ?? 1024,
    maxHeaderBlockBytes: limits.maxHeaderBlockBytes ?? 2 * maxHeaderListBytes,
    maxContinuations: limits.maxContinuations ?? 64,
    maxConcurrentStreams: limits.maxConcurrentStreams ?? 10_000,
    resets: limits.resets ?? { burst: 1000, perSecond: 500 },
    pings: limits.pings ?? { burst: 1000, perSecond: 200 },
    settings: limits.settings ?? { burst: 100, perSecond: 10 },
    emptyData: limits.emptyData ?? { burst: 1000, perSecond: 100 },
    windowUpdates: limits.windowUpdates ?? { burst: 4000, perSecond: 1000 },
    ignoredFrames: limits.ignoredFrames ?? { burst: 2000, perSecond: 500 },
    settingsTimeoutMs: limits.settingsTimeoutMs ?? 10_000,
    stallMs: limits.stallMs ?? 300_000,
  };
}
