import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { grpcClass, httpClass, type ResponseClass, TIMED_OUT } from '../classify/response-class.ts';
import type { FailureAccrual } from '../domain/client-policy.ts';
import { seeded } from '../ports/random.ts';
import type { Reason } from '../reasons/reason.ts';
import { manualClock } from '../time/manual-clock.ts';
import { Breaker, type Ticket } from './breaker.ts';

const backoff = { minMs: 1_000, maxMs: 8_000, jitter: 0 };
const http = (status: number): ResponseClass => httpClass(status, status >= 500);

function setup(policy: FailureAccrual) {
  const clock = manualClock();
  const log: string[] = [];
  const reasons: Reason[] = [];
  const breaker = new Breaker({
    name: '10.0.0.1:80',
    policy,
    clock,
    random: seeded(1),
    changed: () => undefined,
    onState(state, why) {
      log.push(`${clock.now()} ${state}`);
      if (why && state === 'shut') reasons.push(why);
    },
  });
  const answer = (status: number): void => breaker.settle(breaker.admit(), http(status), status);
  const judged = (response: ResponseClass): void => breaker.settle(breaker.admit(), response, undefined);
  return { clock, breaker, log, reasons, answer, judged };
}

const consecutive = (maxFailures: number): FailureAccrual => ({ kind: 'consecutive', maxFailures, backoff });
const unified = (options: Partial<Extract<FailureAccrual, { kind: 'unified' }>>): FailureAccrual => ({
  kind: 'unified',
  threshold: 0,
  windowMs: 10_000,
  minRequests: 1,
  maxConsecutiveFailures: 0,
  backoff,
  ...options,
});

describe('consecutive failures', () => {
  test('trip it when they are as many as the policy says, and a success between begins the count anew', () => {
    const { breaker, answer } = setup(consecutive(3));
    for (const status of [500, 503, 200, 500, 404, 500, 500]) answer(status);
    expect(breaker.state).toBe('open');
    answer(500);
    expect([breaker.state, breaker.admits]).toEqual(['shut', false]);
  });

  test('it opens when the probe after the backoff succeeds, and waits twice as long each time it fails', () => {
    const { clock, breaker, log, answer } = setup(consecutive(1));
    answer(500);
    clock.advance(999);
    expect(breaker.admits).toBe(false);
    clock.advance(1);
    expect([breaker.state, breaker.admits]).toEqual(['probation', true]);
    answer(500);
    clock.advance(2_000);
    answer(500);
    clock.advance(4_000);
    answer(200);
    expect(breaker.admits).toBe(true);
    answer(500);
    clock.advance(1_000);
    expect(log).toEqual(['0 shut', '1000 probation', '1000 shut', '3000 probation', '3000 shut', '7000 probation', '7000 open', '7000 shut', '8000 probation']);
    expect(clock.pending).toBe(0);
  });

  test('what finishes while it is shut, or was sent in an earlier phase, does not count', () => {
    const { clock, breaker, answer } = setup(consecutive(2));
    const stragglers = [breaker.admit(), breaker.admit(), breaker.admit()];
    const settleOne = (status: number): void => breaker.settle(stragglers.pop() ?? -1, http(status), status);
    answer(500);
    answer(500);
    settleOne(200);
    expect(breaker.state).toBe('shut');
    clock.advance(1_000);
    settleOne(200);
    expect(breaker.state).toBe('probation');
    answer(200);
    answer(500);
    settleOne(500);
    expect(breaker.state).toBe('open');
  });

  test('a probe whose client leaves is repeated', () => {
    const { clock, breaker, answer } = setup(consecutive(1));
    answer(500);
    clock.advance(1_000);
    const probe = breaker.admit();
    expect(breaker.admits).toBe(false);
    expect(() => breaker.admit()).toThrow('10.0.0.1:80: a breaker that is probation admits no request');
    breaker.abandon(probe);
    expect([breaker.state, breaker.admits]).toEqual(['probation', true]);
    answer(200);
    expect(breaker.state).toBe('open');
  });

  test('a probe that is told to slow down has recovered', () => {
    const { clock, breaker, answer } = setup(consecutive(1));
    answer(500);
    clock.advance(1_000);
    answer(429);
    expect(breaker.state).toBe('open');
  });

  test('zero never trips', () => {
    const { breaker, answer } = setup(consecutive(0));
    for (let n = 0; n < 100; n++) answer(500);
    expect(breaker.state).toBe('open');
  });
});

describe('the unified policy', () => {
  test('trips when the share of successes falls below its threshold', () => {
    const { breaker, answer } = setup(unified({ threshold: 0.8, minRequests: 10 }));
    for (const status of [200, 200, 200, 200, 200, 200, 200, 200, 500, 500]) answer(status);
    expect(breaker.state).toBe('open');
    answer(500);
    expect(breaker.state).toBe('shut');
  });

  test('not before there are enough responses in the window', () => {
    const { clock, breaker, answer } = setup(unified({ threshold: 0.5, minRequests: 5 }));
    for (let n = 0; n < 4; n++) answer(500);
    expect(breaker.state).toBe('open');
    clock.advance(20_000);
    for (let n = 0; n < 4; n++) answer(500);
    expect(breaker.state).toBe('open');
    answer(500);
    expect(breaker.state).toBe('shut');
  });

  test('what asks for less counts against the share, not as a failure in a row', () => {
    const limit = unified({ threshold: 0.5, minRequests: 4, maxConsecutiveFailures: 2 });
    const plain = setup(limit);
    for (const status of [500, 429, 500]) plain.answer(status);
    expect(plain.breaker.state).toBe('open');
    plain.answer(429);
    expect(plain.breaker.state).toBe('shut');
    expect(plain.reasons[0]?.code).toBe('EJECTED_SUCCESS_RATE');
    const rpc = setup(limit);
    for (const code of [8, 8, 8]) rpc.judged(grpcClass(code, false));
    expect(rpc.breaker.state).toBe('open');
    rpc.judged(grpcClass(8, false));
    expect(rpc.breaker.state).toBe('shut');
  });

  test('a probe must not ask for less', () => {
    const { clock, breaker, answer, judged } = setup(unified({ maxConsecutiveFailures: 1 }));
    answer(500);
    clock.advance(1_000);
    answer(429);
    expect(breaker.state).toBe('shut');
    clock.advance(2_000);
    judged(grpcClass(8, false));
    expect(breaker.state).toBe('shut');
    clock.advance(4_000);
    answer(404);
    expect(breaker.state).toBe('open');
  });

  test('after recovery the window begins empty', () => {
    const { clock, breaker, answer } = setup(unified({ threshold: 0.9, minRequests: 3 }));
    for (let n = 0; n < 3; n++) answer(500);
    clock.advance(1_000);
    answer(200);
    for (const status of [500, 500]) answer(status);
    expect(breaker.state).toBe('open');
  });

  test('failures in a row are charged first, and each dimension can be off', () => {
    const both = setup(unified({ threshold: 1, maxConsecutiveFailures: 1 }));
    both.answer(503);
    expect(both.reasons[0]?.code).toBe('EJECTED_CONSECUTIVE_FAILURES');
    const neither = setup(unified({ threshold: 0.00004 }));
    for (let n = 0; n < 50; n++) neither.answer(500);
    expect(neither.breaker.state).toBe('open');
  });
});

test('says what tripped it, with the last failures', () => {
  const { clock, breaker, reasons, answer, judged } = setup(consecutive(3));
  answer(503);
  judged(grpcClass(14, true));
  judged(TIMED_OUT);
  clock.advance(1_000);
  answer(502);
  expect(reasons).toEqual([
    { code: 'EJECTED_CONSECUTIVE_FAILURES', detail: '10.0.0.1:80: 3 in a row (last: 503, grpc-status 14, timeout); probed after 1000 ms' },
    { code: 'EJECTED_PROBE_FAILED', detail: '10.0.0.1:80: 502; probed after 2000 ms' },
  ]);
  expect([breaker.why, breaker.since]).toEqual([reasons[1], 1_000]);
});

test('an end leaves no timer, nor do answers that come later', () => {
  const { clock, breaker, answer } = setup(consecutive(1));
  const late = breaker.admit();
  breaker.close();
  breaker.settle(late, http(500), 500);
  expect([clock.pending, breaker.state]).toEqual([0, 'open']);
  const { clock: other, breaker: shut, answer: fail } = setup(consecutive(1));
  fail(500);
  shut.close();
  expect(other.pending).toBe(0);
  answer(200);
});

test('under any order of requests, answers and time: at most one probe is out, and nothing is admitted while it is shut', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('send' as const) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('answer' as const), which: fc.nat(20), status: fc.constantFrom(200, 429, 500, 500, 503, 503) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('abandon' as const), which: fc.nat(20) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 5_000 }) }) },
  );
  const policy = fc.oneof(
    fc.integer({ min: 1, max: 3 }).map(consecutive),
    fc
      .record({ threshold: fc.double({ min: 0, max: 1, noNaN: true }), minRequests: fc.nat(4), maxConsecutiveFailures: fc.nat(3) })
      .map((options) => unified({ ...options, backoff: { minMs: 500, maxMs: 4_000, jitter: 0.5 } })),
  );
  let probes = 0;
  fc.assert(
    fc.property(policy, fc.array(step, { minLength: 80, maxLength: 150 }), (of, steps) => {
      const { clock, breaker } = setup(of);
      const out: { readonly ticket: Ticket; readonly probe: boolean }[] = [];
      let phaseProbe: Ticket | undefined;
      for (const one of steps) {
        if (one.kind === 'wait') clock.advance(one.ms);
        else if (one.kind === 'send') {
          if (!breaker.admits) continue;
          const probe = breaker.state === 'probation';
          const ticket = breaker.admit();
          must(breaker.state !== 'shut', 'a breaker that is shut admits nothing');
          if (probe) {
            probes++;
            must(!out.some((other) => other.probe && other.ticket === ticket), 'there is no other probe');
            phaseProbe = ticket;
            must(!breaker.admits, 'nothing is admitted beside a probe');
          }
          out.push({ ticket, probe });
        } else {
          const [done] = out.splice(one.which % Math.max(1, out.length), 1);
          if (!done) continue;
          const before = breaker.state;
          if (one.kind === 'abandon') breaker.abandon(done.ticket);
          else breaker.settle(done.ticket, http(one.status), one.status);
          // Only its own probe moves it out of probation, and nothing but time out of shut.
          must(before !== 'shut' || breaker.state === 'shut', 'only time moves it out of shut');
          must(
            before !== 'probation' || breaker.state === 'probation' || (one.kind === 'answer' && done.ticket === phaseProbe),
            'only its probe ends a probation',
          );
        }
        expect(out.filter((other) => other.probe && other.ticket === phaseProbe && breaker.state === 'probation').length).toBeLessThanOrEqual(1);
      }
      breaker.close();
    }),
    { seed: 23, numRuns: 500 },
  );
  expect(probes).toBeGreaterThan(100);
});

/** Inside a property, where the step decides what must hold. */
function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`does not hold: ${what}`);
}
