import { manualClock } from '@weft/core';
import { expect, test } from 'vitest';
import { BoundedNames, MAX_NAMES } from './bounded-names.ts';

const RETAIN_MS = 600_000;

test('so many names are told apart, and those that were not used for long make room', () => {
  const clock = manualClock();
  const names = new BoundedNames({ retainIdleMs: RETAIN_MS, clock });
  for (let n = 0; n < MAX_NAMES; n++) expect(names.admits(`${n}.example`)).toBe(true);
  expect([names.admits('other'), names.admits('0.example')]).toEqual([false, true]);
  clock.advance(RETAIN_MS - 1);
  expect([names.admits('other'), names.admits('1.example')]).toEqual([false, true]);
  clock.advance(1_000);
  expect(names.admits('other')).toBe(true);
  // The ones that were used since are still known.
  for (let n = 2; n < MAX_NAMES; n++) expect(names.admits(`again-${n}.example`)).toBe(n < MAX_NAMES);
  expect([names.admits('1.example'), names.admits('one too many')]).toEqual([true, false]);
});

test('what is longer than a name can be is none', () => {
  const names = new BoundedNames({ retainIdleMs: RETAIN_MS, clock: manualClock() });
  expect([names.admits('a'.repeat(259)), names.admits('a'.repeat(260))]).toEqual([true, false]);
});
