import { manualClock } from '@weft/core';
import { expect, test } from 'vitest';
import { KubeError } from './kube-error.ts';
import { requestRate } from './request-rate.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('lets a burst through at once, then goes at an even pace, and recovers in pauses', async () => {
  const clock = manualClock();
  const admit = requestRate({ qps: 10, burst: 3 }, clock);
  let sent = 0;
  const ask = (n: number): void => {
    for (let i = 0; i < n; i++) void admit().then(() => sent++);
  };
  ask(6);
  await turn();
  expect(sent).toBe(3);
  for (const after of [4, 5, 6]) {
    clock.advance(99);
    await turn();
    expect(sent).toBe(after - 1);
    clock.advance(1);
    await turn();
    expect(sent).toBe(after);
  }
  clock.advance(200);
  ask(4);
  await turn();
  expect(sent).toBe(8);
  clock.advance(60_000);
  ask(4);
  await turn();
  expect(sent).toBe(10 + 3);
});

test('refuses what would wait too long, and gives up when told to', async () => {
  const clock = manualClock();
  const admit = requestRate({ qps: 0.1, burst: 1 }, clock);
  await admit();
  const abort = new AbortController();
  const waiting = admit(abort.signal);
  const refused: unknown = await admit().catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(KubeError);
  expect(refused).toMatchObject({ code: 'TOO_MANY_REQUESTS', message: 'more than 0.1 requests per second are waiting for the API server' });
  abort.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  expect(clock.pending).toBe(0);
});
