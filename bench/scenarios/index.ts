// Every scenario, in the order in which they run.
import { paired, straight, terminating } from '../hop.ts';
import type { Scenario } from '../scenario.ts';
import { balance } from './balance.ts';
import { balanceSimulation } from './balance-simulation.ts';
import { destination } from './destination.ts';
import { endpoints } from './endpoints.ts';
import { idle } from './idle-connections.ts';
import { largeBodies } from './large-bodies.ts';
import { routes } from './routes.ts';
import { underLoad } from './under-load.ts';
import { watch } from './watch.ts';
import { workers } from './workers.ts';

const MANY = { connections: 32, streams: 1 };
const ONE = { connections: 1, streams: 1 };
const MULTIPLEXED = { connections: 4, streams: 32 };

export const SCENARIOS: readonly Scenario[] = [
  balance,
  balanceSimulation,
  watch,
  underLoad('HTTP/1.1, 64-byte answers, 32 connections', { name: 'h1-32', path: straight('h1'), ...MANY, rated: true, everyone: true }),
  underLoad('HTTP/1.1, one request at a time', { name: 'h1-1', path: straight('h1'), ...ONE }),
  underLoad('HTTP/2, 64-byte answers, 4 connections with 32 streams each', {
    name: 'h2-4x32',
    path: straight('h2'),
    ...MULTIPLEXED,
    rated: true,
    everyone: true,
  }),
  underLoad('HTTP/2, one request at a time', { name: 'h2-1x1', path: straight('h2'), ...ONE }),
  underLoad('HTTP/2 in mutual TLS 1.3 on the side of the client', { name: 'h2-tls-4x32', path: terminating, ...MULTIPLEXED, rated: true }),
  underLoad('gRPC through two proxies with mutual TLS between them', { name: 'pair-grpc', path: paired('h2'), ...MULTIPLEXED, grpc: true, rated: true }),
  underLoad('HTTP/1.1 through two proxies, HTTP/2 in mutual TLS between them', { name: 'pair-h1', path: paired('h1'), ...MANY, rated: true }),
  largeBodies,
  underLoad('bytes, 32 connections, round trips of HTTP/1.1 that nobody parses', { name: 'tcp-32', path: straight('tcp'), ...MANY }),
  endpoints,
  idle,
  routes,
  workers,
  destination,
];
