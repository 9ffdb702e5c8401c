// The contract of the engine port: every engine passes these cases, through real TCP sockets. What an engine cannot do is listed
// as data, and a listed gap that works fails the run.
import type { HttpEngine } from '@weft/http';
import { describe, test } from 'vitest';
import { badRequestCases } from './bad-request-cases.ts';
import { Bench } from './bench.ts';
import { connectCases } from './connect-cases.ts';
import { flowCases } from './flow-cases.ts';
import { grpcCases } from './grpc-cases.ts';
import { http1Cases } from './http1-cases.ts';
import { http2Cases } from './http2-cases.ts';
import { lifecycleCases } from './lifecycle-cases.ts';
import { linkCases } from './link-cases.ts';
import { poolCases } from './pool-cases.ts';
import { replayCases } from './replay-cases.ts';
import { retryCases } from './retry-cases.ts';
import { translationCases } from './translation-cases.ts';
import { tunnelCases } from './tunnel-cases.ts';
import { unwantedCases } from './unwanted-cases.ts';

export interface EngineCase {
  /** A sentence in the present. */
  readonly name: string;
  run(bench: Bench): Promise<void>;
}

export interface EngineGap {
  /** Name of the case. */
  readonly test: string;
  readonly reason: string;
  readonly since: string;
}

const CASES: Readonly<Record<string, readonly EngineCase[]>> = {
  'HTTP/1': http1Cases,
  'invalid messages': badRequestCases,
  tunnels: tunnelCases,
  'CONNECT over HTTP/2': connectCases,
  pool: poolCases,
  'HTTP/2': http2Cases,
  'between versions': translationCases,
  gRPC: grpcCases,
  flow: flowCases,
  'requests sent again': replayCases,
  'responses decided on': retryCases,
  'requests that nobody wants': unwantedCases,
  lifecycle: lifecycleCases,
  links: linkCases,
};

/** `groups`: those whose cases are run. */
export function describeEngine(name: string, factory: () => HttpEngine, gaps: readonly EngineGap[] = [], groups = Object.keys(CASES)): void {
  const known = new Set(Object.values(CASES).flatMap((cases) => cases.map((one) => one.name)));
  const gapNames = new Set(gaps.map((gap) => gap.test));
  describe(`engine ${name}`, () => {
    for (const gap of gaps) if (!known.has(gap.test)) throw new Error(`gap names no case: ${gap.test}`);
    for (const [group, cases] of Object.entries(CASES)) {
      if (!groups.includes(group)) continue;
      for (const one of cases) {
        const define = gapNames.has(one.name) ? test.fails : test;
        define(`${group}: ${one.name}`, { timeout: gapNames.has(one.name) ? GAP_MS : CASE_MS }, async ({ signal }) => {
          const bench = new Bench(factory());
          // What hangs is closed when its time is up.
          signal.addEventListener('abort', () => void bench.close());
          try {
            await one.run(bench);
          } finally {
            await bench.close();
          }
        });
      }
    }
  });
}

const CASE_MS = 20_000;
/** A gap may show by nothing happening. */
const GAP_MS = 1000;
