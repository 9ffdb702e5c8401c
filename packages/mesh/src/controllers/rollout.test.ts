import { expect, test } from 'vitest';
import { planRollout } from './rollout.ts';

const rolling = { type: 'RollingUpdate' } as const;
const set = (name: string, desired: number, available = desired) => ({ name, desired, present: desired, available });

test('the first set gets all replicas at once', () => {
  expect([...planRollout(3, rolling, set('a', 0), [])]).toEqual([['a', 3]]);
});

test('a new version begins with the surge and keeps the old pods until it serves', () => {
  expect([...planRollout(1, rolling, set('b', 0), [set('a', 1)])]).toEqual([['b', 1]]);
  expect([...planRollout(1, rolling, set('b', 1, 0), [set('a', 1)])]).toEqual([]);
  expect([...planRollout(1, rolling, set('b', 1), [set('a', 1)])]).toEqual([['a', 0]]);
});

test('old pods that do not serve go first', () => {
  expect([...planRollout(4, rolling, set('b', 0), [set('a', 4, 2)])]).toEqual([
    ['b', 1],
    ['a', 2],
  ]);
});

test('a rollout ends in any order of events with exactly the replicas asked for', () => {
  let fresh = set('b', 0);
  let old = set('a', 10);
  for (let round = 0; round < 50 && (fresh.desired !== 10 || old.desired !== 0); round += 1) {
    const plan = planRollout(10, rolling, fresh, [old]);
    fresh = set('b', plan.get('b') ?? fresh.desired);
    old = set('a', plan.get('a') ?? old.desired);
    expect(fresh.desired + old.desired).toBeLessThanOrEqual(13);
    expect(fresh.available + old.available).toBeGreaterThanOrEqual(8);
  }
  expect([fresh.desired, old.desired]).toEqual([10, 0]);
});

test('recreating ends the old pods before the new begin', () => {
  const recreate = { type: 'Recreate' } as const;
  expect([...planRollout(2, recreate, set('b', 0), [set('a', 2)])]).toEqual([['a', 0]]);
  expect([...planRollout(2, recreate, set('b', 0), [set('a', 0)])]).toEqual([['b', 2]]);
});
