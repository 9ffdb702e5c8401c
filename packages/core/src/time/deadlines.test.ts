import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DeadlineSlot, Deadlines, type Expiring } from './deadlines.ts';
import { manualClock } from './manual-clock.ts';

function bench(slotMs = 4) {
  const clock = manualClock({ now: 1.5 });
  const deadlines = new Deadlines(clock, slotMs);
  const expired: [string, number][] = [];
  const thing = (name: string): Expiring => ({ expire: () => void expired.push([name, clock.now()]) });
  return { clock, deadlines, expired, thing };
}

test('comes in time, or up to a slot late', () => {
  const { clock, deadlines, expired, thing } = bench();
  deadlines.set(thing('a'), 101.5);
  clock.advance(100);
  expect(expired).toEqual([]);
  clock.advance(4);
  expect(expired).toEqual([['a', 104]]);
});

test('one timer serves all, also when an earlier one comes later', () => {
  const { clock, deadlines, expired, thing } = bench();
  deadlines.set(thing('late'), 200);
  deadlines.set(thing('early'), 40);
  deadlines.set(thing('between'), 80);
  expect(clock.pending).toBe(1);
  clock.advance(300);
  expect(expired).toEqual([
    ['early', 40],
    ['between', 80],
    ['late', 200],
  ]);
  expect(clock.pending).toBe(0);
});

test('what is lifted does not come, and leaves nothing behind', () => {
  const { clock, deadlines, expired, thing } = bench();
  for (let i = 0; i < 1_000; i += 1) {
    const one = thing(String(i));
    const slot = deadlines.set(one, 1_000 + i);
    clock.advance(1);
    deadlines.lift(slot, one);
  }
  clock.advance(5_000);
  expect(expired).toEqual([]);
  expect(clock.pending).toBe(0);
});

test('one that expires may lift another of its slot and set itself again', () => {
  const { clock, deadlines, expired, thing } = bench();
  const second = thing('second');
  let slot: DeadlineSlot | undefined;
  let rounds = 0;
  const first: Expiring = {
    expire() {
      rounds += 1;
      if (slot) deadlines.lift(slot, second);
      if (rounds < 3) deadlines.set(first, clock.now());
    },
  };
  deadlines.set(first, 8);
  slot = deadlines.set(second, 8);
  clock.advance(100);
  expect(rounds).toBe(3);
  expect(expired).toEqual([]);
});

test('none comes early, and none is missed', () => {
  const step = fc.record({ wait: fc.integer({ min: 0, max: 30 }), forMs: fc.double({ min: 0, max: 100, noNaN: true }), lift: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (steps, slotMs) => {
      const { clock, deadlines, expired, thing } = bench(slotMs);
      const wanted = new Map<string, number>();
      let last: { slot: DeadlineSlot; one: Expiring; name: string } | undefined;
      for (const [i, { wait, forMs, lift }] of steps.entries()) {
        clock.advance(wait);
        if (lift && last && !expired.some(([name]) => name === last?.name)) {
          deadlines.lift(last.slot, last.one);
          wanted.delete(last.name);
        }
        const [name, one] = [String(i), thing(String(i))];
        wanted.set(name, clock.now() + forMs);
        last = { slot: deadlines.set(one, clock.now() + forMs), one, name };
      }
      clock.advance(1_000);
      expect(expired.map(([name]) => name).toSorted()).toEqual([...wanted.keys()].toSorted());
      for (const [name, at] of expired) {
        const due = wanted.get(name) ?? Number.NaN;
        expect(at).toBeGreaterThanOrEqual(due);
        expect(at).toBeLessThanOrEqual(due + slotMs);
      }
      expect(clock.pending).toBe(0);
    }),
    { seed: 3 },
  );
});
