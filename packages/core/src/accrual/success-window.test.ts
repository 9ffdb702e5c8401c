import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SuccessWindow } from './success-window.ts';

const counts = (window: SuccessWindow) => [window.successes, window.total];

test('counts what is in it, and forgets by slices of a tenth', () => {
  const window = new SuccessWindow(1_000, 0);
  window.record(true, 0);
  window.record(false, 99);
  window.record(true, 100);
  expect(counts(window)).toEqual([2, 3]);
  window.record(true, 999);
  expect(counts(window)).toEqual([3, 4]);
  // The slice of 0 – 99 has left.
  window.record(true, 1_000);
  expect(counts(window)).toEqual([3, 3]);
});

test('a silence longer than the window empties it', () => {
  const window = new SuccessWindow(1_000, 0);
  for (let n = 0; n < 50; n++) window.record(false, n * 10);
  window.record(true, 1e12);
  expect(counts(window)).toEqual([1, 1]);
  window.record(true, 1e12 + 900);
  expect(counts(window)).toEqual([2, 2]);
});

test('slices have at least a millisecond', () => {
  const window = new SuccessWindow(0.1, 0);
  window.record(true, 0);
  window.record(true, 9);
  expect(counts(window)).toEqual([2, 2]);
  window.record(true, 10);
  expect(counts(window)).toEqual([2, 2]);
});

test('a clock that steps back adds to the current slice', () => {
  const window = new SuccessWindow(1_000, 500);
  window.record(true, 100);
  expect(counts(window)).toEqual([1, 1]);
});

test('its counts are those of the responses in the last ten slices, for any responses at any times', () => {
  const responses = fc.array(fc.record({ after: fc.oneof(fc.nat(300), fc.nat(20_000)), success: fc.boolean() }), { maxLength: 200 });
  fc.assert(
    fc.property(responses, fc.constantFrom(100, 1_000, 10_000), fc.nat(10_000), (steps, windowMs, start) => {
      const window = new SuccessWindow(windowMs, start);
      const slice = windowMs / 10;
      const seen: { readonly slice: number; readonly success: boolean }[] = [];
      let now = start;
      for (const { after, success } of steps) {
        now += after;
        window.record(success, now);
        const current = Math.floor((now - start) / slice);
        seen.push({ slice: current, success });
        const live = seen.filter((one) => one.slice > current - 10);
        expect(counts(window)).toEqual([live.filter((one) => one.success).length, live.length]);
      }
      window.reset(now);
      expect(counts(window)).toEqual([0, 0]);
    }),
    { seed: 17, numRuns: 300 },
  );
});
