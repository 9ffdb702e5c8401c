// One request and its response: answered here, or carried by http2-proxy to an upstream.
import { type Exchange, setField } from '@weft/http';
import type { Client } from './client.ts';
import { forward } from './forward.ts';
import { ProxyUpstream } from './upstream.ts';

export function proxyExchange(client: Client): Exchange {
  const exchange: Exchange = {
    request: client.head,
    get aborted() {
      return client.gone !== undefined;
    },
    forward: (upstream, rules, observer) => {
      if (!(upstream instanceof ProxyUpstream)) throw new TypeError('the upstream is of another engine');
      void forward({ client, upstream, rules, observer }).then((failure) => {
        if (failure !== undefined) rules.failed(exchange, failure);
      });
    },
    respond: ({ status, headers, body = new Uint8Array(), close = false }) => {
      if (client.gone !== undefined) return;
      const head = { status, version: client.head.version, headers: headers.slice() };
      if (status !== 204 && status !== 304) setField(head.headers, 'content-length', String(body.length));
      client.writeHead(head, close);
      client.response.end(body);
      client.request.resume();
    },
    reset: (code) => client.reset(code),
  };
  return exchange;
}
