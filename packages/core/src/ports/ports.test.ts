import { expect, test } from 'vitest';
import { memoryLogger, silentLogger } from './logger.ts';
import { randomInt, seeded, systemRandom } from './random.ts';

test('a seed repeats its sequence', () => {
  const draw = (seed: number): number[] => {
    const random = seeded(seed);
    return [1, 2, 3].map(() => random.next());
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
});

test.each([seeded(9), systemRandom])('draws are uniform', (random) => {
  const counts = Array.from({ length: 5 }, () => 0);
  for (let n = 0; n < 10_000; n++) {
    const index = randomInt(random, 5);
    counts[index] = (counts[index] ?? Number.NaN) + 1;
  }
  for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(300);
});

test('a memory logger keeps records with the fields of its children', () => {
  const logger = memoryLogger();
  logger.child({ a: 1 }).child({ b: 2 }).log('warn', 'it happened', { a: 3 });
  expect([logger.records, logger.enabled('trace'), silentLogger.child({}).enabled('error')]).toEqual([
    [{ level: 'warn', message: 'it happened', fields: { a: 3, b: 2 } }],
    true,
    false,
  ]);
});
