import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Gcra, manualClock, memoryBuckets, seeded } from '@weft/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SharedBuckets } from './shared-buckets.ts';
import { SharedTable } from './shared-table.ts';

const ONE = new Gcra(1);
const SEED = 7;

function scene() {
  let now = 0;
  const here = new SharedBuckets({ seed: SEED }, () => now);
  const there = new SharedBuckets(here.buffer, () => now);
  return { here, there, pass: (ns: number) => (now += ns) };
}

test('a limit holds for all who share the buckets', () => {
  const { here, there, pass } = scene();
  const three = new Gcra(3);
  expect([here.take('a', three), there.take('a', three), there.available('a', three)]).toEqual([true, true, 1]);
  expect([here.take('a', three), there.take('a', three), here.available('a', three)]).toEqual([true, false, 0]);
  expect(there.take('b', three)).toBe(true);
  pass(Math.ceil(1e9 / 3));
  expect([there.take('a', three), here.take('a', three)]).toEqual([true, false]);
});

test('with room for all they admit what buckets in memory admit', () => {
  const { here, there, pass } = scene();
  const clock = manualClock();
  const memory = memoryBuckets({ clock });
  const random = seeded(3);
  for (let i = 0; i < 5_000; i++) {
    const ms = random.next() < 0.5 ? 0 : Math.floor(random.next() * 300);
    pass(ms * 1e6);
    clock.advance(ms);
    const key = `key ${Math.floor(random.next() * 20)}`;
    const limit = new Gcra(1 + (key.length % 4));
    expect((random.next() < 0.5 ? here : there).take(key, limit)).toBe(memory.take(key, limit));
  }
});

test('with more keys than room nobody is admitted more than once a second, and in the next second others are', () => {
  const { here, there, pass } = scene();
  const keys = Array.from({ length: 100_000 }, (_, i) => `key ${i}`);
  const admitted = keys.filter((key, i) => (i % 2 === 0 ? here : there).take(key, ONE));
  // Each set has its places and the bucket that is shared.
  expect(admitted.length).toBe(2_048 * 9);
  expect(admitted.filter((key) => here.take(key, ONE))).toEqual([]);
  pass(1e9);
  expect(keys.slice(-1_000).filter((key) => here.take(key, ONE)).length).toBeGreaterThan(900);
});

/** Keys that all fall into one set of a scene: there are eight places for them. */
function neighbours(count: number): string[] {
  const table = new SharedTable({ seed: SEED }, 2_048, 0);
  const found: string[] = [];
  for (let i = 0; found.length < count; i++) if (table.slotOf(`key ${i}`).set === 0) found.push(`key ${i}`);
  return found;
}

/** How many more than `rps·t + rps` the worst of all windows admitted, of times in milliseconds: none where it is not above 0. */
function excess(times: readonly number[], rps: number): number {
  let worst = 0;
  for (const [i, begin] of times.entries()) {
    for (let j = i; j < times.length; j++) worst = Math.max(worst, j - i + 1 - rps - Math.floor((((times[j] as number) - begin) * rps) / 1_000));
  }
  return worst;
}

test('no key is ever admitted more than its limit allows, while keys take places from each other', () => {
  const keys = neighbours(12);
  const limits = keys.map((_, key) => new Gcra(1 + (key % 3)));
  // Requests in one instant: so many of each of some neighbouring keys. Then time passes, often just too little.
  const burst = fc.record({
    from: fc.integer({ min: 0, max: keys.length - 1 }),
    count: fc.integer({ min: 1, max: keys.length }),
    times: fc.integer({ min: 1, max: 3 }),
    thread: fc.integer({ min: 0, max: 1 }),
    gap: fc.constantFrom(0, 1, 40, 250, 333, 500, 910, 960, 999, 1_000, 5_000),
  });
  // Without `size` a list has ten at most.
  const bursts = fc.array(burst, { maxLength: 40, size: 'max' });
  fc.assert(
    fc.property(bursts, (list) => {
      const { here, there, pass } = scene();
      let ms = 0;
      const admitted = keys.map((): number[] => []);
      for (const { from, count, times, thread, gap } of list) {
        for (let i = 0; i < count * times; i++) {
          const key = (from + (i % count)) % keys.length;
          if ([here, there][(thread + i) % 2]?.take(keys[key] as string, limits[key] as Gcra)) admitted[key]?.push(ms);
        }
        ms += gap;
        pass(gap * 1e6);
      }
      expect(limits.map(({ rps }, key) => excess(admitted[key] ?? [], rps))).toEqual(limits.map(() => 0));
    }),
  );
});

test('threads that take at the same time get no more than there is', async () => {
  const { here } = scene();
  // As built: a thread of a test has no loader for TypeScript.
  const modules = ['../../../dist/sidecar/workers/shared-buckets.js', '../../../../core/dist/index.js'].map((path) => new URL(path, import.meta.url).href);
  const code = `
    const { workerData, parentPort } = require('node:worker_threads');
    Promise.all(${JSON.stringify(modules)}.map((url) => import(url))).then(([{ SharedBuckets }, { Gcra }]) => {
      const buckets = new SharedBuckets(workerData, () => 0);
      const limit = new Gcra(50_000);
      let taken = 0;
      for (let i = 0; i < 40_000; i++) if (buckets.take('a', limit)) taken++;
      parentPort.postMessage(taken);
    });`;
  const run = async (): Promise<number> => {
    const worker = new Worker(code, { eval: true, workerData: here.buffer, execArgv: [] });
    const [taken] = (await once(worker, 'message')) as [number];
    await worker.terminate();
    return taken;
  };
  const taken = await Promise.all([run(), run()]);
  expect(taken[0] + taken[1]).toBe(50_000);
});
