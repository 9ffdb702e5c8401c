// The engine on Node's own `node:http` parsers and `node:http2` sessions: complete and plain, not fast.
import type { HttpEngine, ServeOptions, ServerConnection, Upstream, UpstreamOptions } from '../exchange/engine.ts';
import { type EngineTimers, systemTimers } from '../exchange/timers.ts';
import { NodeExchange } from './exchange.ts';
import { RequestParser } from './h1-request-parser.ts';
import { H1ServerConnection } from './serve-h1.ts';
import { serveHttp2 } from './serve-h2.ts';
import { H1Upstream } from './upstream-h1.ts';
import { H2Upstream } from './upstream-h2.ts';

export interface NodeEngineOptions {
  /** Source of delays: idle pools, lingering close, pings. Default: Node's timers, unref'd. */
  readonly timers?: EngineTimers;
  /** Bytes of a response head accepted from an HTTP/1 upstream. Default 128 KiB. */
  readonly maxResponseHeaderBytes?: number;
}

const MAX_HEADER_BYTES = 128 * 1024;

/** Makes the engine. It holds nothing open by itself: connections and upstreams do. */
export function nodeEngine(options: NodeEngineOptions = {}): HttpEngine {
  const timers = options.timers ?? systemTimers;
  const maxHeaderBytes = options.maxResponseHeaderBytes ?? MAX_HEADER_BYTES;
  const parsers = new Map<number, RequestParser>();

  const parserFor = (size: number): RequestParser => {
    const parser = parsers.get(size) ?? new RequestParser(size);
    parsers.set(size, parser);
    return parser;
  };

  return {
    name: 'node',
    serve(link, serveOptions: ServeOptions, onExchange): ServerConnection {
      const onStream = (client: ConstructorParameters<typeof NodeExchange>[0]): void => onExchange(new NodeExchange(client));
      if (serveOptions.version === 'http/2') return serveHttp2({ link, params: serveOptions.http2, timers, onStream });
      return new H1ServerConnection({ link, timers, onStream, parser: parserFor(serveOptions.maxHeaderBytes ?? MAX_HEADER_BYTES) });
    },
    upstream(upstreamOptions: UpstreamOptions): Upstream {
      if (upstreamOptions.version === 'http/2') return new H2Upstream({ ...upstreamOptions, timers });
      return new H1Upstream({ ...upstreamOptions, timers, maxHeaderBytes });
    },
  };
}
