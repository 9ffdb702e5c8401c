import { expect, test } from 'vitest';
import { simulate } from './simulate.ts';

const SEED = 2026;
const run = (chooser: Parameters<typeof simulate>[0]['chooser'], breakers: boolean) => simulate({ chooser, breakers, seed: SEED, seconds: 10 });

test('the same seed gives the same figures, another one others', () => {
  expect(run('P2C, EWMA', true)).toEqual(run('P2C, EWMA', true));
  expect(simulate({ chooser: 'P2C, EWMA', breakers: true, seed: SEED + 100, seconds: 10 })).not.toEqual(run('P2C, EWMA', true));
});

test('estimates of latency keep requests from the slow server', () => {
  const [turns, ewma] = [run('round robin', false), run('P2C, EWMA', false)];
  expect(turns.to_slow).toBeCloseTo(0.1, 2);
  expect(ewma.to_slow).toBeLessThan(0.02);
  expect(ewma.p99_ms).toBeLessThan(turns.p99_ms / 5);
});

test('a server that fails fast attracts requests where only load counts, and gets none where failures do', () => {
  expect(run('least loaded', false).to_failing).toBeGreaterThan(0.1);
  expect(run('P2C, EWMA, penalty', false).goodput).toBeGreaterThan(0.98);
  for (const chooser of ['round robin', 'least loaded', 'P2C, EWMA', 'P2C, EWMA, penalty'] as const) {
    expect(run(chooser, true).to_failing).toBeLessThan(0.005);
  }
});
