import { createRegistry, manualClock } from '@weft/core';
import { expect, test } from 'vitest';
import { Remembered } from './remembered.ts';

function setup(max = 2) {
  const clock = manualClock();
  const registry = createRegistry({ clock });
  const gauge = registry.gauge('remembered', 'Targets.');
  return { clock, registry, remembered: new Remembered({ max, lifetimeMs: 1_000, clock, gauge, labels: { direction: 'outbound' } }) };
}

test('forgets a target when its time is over, in the metric too', () => {
  const { clock, registry, remembered } = setup();
  remembered.add('10.0.0.1:3306');
  expect(registry.render()).toContain('remembered{direction="outbound",target_addr="10.0.0.1:3306"} 1');
  clock.advance(999);
  expect(remembered.has('10.0.0.1:3306')).toBe(true);
  clock.advance(1);
  expect(remembered.has('10.0.0.1:3306')).toBe(false);
  expect(registry.render()).not.toContain('10.0.0.1');
});

test('counts the time anew when a target is seen again', () => {
  const { clock, remembered } = setup();
  remembered.add('10.0.0.1:3306');
  clock.advance(900);
  remembered.add('10.0.0.1:3306');
  clock.advance(900);
  expect(remembered.has('10.0.0.1:3306')).toBe(true);
  clock.advance(100);
  expect(remembered.has('10.0.0.1:3306')).toBe(false);
  expect(clock.pending).toBe(0);
});

test('keeps no more than it may: the oldest goes first', () => {
  const { clock, registry, remembered } = setup();
  for (const target of ['a:1', 'b:1', 'a:1', 'c:1']) remembered.add(target);
  expect(['a:1', 'b:1', 'c:1'].map((target) => remembered.has(target))).toEqual([true, false, true]);
  expect([clock.pending, registry.render().includes('b:1')]).toEqual([2, false]);
  const none = setup(0);
  none.remembered.add('a:1');
  expect(none.remembered.has('a:1')).toBe(false);
});
