import { Deadlines, type ManualClock, manualClock, type Timeouts } from '@weft/core';
import { expect, test } from 'vitest';
import { StreamClocks } from './stream-clocks.ts';

function bench(timeouts: Timeouts): { clock: ManualClock; clocks: StreamClocks; expired: string[] } {
  const clock = manualClock();
  const expired: string[] = [];
  const clocks: StreamClocks = new StreamClocks(
    timeouts,
    {
      expired: (kind, ms) => {
        expired.push(`${kind} ${ms} at ${clock.now()}`);
        clocks.stop();
      },
    },
    clock,
    new Deadlines(clock, 1),
  );
  return { clock, clocks, expired };
}

test('the request timeout runs from the dispatch on, through all tries and between them', () => {
  const { clock, clocks, expired } = bench({ requestMs: 100 });
  clocks.tryStarted(undefined);
  clocks.flushed();
  clock.advance(40);
  clocks.tryEnded();
  clock.advance(40);
  clocks.tryStarted(undefined);
  clocks.head();
  clock.advance(19);
  expect(expired).toEqual([]);
  clock.advance(1);
  expect(expired).toEqual(['request 100 at 100']);
});

test('the response timeout runs from the end of the request', () => {
  const { clock, clocks, expired } = bench({ responseMs: 50 });
  clocks.tryStarted(undefined);
  clock.advance(1_000);
  clocks.flushed();
  clock.advance(30);
  clocks.head();
  clock.advance(20);
  expect(expired).toEqual(['response 50 at 1050']);
});

test('the response timeout runs from the head where that comes before the end of the request', () => {
  const { clock, clocks, expired } = bench({ responseMs: 50 });
  clocks.tryStarted(undefined);
  clock.advance(1_000);
  clocks.head();
  clock.advance(20);
  clocks.flushed();
  clock.advance(30);
  expect(expired).toEqual(['response 50 at 1050']);
});

test('each try has a response timeout of its own', () => {
  const { clock, clocks, expired } = bench({ responseMs: 50 });
  clocks.tryStarted(undefined);
  clocks.flushed();
  clock.advance(40);
  clocks.tryEnded();
  clock.advance(40);
  clocks.tryStarted(undefined);
  clocks.flushed();
  clock.advance(49);
  expect(expired).toEqual([]);
  clock.advance(1);
  expect(expired).toEqual(['response 50 at 130']);
});

test('the head of a try that may be retried has a timeout of its own, and then the response the rest of its', () => {
  const { clock, clocks, expired } = bench({ responseMs: 50 });
  clocks.tryStarted(20);
  clocks.flushed();
  clock.advance(19);
  clocks.head();
  clock.advance(30);
  expect(expired).toEqual([]);
  clock.advance(1);
  expect(expired).toEqual(['response 50 at 50']);
  const late = bench({ responseMs: 50 });
  late.clocks.tryStarted(20);
  late.clock.advance(500);
  late.clocks.flushed();
  late.clock.advance(20);
  expect(late.expired).toEqual(['response headers 20 at 520']);
});

test('the response timeout runs beside that of the head of a try: whichever is over first counts', () => {
  const { clock, clocks, expired } = bench({ responseMs: 50 });
  clocks.tryStarted(500);
  clock.advance(1_000);
  clocks.flushed();
  clock.advance(49);
  expect(expired).toEqual([]);
  clock.advance(1);
  expect(expired).toEqual(['response 50 at 1050']);
  const equal = bench({ responseMs: 50 });
  equal.clocks.tryStarted(50);
  equal.clocks.flushed();
  equal.clock.advance(50);
  expect(equal.expired).toEqual(['response headers 50 at 50']);
});

test('the idle timeout begins anew with each frame of either direction', () => {
  const { clock, clocks, expired } = bench({ idleMs: 30 });
  clocks.tryStarted(undefined);
  for (let i = 0; i < 10; i += 1) {
    clock.advance(20);
    clocks.frame();
  }
  clocks.head();
  for (let i = 0; i < 10; i += 1) {
    clock.advance(20);
    clocks.frame();
  }
  expect(expired).toEqual([]);
  clock.advance(30);
  expect(expired).toEqual(['idle 30 at 430']);
});

test('nothing is idle between the end of the request and the head of the response', () => {
  const { clock, clocks, expired } = bench({ idleMs: 30 });
  clocks.tryStarted(undefined);
  clocks.flushed();
  clock.advance(10_000);
  expect(expired).toEqual([]);
  clocks.head();
  clock.advance(30);
  expect(expired).toEqual(['idle 30 at 10030']);
});

test('the first that is over counts', () => {
  const { clock, clocks, expired } = bench({ requestMs: 100, responseMs: 200, idleMs: 60 });
  clocks.tryStarted(150);
  clocks.flushed();
  clock.advance(50);
  clocks.head();
  clock.advance(1_000);
  expect(expired).toEqual(['request 100 at 100']);
});

test('a request of a profile has its timeout until the head is relayed', () => {
  const { clock, clocks, expired } = bench({ requestMs: 100 });
  clocks.tryStarted(undefined);
  clocks.head();
  clocks.liftRequest();
  clock.advance(1_000);
  expect(expired).toEqual([]);
});

test('leaves no timer behind, whatever the frames', () => {
  const { clock, clocks, expired } = bench({ requestMs: 1_000, idleMs: 30 });
  clocks.tryStarted(undefined);
  for (let i = 0; i < 100; i += 1) clocks.frame();
  expect(clock.pending).toBe(1);
  clocks.stop();
  clock.advance(5_000);
  expect(expired).toEqual([]);
  expect(clock.pending).toBe(0);
});
