import { describe, expect, test } from 'vitest';
import { sleep, systemClock } from './clock.ts';
import { manualClock } from './manual-clock.ts';

describe('the manual clock', () => {
  test('moves both scales only when told', () => {
    const clock = manualClock({ now: 5, wall: 1000 });
    clock.advance(10);
    expect([clock.now(), clock.wall()]).toEqual([15, 1010]);
    expect(() => clock.advance(-1)).toThrow(RangeError);
  });

  test('fires timers in time order, equal times in the order they were set, each at its own time', () => {
    const clock = manualClock();
    const fired: string[] = [];
    for (const [name, at] of [
      ['c', 20],
      ['a', 10],
      ['b', 10],
      ['never', 50],
    ] as const)
      clock.after(at, () => fired.push(`${name}@${clock.now()}`));
    clock.advance(30);
    expect([fired, clock.pending, clock.now()]).toEqual([['a@10', 'b@10', 'c@20'], 1, 30]);
  });

  test('fires timers that timers set, when they are due', () => {
    const clock = manualClock();
    const fired: number[] = [];
    clock.after(10, () => clock.after(5, () => fired.push(clock.now())));
    clock.advance(14);
    expect(fired).toEqual([]);
    clock.advance(1);
    expect(fired).toEqual([15]);
  });

  test('never goes back when a timer advances it further', () => {
    const clock = manualClock();
    clock.after(1, () => clock.advance(100));
    clock.advance(10);
    expect(clock.now()).toBe(101);
  });

  test('forgets cancelled timers', () => {
    const clock = manualClock();
    const timer = clock.after(1, () => {
      throw new Error('fired');
    });
    timer.cancel();
    timer.cancel();
    clock.advance(2);
    expect(clock.pending).toBe(0);
  });
});

describe('sleep', () => {
  test('resolves after its time', async () => {
    const clock = manualClock();
    const done = sleep(clock, 10);
    clock.advance(10);
    await expect(done).resolves.toBeUndefined();
  });

  test('rejects with the reason of the signal and leaves no timer', async () => {
    const clock = manualClock();
    const controller = new AbortController();
    const done = sleep(clock, 10, controller.signal);
    controller.abort(new Error('enough'));
    await expect(done).rejects.toThrow('enough');
    await expect(sleep(clock, 10, controller.signal)).rejects.toThrow('enough');
    expect(clock.pending).toBe(0);
  });
});

test('the system clock fires once, and not after a cancel', async () => {
  const clock = systemClock();
  const before = clock.now();
  clock
    .after(1, () => {
      throw new Error('fired');
    })
    .cancel();
  // The clock does not keep the process alive; the test runner does.
  await new Promise<void>((resolve) => clock.after(5, resolve));
  expect(clock.now() - before).toBeGreaterThan(3);
  expect(Math.abs(clock.wall() - Date.now())).toBeLessThan(1000);
});
