import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Flushable, Flusher } from './flusher.ts';

/** A flusher of so many connections, and what they did in turn. */
function setUp(connections: number): { readonly flusher: Flusher; readonly log: string[]; readonly event: (name: string, crowded?: boolean) => void } {
  const flusher = new Flusher();
  for (let n = 0; n < connections; n++) flusher.opened();
  const log: string[] = [];
  const event = (name: string, crowded = false): void => {
    const one: Flushable = { crowded, flush: () => log.push(`${name} left`) };
    flusher.enter();
    log.push(name);
    flusher.mark(one);
    flusher.leave();
  };
  return { flusher, log, event };
}

const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `${n}`);
const atOnce = (list: readonly string[]): string[] => list.flatMap((name) => [name, `${name} left`]);
const together = (list: readonly string[]): string[] => [...list, ...list.map((name) => `${name} left`)];

/** Turns of so many events, until the flusher has seen what they are like. */
async function settle(event: (name: string) => void, perTurn: number): Promise<void> {
  for (let turns = 0; turns < 100; turns++) {
    for (const name of names(perTurn)) event(name);
    await turn();
  }
}

test('what an event wrote leaves at its end, however many events a turn has, while connections are few', async () => {
  const { log, event } = setUp(32);
  await settle(event, 32);
  log.length = 0;
  for (const name of names(32)) event(name);
  expect(log).toEqual(atOnce(names(32)));
});

test('what a busy turn wrote over many connections leaves at its end', async () => {
  const { log, event } = setUp(500);
  await settle(event, 32);
  log.length = 0;
  for (const name of names(32)) event(name);
  expect(log).toEqual(names(32));
  await turn();
  expect(log).toEqual(together(names(32)));
});

test('over many connections a lone exchange is served at once, also after busy turns', async () => {
  const { log, event } = setUp(500);
  await settle(event, 32);
  await settle(event, 1);
  log.length = 0;
  event('lone');
  expect(log).toEqual(atOnce(['lone']));
});

test('once enough connections have closed, writes leave at once again', async () => {
  const { flusher, log, event } = setUp(500);
  await settle(event, 32);
  for (let n = 0; n < 490; n++) flusher.closed();
  await turn();
  await settle(event, 32);
  log.length = 0;
  for (const name of names(32)) event(name);
  expect(log).toEqual(atOnce(names(32)));
});

test('a crowded connection is written to once a turn', async () => {
  const { log, event } = setUp(1);
  event('a', true);
  event('b');
  expect(log).toEqual(['a', 'b', 'b left']);
  await turn();
  expect(log).toEqual(['a', 'b', 'b left', 'a left']);
});
