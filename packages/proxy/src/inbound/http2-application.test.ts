import { manualClock, type Reason, ReasonError, reason, seeded } from '@weft/core';
import type { Upstream } from '@weft/http';
import { expect, test } from 'vitest';
import { Http2Application, type Http2Waiter } from './http2-application.ts';

class Waiter implements Http2Waiter {
  aborted = false;
  started = 0;
  refused: Reason | undefined;

  start(): void {
    this.started += 1;
  }

  refuse(why: Reason): void {
    this.refused = why;
  }
}

/** An application that can be there or not. */
class Session implements Upstream {
  inFlight = 0;
  connected = false;
  attempts = 0;
  closed = false;
  answer: 'connects' | 'hangs up' | ReasonError = new ReasonError(reason('CONNECT_REFUSED', '127.0.0.1:8080'));

  async connect(): Promise<void> {
    this.attempts += 1;
    if (this.answer instanceof ReasonError) throw this.answer;
    this.connected = this.answer === 'connects';
  }

  close(): void {
    this.closed = true;
  }

  destroy(): void {
    this.closed = true;
  }
}

function setup() {
  const clock = manualClock();
  const session = new Session();
  const failures: string[] = [];
  const application = new Http2Application({
    name: '127.0.0.1:8080',
    upstream: session,
    capacity: 10,
    failfastMs: 1_000,
    backoff: { minMs: 100, maxMs: 10_000, jitter: 0 },
    idleMs: 90_000,
    onFailed: (why) => failures.push(why.code),
    clock,
    random: seeded(1),
  });
  const submit = (): Waiter => {
    const waiter = new Waiter();
    application.submit(waiter);
    return waiter;
  };
  /** Lets an attempt come to its end. */
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const advance = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await settled();
  };
  return { clock, session, application, failures, submit, settled, advance };
}

test('connects for the first request, and once', async () => {
  const { session, submit, settled } = setup();
  session.answer = 'connects';
  const waiters = [submit(), submit()];
  await settled();
  expect(waiters.map((waiter) => waiter.started)).toEqual([1, 1]);
  expect([submit().started, session.attempts]).toEqual([1, 1]);
});

test('tries again with backoff while a request waits', async () => {
  const { session, submit, settled, advance, failures, clock } = setup();
  const waiter = submit();
  await settled();
  await advance(99);
  expect(session.attempts).toBe(1);
  await advance(1);
  await advance(200);
  expect(session.attempts).toBe(3);
  session.answer = 'connects';
  await advance(400);
  expect([waiter.started, failures.length, clock.pending]).toEqual([1, 3, 0]);
});

test('fails what waited too long, sheds what comes then, and takes requests again when the application is there', async () => {
  const { session, submit, settled, advance } = setup();
  const waiter = submit();
  await settled();
  for (const ms of [100, 200, 400, 300]) await advance(ms);
  expect(waiter.refused).toEqual(
    reason('FAILFAST', '127.0.0.1:8080: not connected (CONNECT_REFUSED: the endpoint refused the connection: 127.0.0.1:8080) after 1000 ms'),
  );
  expect(submit().refused?.code).toBe('APPLICATION_UNREACHABLE');
  session.answer = 'connects';
  await advance(500);
  expect([session.connected, submit().started]).toEqual([true, 1]);
});

test('stops trying when nobody has asked for long, and begins again with the next request', async () => {
  const { session, submit, settled, advance, clock } = setup();
  submit();
  await settled();
  for (let n = 0; n < 20; n++) await advance(10_000);
  const { attempts } = session;
  expect(clock.pending).toBe(0);
  session.answer = 'connects';
  expect(submit().refused?.code).toBe('APPLICATION_UNREACHABLE');
  await settled();
  expect([session.attempts, submit().started]).toEqual([attempts + 1, 1]);
});

test('does not hammer an application that hangs up at once', async () => {
  const { session, submit, settled, advance } = setup();
  session.answer = 'hangs up';
  submit();
  await settled();
  await advance(99);
  expect(session.attempts).toBe(1);
});

test('connects anew, without a pause, when the session was lost between requests', async () => {
  const { session, submit, settled } = setup();
  session.answer = 'connects';
  submit();
  await settled();
  session.connected = false;
  const waiter = submit();
  await settled();
  expect([waiter.started, session.attempts]).toEqual([1, 2]);
});

test.each(['CONNECTION_LOOP', 'CONNECT_UNSUPPORTED'] as const)('does not wait for a connection that is refused for good: %s', async (code) => {
  const { session, submit, settled, clock } = setup();
  session.answer = new ReasonError(reason(code, '127.0.0.1:4143'));
  const waiter = submit();
  await settled();
  expect([waiter.refused?.code, submit().refused?.code, session.attempts, clock.pending]).toEqual([code, code, 1, 0]);
});

test('refuses what waits when it is closed, and tries no more', async () => {
  const { session, application, submit, settled, clock } = setup();
  const waiter = submit();
  await settled();
  application.close();
  await settled();
  expect([waiter.refused?.code, session.closed, clock.pending]).toEqual(['DRAINING', true, 0]);
});
