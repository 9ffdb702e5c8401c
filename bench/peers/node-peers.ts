// The baselines in Node, each in a process of its own.
import { startOwn } from '../child.ts';
import type { Peer } from './peer.ts';

export const nodeHttpRelay: Peer = {
  name: 'node:http relay',
  protocols: ['h1'],
  missing: () => undefined,
  start: (_protocol, backendPort) => startOwn('./peers/node-http-relay.ts', backendPort),
};

export const nodeHttp2Relay: Peer = {
  name: 'node:http2 relay',
  protocols: ['h2'],
  missing: () => undefined,
  start: (_protocol, backendPort) => startOwn('./peers/node-http2-relay.ts', backendPort),
};
