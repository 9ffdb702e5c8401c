import { memoryLogger, silentLogger, valueOf } from '@weft/core';
import { expect, test } from 'vitest';
import { KEEP, type Outcome, sharedWatches } from './shared-watches.ts';

test('who asks the same shares one answer, which is gone with the last of them', () => {
  const shared = sharedWatches(silentLogger);
  let [derived, stopped, count] = [0, 0, 0];
  let change: () => void = () => undefined;
  let askers: () => number = () => 0;
  const ask = () =>
    shared.watch<number>('q', ({ update, references }) => {
      derived++;
      [change, askers] = [update, references];
      return { stops: [() => void stopped++], compute: () => ({ kind: 'value', value: ++count }) };
    });
  const seen: (number | undefined)[] = [];
  const [one, two] = [ask(), ask()];
  const stops = [one.subscribe(() => seen.push(valueOf(one))), ask().subscribe(() => undefined)];
  expect([derived, askers(), shared.size]).toEqual([1, 2, 1]);
  change();
  expect(seen).toEqual([1, 2]);
  for (const stop of stops) stop();
  expect([stopped, shared.size, two.state.kind]).toEqual([1, 0, 'pending']);
});

test('an update that cannot be computed leaves the answer as it was, and is logged', () => {
  const logger = memoryLogger();
  let outcome: () => Outcome<string> = () => ({ kind: 'value', value: 'first' });
  let change: () => void = () => undefined;
  const watch = sharedWatches(logger).watch<string>('q', ({ update }) => {
    change = update;
    return { stops: [], compute: () => outcome() };
  });
  const states: string[] = [];
  watch.subscribe((state) => states.push(state.kind === 'value' ? state.value : state.kind));
  outcome = () => {
    throw new TypeError('garbage');
  };
  change();
  outcome = () => KEEP;
  change();
  outcome = () => ({ kind: 'absent' });
  change();
  expect([states, logger.records.map(({ level }) => level)]).toEqual([['first', 'absent'], ['error']]);
});
