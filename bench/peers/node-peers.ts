// Our engine by itself, and the baselines in Node, each in a process of its own.
import { startOwn } from '../processes/child.ts';
import { chained, type Peer, sameProtocol, withoutTls } from './peer.ts';

export const weftEngine: Peer = chained({
  name: 'weft-engine',
  judge: true,
  carries: ({ client }) => client.protocol !== 'tcp',
  start(hop, port, { anchors, client, server }) {
    // A hop that accepts TLS is the server's proxy, another the client's.
    const own = hop.client.tls ? server : client;
    return startOwn('engine', JSON.stringify(hop), port, anchors, own.certificate, own.key, server.name);
  },
});

export const nodeHttp: Peer = chained({
  name: 'node:http',
  carries: (hop) => hop.client.protocol === 'h1' && sameProtocol(hop) && withoutTls(hop),
  start: (_hop, port) => startOwn('relay-node-http', port),
});

export const nodeHttp2: Peer = chained({
  name: 'node:http2',
  carries: (hop) => hop.client.protocol === 'h2' && sameProtocol(hop) && !hop.server.tls,
  start: ({ client }, port, { anchors, server }) => startOwn('relay-node-http2', port, ...(client.tls ? [anchors, server.certificate, server.key] : [])),
});

export const nodeTcp: Peer = chained({
  name: 'node:net',
  carries: (hop) => hop.client.protocol === 'tcp',
  start: (_hop, port) => startOwn('relay-node-tcp', port),
});

/** Its backend speaks HTTP/1 whatever the client speaks. */
export const http2Proxy: Peer = {
  name: 'http2-proxy',
  judge: false,
  missing: () => undefined,
  carries: (path) => path.length === 1 && path[0].client.protocol !== 'tcp' && withoutTls(path[0]),
  async start([{ client }], { backend }) {
    const { pid, port, close } = await startOwn('relay-http2-proxy', client.protocol, await backend('h1'));
    return { port, pids: [pid], close };
  },
};
