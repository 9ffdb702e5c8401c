// Every scenario, in the order in which they run.
import type { Scenario } from '../scenario.ts';
import { balance } from './balance.ts';
import { watch } from './watch.ts';
import { wholeProxy } from './whole-proxy.ts';

export const SCENARIOS: readonly Scenario[] = [
  balance,
  watch,
  wholeProxy({ name: 'h1-32', about: 'HTTP/1.1, 64-byte answers, 32 connections', protocol: 'h1', connections: 32, streams: 1 }),
  wholeProxy({ name: 'h1-1', about: 'HTTP/1.1, 64-byte answers, one request at a time', protocol: 'h1', connections: 1, streams: 1 }),
  wholeProxy({ name: 'h2-1x1', about: 'HTTP/2 without TLS, 64-byte answers, one request at a time', protocol: 'h2', connections: 1, streams: 1 }),
  wholeProxy({
    name: 'h2-4x32',
    about: 'HTTP/2 without TLS, 64-byte answers, 4 connections with 32 streams each',
    protocol: 'h2',
    connections: 4,
    streams: 32,
  }),
];
