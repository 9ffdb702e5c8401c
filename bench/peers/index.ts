// Every proxy that may take part, ours first.
import { envoy } from './envoy.ts';
import { linkerd2Proxy } from './linkerd2-proxy.ts';
import { haproxy, nghttpx, nginx } from './native-peers.ts';
import { http2Proxy, nodeHttp, nodeHttp2, nodeTcp, weftEngine } from './node-peers.ts';
import type { Peer } from './peer.ts';
import { weft } from './weft.ts';

export const PEERS: readonly Peer[] = [weft, weftEngine, haproxy, nginx, nghttpx, envoy, linkerd2Proxy, nodeHttp, nodeHttp2, nodeTcp, http2Proxy];
