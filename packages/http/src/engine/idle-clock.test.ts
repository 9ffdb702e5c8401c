import { expect, test } from 'vitest';
import { IdleClocks } from './idle-clock.ts';
import { manualTimers } from './manual-timers.ts';

const LIFE_MS = 4000;
const TICK_MS = 1000;

/** Holds something for as long as the clock says, and notes after how many ticks it was let go. */
function pool(clock: ReturnType<IdleClocks['of']>, holds = true) {
  const since = clock.now;
  const one = {
    asked: 0,
    expire(): boolean {
      one.asked += 1;
      return holds && !clock.isDue(since);
    },
  };
  return one;
}

test('asks all pools with one timer', () => {
  const { timers, waiting, fireAll } = manualTimers();
  const clock = new IdleClocks(timers).of(LIFE_MS);
  const pools = Array.from({ length: 1000 }, () => pool(clock));
  for (const one of pools) clock.add(one);
  for (let tick = 1; tick <= 3; tick += 1) {
    expect(waiting.map(({ delayMs }) => delayMs)).toEqual([TICK_MS]);
    fireAll();
    expect(pools.every(({ asked }) => asked === tick)).toBe(true);
  }
});

test('what is idle lives for its time and up to a quarter more, whenever the clock was started', () => {
  const { timers, fireAll } = manualTimers();
  const clock = new IdleClocks(timers).of(LIFE_MS);
  const early = pool(clock);
  clock.add(early);
  fireAll();
  fireAll();
  const late = pool(clock);
  clock.add(late);
  for (let tick = 3; tick < 20; tick += 1) fireAll();
  // Its last turn is the one that lets it go.
  expect(early.asked).toBe(5);
  expect(late.asked).toBe(5);
});

test('stands still while no pool keeps anything', () => {
  const { timers, waiting, fireAll } = manualTimers();
  const clock = new IdleClocks(timers).of(LIFE_MS);
  const empty = pool(clock, false);
  clock.add(empty);
  fireAll();
  expect(waiting).toEqual([]);
  fireAll();
  expect(empty.asked).toBe(1);
  const [one, another] = [pool(clock), pool(clock)];
  clock.add(one);
  clock.add(another);
  clock.delete(one);
  expect(waiting).toHaveLength(1);
  clock.delete(another);
  expect(waiting).toEqual([]);
});

test('each lifetime has a clock of its own', () => {
  const { timers, waiting } = manualTimers();
  const clocks = new IdleClocks(timers);
  expect(clocks.of(LIFE_MS)).toBe(clocks.of(LIFE_MS));
  const short = clocks.of(LIFE_MS / 2);
  clocks.of(LIFE_MS).add(pool(clocks.of(LIFE_MS)));
  short.add(pool(short));
  expect(waiting.map(({ delayMs }) => delayMs)).toEqual([TICK_MS, TICK_MS / 2]);
});
