// The two halves of an engine: connections accepted from clients, and upstreams that their exchanges are forwarded to.
import type { HttpEngine } from '@weft/http';
import { proxyExchange } from './exchange.ts';
import { serveHttp1 } from './serve-http1.ts';
import { serveHttp2 } from './serve-http2.ts';
import { ProxyUpstream } from './upstream.ts';

/** Makes the engine. It holds nothing open by itself: connections and upstreams do. */
export function customEngine(): HttpEngine {
  return {
    name: 'http2-proxy',
    serve: (link, options, onExchange) => {
      const serve = options.version === 'http/2' ? serveHttp2 : serveHttp1;
      return serve(link, options, (client) => onExchange(proxyExchange(client)));
    },
    upstream: (options) => new ProxyUpstream(options),
  };
}
