import { expect, test } from 'vitest';
import { gate } from './gate.ts';

test('lets so many in at once, the others in order as places become free', async () => {
  const { run } = gate(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const all = [0, 1, 2, 3].map((n) =>
    run(() => {
      begun.push(n);
      return new Promise<number>((resolve) => (ends[n] = () => resolve(n)));
    }),
  );
  expect(begun).toEqual([0, 1]);
  ends[1]?.();
  await all[1];
  await Promise.resolve();
  expect(begun).toEqual([0, 1, 2]);
  ends[0]?.();
  ends[2]?.();
  await all[2];
  await Promise.resolve();
  ends[3]?.();
  expect(await Promise.all(all)).toEqual([0, 1, 2, 3]);
});

test('a failure frees its place', async () => {
  const { run } = gate(1);
  const failed = run(() => Promise.reject(new Error('no')));
  const next = run(() => Promise.resolve('yes'));
  await expect(failed).rejects.toThrow('no');
  expect(await next).toBe('yes');
});
