import { manualClock } from '@weft/core';
import { expect, test } from 'vitest';
import { Remembered } from './remembered.ts';

function setup(max = 2) {
  const clock = manualClock();
  const changes: string[] = [];
  const onChange = (member: string, known: boolean): void => void changes.push(`${known ? '+' : '-'}${member}`);
  return { clock, changes, remembered: new Remembered({ max, lifetimeMs: 1_000, clock, onChange }) };
}

test('forgets a member when its time is over', () => {
  const { clock, changes, remembered } = setup();
  remembered.add('a:1');
  clock.advance(999);
  expect(remembered.has('a:1')).toBe(true);
  clock.advance(1);
  expect(remembered.has('a:1')).toBe(false);
  expect(changes).toEqual(['+a:1', '-a:1']);
});

test('counts the time anew when a member is added again', () => {
  const { clock, changes, remembered } = setup();
  remembered.add('a:1');
  clock.advance(900);
  remembered.add('a:1');
  clock.advance(900);
  expect([remembered.has('a:1'), clock.pending, changes]).toEqual([true, 1, ['+a:1']]);
  clock.advance(100);
  expect([remembered.has('a:1'), clock.pending]).toEqual([false, 0]);
});

test('keeps no more than it may: the oldest goes first', () => {
  const { clock, changes, remembered } = setup();
  for (const member of ['a:1', 'b:1', 'a:1', 'c:1']) remembered.add(member);
  expect(['a:1', 'b:1', 'c:1'].map((member) => remembered.has(member))).toEqual([true, false, true]);
  expect([clock.pending, changes]).toEqual([2, ['+a:1', '+b:1', '-b:1', '+c:1']]);
  const none = setup(0);
  none.remembered.add('a:1');
  expect(none.remembered.has('a:1')).toBe(false);
});
