// Circuit breaking per endpoint. spec/proxy.md §6.5, §10.6 (outbound failure accrual).
import type { FailureAccrual } from '@weft/core';
import { expect } from 'vitest';
import { get } from '../process/applications.ts';
import { controlPlane } from '../process/control-plane.ts';
import type { ProxyProcess } from '../process/proxy-process.ts';
import { SERVICE } from '../process/scenes.ts';
import { acceptanceCase } from './case.ts';
import { accruing, balancing, type ScriptedApplication, scriptedApplication, setEndpoints } from './scripted-application.ts';

type Unified = Extract<FailureAccrual, { kind: 'unified' }>;

/** Longer than a request waits for an endpoint, so that it is known which of the two ends first. */
const backoff = { minMs: 1_500, maxMs: 60_000, jitter: 0 };
const env = { LINKERD2_PROXY_OUTBOUND_HTTP_FAILFAST_TIMEOUT: '300ms' };

const consecutive = (maxFailures: number): FailureAccrual => ({ kind: 'consecutive', maxFailures, backoff });
const unified = (options: Partial<Unified>): FailureAccrual => ({
  kind: 'unified',
  threshold: 0,
  windowMs: 60_000,
  minRequests: 1,
  maxConsecutiveFailures: 0,
  backoff,
  ...options,
});

interface Scene {
  readonly application: ScriptedApplication;
  readonly proxy: ProxyProcess;
  /** The status that a client gets. */
  ask(): Promise<number>;
  asked(times: number): Promise<readonly number[]>;
}

/** One endpoint, so that what its breaker keeps away gets no answer. */
async function withOne(accrual: FailureAccrual, run: (scene: Scene) => Promise<void>): Promise<void> {
  await using application = await scriptedApplication(500);
  await using control = await controlPlane().outbound(SERVICE, accruing(accrual)).start();
  setEndpoints(control, [application.port]);
  await using proxy = await balancing(control, [application.port], env);
  const ask = async (): Promise<number> => (await get(proxy.outboundAddress(SERVICE), { headers: { host: 'server' } })).status;
  const asked = async (times: number): Promise<readonly number[]> => {
    const found: number[] = [];
    for (let n = 0; n < times; n++) found.push(await ask());
    return found;
  };
  await run({ application, proxy, ask, asked });
}

const times = (status: number, n: number): readonly number[] => Array<number>(n).fill(status);
/** Asks until the answer comes from the application again. */
const recovered = (ask: () => Promise<number>) => expect.poll(ask, { interval: 50, timeout: 15_000 });

acceptanceCase('consecutive_failures_accrue', () =>
  withOne(consecutive(3), async ({ application, ask, asked }) => {
    expect(await asked(2)).toEqual([500, 500]);
    application.status = 200;
    expect(await ask()).toBe(200);
    application.status = 500;
    expect(await asked(3)).toEqual(times(500, 3));
    expect(application.seen).toBe(6);
    // Nobody gets through until the backoff is over, and then one, whose failure doubles it.
    expect(await asked(3)).toEqual([504, 503, 503]);
    expect(application.seen).toBe(6);
    await recovered(ask).toBe(500);
    expect(application.seen).toBe(7);
    application.status = 200;
    expect(await asked(2)).toEqual([504, 503]);
    await recovered(ask).toBe(200);
    expect(application.seen).toBe(8);
    expect(await asked(5)).toEqual(times(200, 5));
  }),
);

acceptanceCase('balancer_doesnt_select_tripped_breakers', async () => {
  await using good = await scriptedApplication();
  await using bad = await scriptedApplication(500);
  await using control = await controlPlane()
    .outbound(SERVICE, accruing({ kind: 'consecutive', maxFailures: 2, backoff: { minMs: 60_000, maxMs: 60_000, jitter: 0 } }))
    .start();
  setEndpoints(control, [good.port, bad.port]);
  await using proxy = await balancing(control, [good.port, bad.port], env);
  const ask = async (): Promise<number> => (await get(proxy.outboundAddress(SERVICE), { headers: { host: 'server' } })).status;
  // The load of both hardly differs: both are asked, until the one has failed often enough.
  const failures = async (): Promise<number> => {
    await ask();
    return bad.seen;
  };
  await expect.poll(failures, { interval: 0, timeout: 15_000 }).toBe(2);
  const statuses = new Set<number>();
  for (let n = 0; n < 50; n++) statuses.add(await ask());
  expect([[...statuses], bad.seen]).toEqual([[200], 2]);
});

acceptanceCase('unified: success-rate trip', () =>
  withOne(unified({ threshold: 0.6, minRequests: 5 }), async ({ application, ask, asked }) => {
    application.status = 200;
    expect(await asked(4)).toEqual(times(200, 4));
    application.status = 500;
    // 4 of 5, 4 of 6, 4 of 7.
    expect(await asked(3)).toEqual(times(500, 3));
    expect([await ask(), application.seen]).toEqual([504, 7]);
  }),
);

acceptanceCase('unified: rate limits lower the success rate, and are no failures in a row', () =>
  withOne(unified({ threshold: 0.6, minRequests: 5, maxConsecutiveFailures: 2 }), async ({ application, ask, asked }) => {
    application.status = 429;
    expect(await asked(5)).toEqual(times(429, 5));
    expect([await ask(), application.seen]).toEqual([504, 5]);
  }),
);

acceptanceCase('unified: min_requests guard', () =>
  withOne(unified({ threshold: 1, minRequests: 20 }), async ({ application, ask, asked }) => {
    expect(await asked(20)).toEqual(times(500, 20));
    expect([await ask(), application.seen]).toEqual([504, 20]);
  }),
);

acceptanceCase('unified: probation strict on 429', () =>
  withOne(unified({ maxConsecutiveFailures: 1 }), async ({ application, ask, asked }) => {
    expect(await ask()).toBe(500);
    application.status = 429;
    expect(await ask()).toBe(504);
    await recovered(ask).toBe(429);
    // That was the probe, and it was not good enough.
    expect(await asked(2)).toEqual([504, 503]);
    expect(application.seen).toBe(2);
    application.status = 200;
    await recovered(ask).toBe(200);
    expect(application.seen).toBe(3);
  }),
);

acceptanceCase('consecutive: probation takes a 429', () =>
  withOne(consecutive(1), async ({ application, ask, asked }) => {
    expect(await ask()).toBe(500);
    application.status = 429;
    await recovered(ask).toBe(429);
    expect(await asked(3)).toEqual(times(429, 3));
    expect(application.seen).toBe(5);
  }),
);

acceptanceCase('unified: reset', () =>
  withOne(unified({ threshold: 0.9, minRequests: 3 }), async ({ application, ask, asked }) => {
    expect(await asked(3)).toEqual(times(500, 3));
    expect(await ask()).toBe(504);
    application.status = 200;
    await recovered(ask).toBe(200);
    // What was before is forgotten: two more are too few to judge by, the third is not.
    application.status = 500;
    expect(await asked(3)).toEqual(times(500, 3));
    expect([await ask(), application.seen]).toEqual([504, 7]);
  }),
);
