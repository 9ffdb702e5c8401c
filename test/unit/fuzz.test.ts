// The fuzz suite in small: the kept corpus and a few changed inputs of every parser, always the same ones; and the loop itself.
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readCorpus } from '../fuzz/corpus.ts';
import { runTarget } from '../fuzz/run-target.ts';
import { type FuzzTarget, hold } from '../fuzz/target.ts';
import { TARGETS } from '../fuzz/targets/index.ts';

const INPUTS = 150;
/** Generous: other tests run at the same time. */
const SLOW_MS = 5_000;

test.each(TARGETS.map((target) => [target.name, target] as const))('%s holds on its corpus and on changed inputs', async (name, target) => {
  const { finding } = await runTarget({ target, corpus: readCorpus(name), seed: 1, slowMs: SLOW_MS, more: (executions) => executions < INPUTS });
  expect(finding && `${finding.error.stack}\ninput ${finding.minimised.toString('hex')}`).toBeUndefined();
});

test('every folder of the corpus belongs to a target', () => {
  const names = TARGETS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const folder of readdirSync(new URL('../fuzz/corpus/', import.meta.url))) expect(names).toContain(folder);
});

const planted: FuzzTarget = {
  name: 'planted',
  tokens: ['<<'],
  seeds: () => [Buffer.from('some text to start from')],
  run(input) {
    hold(!input.includes('<<'), 'planted');
    return 'ok';
  },
};

test('a planted fault is found, made small, and found again from the same seed', async () => {
  const run = () => runTarget({ target: planted, corpus: [], seed: 7, more: (executions) => executions < 10_000 });
  const { finding, executions } = await run();
  expect(finding?.minimised.toString()).toBe('<<');
  expect(finding?.error.message).toBe('planted');
  expect((await run()).executions).toBe(executions);
});

test('an input that takes too long is a finding', async () => {
  const slow: FuzzTarget = {
    ...planted,
    run(input) {
      const end = performance.now() + (input.length > 30 ? 20 : 0);
      while (performance.now() < end);
      return 'ok';
    },
  };
  const { finding } = await runTarget({ target: slow, corpus: [Buffer.alloc(31)], seed: 1, slowMs: 10, more: () => false });
  expect(finding?.error.name).toBe('SlowError');
});
