import { expect, test } from 'vitest';
import { milliOf } from './quantity.ts';

test.each([
  [1, 1000],
  ['1', 1000],
  ['500m', 500],
  ['0.5', 500],
  ['.001', 1],
  ['1k', 1_000_000],
  ['1e2', 100_000],
  ['1Ki', 1_024_000],
  ['1u', 1],
  [0, 0],
  ['', undefined],
  ['many', undefined],
  ['1 m', undefined],
])('the quantity %j is %j thousandths', (text, milli) => {
  expect(milliOf(text)).toBe(milli);
});
