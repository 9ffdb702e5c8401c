// The engine on this package's own state machines: exchanges relayed between sockets with one object each and no stream per message.
import type { HttpEngine, ServeOptions, ServerConnection, Upstream, UpstreamOptions } from '../exchange/engine.ts';
import { type EngineTimers, systemTimers } from '../exchange/timers.ts';
import { H1_LIMITS, type H1Limits } from '../h1/limits.ts';
import { H1ServerConnection } from './serve-h1.ts';
import { H2ServerConnection } from './serve-h2.ts';
import { EngineShared } from './shared.ts';
import { H1Upstream } from './upstream-h1.ts';
import { H2Upstream } from './upstream-h2.ts';

export interface WeftEngineOptions {
  /** Source of delays: idle pools, lingering close, head timeouts, pings. Default: Node's timers, unref'd. */
  readonly timers?: EngineTimers;
  /** Limits of HTTP/1 messages; a listener's `maxHeaderBytes` goes before `maxHeadBytes`. */
  readonly h1?: Partial<H1Limits>;
  /** From the first byte of an HTTP/1 request head to its last, in milliseconds; 0: no limit. Default 60 000. */
  readonly headTimeoutMs?: number;
  /** How long a peer may leave what was written to it unread, in milliseconds; 0: no limit. Tunnels have none. Default 300 000. */
  readonly stallMs?: number;
}

const HEAD_TIMEOUT_MS = 60_000;
const STALL_MS = 300_000;

/** Makes the engine. It holds nothing open by itself: connections and upstreams do. */
export function weftEngine(options: WeftEngineOptions = {}): HttpEngine {
  const limits: H1Limits = { ...H1_LIMITS, ...options.h1 };
  const shared = new EngineShared(options.timers ?? systemTimers, options.stallMs ?? STALL_MS, limits);
  const headTimeoutMs = options.headTimeoutMs ?? HEAD_TIMEOUT_MS;
  return {
    name: 'weft',
    serve(link, serveOptions: ServeOptions, onExchange): ServerConnection {
      const { maxHeaderBytes, http2: params } = serveOptions;
      if (serveOptions.version === 'http/2') {
        return new H2ServerConnection({
          link,
          shared,
          params,
          maxHeaderBytes,
          onExchange,
        });
      }
      const own = maxHeaderBytes === undefined ? limits : { ...limits, maxHeadBytes: maxHeaderBytes };
      return new H1ServerConnection({ link, shared, limits: own, headTimeoutMs, onExchange });
    },
    upstream(upstreamOptions: UpstreamOptions): Upstream {
      if (upstreamOptions.version === 'http/2') return new H2Upstream({ ...upstreamOptions, shared });
      return new H1Upstream({ ...upstreamOptions, shared });
    },
  };
}
