// Real threads that do not behave.
import { createWatch } from '@weft/core';
import { expect, onTestFinished, test } from 'vitest';
import type { WorkerStart } from './messages.ts';
import { WorkerThread } from './worker-thread.ts';

function thread(program: string): { readonly one: WorkerThread; readonly failed: Promise<Error> } {
  let onFailed: (error: Error) => void = () => undefined;
  const failed = new Promise<Error>((resolve) => (onFailed = resolve));
  const one = new WorkerThread({
    entry: new URL(`data:text/javascript,${encodeURIComponent(`import { workerData } from 'node:worker_threads'; const { port } = workerData; ${program}`)}`),
    // These programs look at nothing of it.
    start: {
      index: 0,
      config: {} as WorkerStart['config'],
      identity: { name: 'a', serverName: 'a', anchors: [] },
      shared: new SharedArrayBuffer(16),
      buckets: new SharedArrayBuffer(16),
      budgets: new SharedArrayBuffer(16),
    },
    watch: () => createWatch().watch,
    ring: () => undefined,
    onConnection: () => undefined,
    onTapped: () => undefined,
    onFailed: (error) => onFailed(error),
  });
  onTestFinished(() => one.terminate());
  return { one, failed };
}

const FAMILY = { name: 'a_total', type: 'counter', help: 'A.', join: 'sum', bounds: [], series: [{ text: '', key: '', value: 3 }] };

test('a thread that does not answer holds up a scrape for so long and no longer, and is shown as it was', async () => {
  const { one } = thread(`
    let asked = 0;
    port.on('message', ({ id }) => { if (asked++ === 0) port.postMessage({ kind: 'counted', id, metrics: [${JSON.stringify(FAMILY)}] }); });`);
  expect(await one.count(1_000, 60_000)).toEqual({ metrics: [FAMILY], late: false });
  expect(await one.count(1_000, 10)).toEqual({ metrics: [FAMILY], late: true });
});

test('an error that nothing catches is told, and what waits for the thread goes on', async () => {
  const { one, failed } = thread(`port.once('message', () => { throw new RangeError('a defect'); });`);
  const counted = one.count(1_000, 60_000);
  expect(await failed).toMatchObject({ name: 'RangeError', message: 'a defect' });
  expect(await counted).toEqual({ metrics: [], late: false });
  await one.drained;
});

test('an end before the drain is a failure, one after it is not', async () => {
  const { failed } = thread('process.exit(3);');
  expect((await failed).message).toBe('the thread ended with 3');
  const { one, failed: neither } = thread(
    `port.once('message', () => { port.postMessage({ kind: 'drained', metrics: [${JSON.stringify(FAMILY)}] }); port.close(); });`,
  );
  one.post({ kind: 'drain' });
  await one.drained;
  expect(await one.count(1_000, 60_000)).toEqual({ metrics: [FAMILY], late: false });
  expect(await Promise.race([neither, Promise.resolve('none')])).toBe('none');
});
