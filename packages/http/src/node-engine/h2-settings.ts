// HTTP/2 parameters (spec/proxy.md §4.5) in Node's terms, and the PING keep-alive of a session.
import type { Http2Session, SessionOptions, Settings } from 'node:http2';
import type { Http2Params } from '../exchange/engine.ts';
import type { EngineTimers } from '../exchange/timers.ts';

const STREAM_WINDOW = 65_535;
const CONNECTION_WINDOW = 1_048_576;

export function sessionOptions(params: Http2Params | undefined, side: 'client' | 'server'): SessionOptions {
  const settings: Settings = { initialWindowSize: params?.initialStreamWindow ?? STREAM_WINDOW };
  if (side === 'client') settings.enablePush = false;
  else if (params?.maxConcurrentStreams !== undefined) settings.maxConcurrentStreams = params.maxConcurrentStreams;
  if (params?.maxFrameSize !== undefined) settings.maxFrameSize = params.maxFrameSize;
  if (params?.maxHeaderListSize !== undefined) settings.maxHeaderListSize = params.maxHeaderListSize;
  return {
    settings,
    // Node's own limits end a session that is merely busy; memory is bounded by windows and back-pressure instead.
    maxSessionMemory: 1024,
    maxHeaderListPairs: 4096,
    maxSendHeaderBlockLength: 1 << 20,
    maxOutstandingPings: 64,
  };
}

export function openConnectionWindow(session: Http2Session, params: Http2Params | undefined): void {
  const size = params?.initialConnectionWindow ?? CONNECTION_WINDOW;
  if (size > STREAM_WINDOW && !session.destroyed) session.setLocalWindowSize(size);
}

/** Sends a PING in each interval and reports a peer that does not answer in time. Returns what stops it. */
export function keepAlive(session: Http2Session, params: Http2Params | undefined, timers: EngineTimers, isIdle: () => boolean, dead: () => void): () => void {
  const settings = params?.keepAlive;
  if (settings === undefined) return () => undefined;
  let cancelWait: () => void = () => undefined;
  let cancelNext: () => void = () => undefined;
  const next = (): void => {
    cancelNext = timers.after(settings.intervalMs, () => {
      if (session.destroyed) return;
      if (!settings.whileIdle && isIdle()) {
        next();
        return;
      }
      cancelWait = timers.after(settings.timeoutMs, dead);
      session.ping((error: Error | null) => {
        cancelWait();
        if (error === null) next();
      });
    });
  };
  next();
  return () => {
    cancelNext();
    cancelWait();
  };
}
