import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { SharedCells } from './shared-cells.ts';

test('a limit holds for all who share the cells, each side for itself', () => {
  const cells = new SharedCells(2);
  const here = cells.limit('inbound', 2);
  const there = new SharedCells(cells.buffer).limit('inbound', 2);
  expect([here.enter(), there.enter(), here.enter(), there.enter()]).toEqual([true, true, false, false]);
  expect(cells.limit('outbound', 1).enter()).toBe(true);
  there.release();
  expect([here.enter(), there.enter()]).toEqual([true, false]);
});

test('connections and bells are those of their worker', () => {
  const cells = new SharedCells(3);
  const other = new SharedCells(cells.buffer);
  expect(other.workers).toBe(3);
  cells.connected(1);
  cells.connected(1);
  other.disconnected(1);
  cells.ring(2);
  expect([0, 1, 2].map((worker) => [other.connections(worker), other.rings(worker)])).toEqual([
    [0, 0],
    [1, 0],
    [0, 1],
  ]);
  // It has rung since nobody had heard it: no waiting.
  other.waitForRing(2, 0, 60_000);
});

test('an accepted connection is counted where there are fewer, small differences among many left alone', () => {
  const cells = new SharedCells(3);
  expect([0, 0, 0, 0].map((accepted) => cells.place(accepted))).toEqual([0, 1, 2, 0]);
  expect([0, 1, 2].map((worker) => cells.connections(worker))).toEqual([2, 1, 1]);
  const many = new SharedCells(2);
  for (let n = 0; n < 40; n++) many.connected(0);
  for (let n = 0; n < 36; n++) many.connected(1);
  expect(many.place(0)).toBe(0);
  many.disconnected(1);
  expect(many.place(0)).toBe(1);
  many.retire(1);
  expect(many.place(0)).toBe(0);
});

test.runIf(availableParallelism() > 1)('threads that accept at the same time end with as many connections each', async () => {
  const rounds = 20_000;
  const cells = new SharedCells(2);
  const each = 8;
  // Each round both threads begin at once; afterwards they take back what they have placed.
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const program = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { module, buffer, gate, own, rounds, each } = workerData;
    const meet = (count) => { Atomics.add(gate, 0, 1); while (Atomics.load(gate, 0) < count); };
    import(module).then(({ SharedCells }) => {
      const cells = new SharedCells(buffer);
      let uneven = 0;
      for (let round = 0, met = 0; round < rounds; round++) {
        meet((met += 2));
        const placed = [];
        for (let n = 0; n < each; n++) placed.push(cells.place(own));
        meet((met += 2));
        if (cells.connections(own) !== each) uneven++;
        meet((met += 2));
        for (const worker of placed) cells.disconnected(worker);
      }
      parentPort.postMessage(uneven);
    });`;
  // As built: a thread of a test has no loader for TypeScript.
  const module = new URL('../../../dist/sidecar/workers/shared-cells.js', import.meta.url).href;
  const workers = [0, 1].map((own) => new Worker(program, { eval: true, workerData: { module, buffer: cells.buffer, gate, own, rounds, each }, execArgv: [] }));
  const uneven = await Promise.all(workers.map(async (worker) => ((await once(worker, 'message')) as [number])[0]));
  await Promise.all(workers.map((worker) => worker.terminate()));
  expect(uneven).toEqual([0, 0]);
});
