import type { TapEvent } from '@weft/core';
import { expect, test } from 'vitest';
import { MAX_OBSERVATIONS, type Observation, TapHub } from './tap-hub.ts';

const ANYTHING: Observation = { match: { kind: 'all', matches: [] }, limit: 2, headers: false };
const EVENT: TapEvent = {
  stream: 0,
  sides: {
    direction: 'inbound',
    source: undefined,
    sourceLabels: {},
    destination: { ip: '10.0.0.1', port: 80 },
    destinationLabels: {},
    routeLabels: undefined,
  },
  http: { kind: 'request', method: 'GET', scheme: undefined, authority: '', path: '/', headers: undefined },
};

function started(hub: TapHub, heard: string[] = []) {
  const observing = hub.observe(ANYTHING, { event: ({ http }) => void heard.push(http.kind), done: () => void heard.push('done') });
  if (!observing) throw new Error('too many');
  return observing;
}

/** Ids of the observations that requests are compared with. */
function watched(hub: TapHub): readonly number[][] {
  const seen: number[][] = [];
  hub.requests.subscribe((state) => state.kind === 'value' && seen.push(state.value.map(({ id }) => id)));
  return seen;
}

test('an observation is watched for until it has its requests, and is done when they are over', () => {
  const hub = new TapHub();
  const seen = watched(hub);
  const heard: string[] = [];
  const { id, cells } = started(hub, heard);
  for (const _ of [1, 2]) {
    cells.take(2);
    hub.tell({ id, event: EVENT, over: false });
  }
  expect(seen).toEqual([[], [id], []]);
  hub.tell({ id, over: true });
  expect(heard).toEqual(['request', 'request']);
  hub.tell({ id, over: true });
  expect(heard).toEqual(['request', 'request', 'done']);
  expect(cells.closed).toBe(true);
});

test('an observer that leaves is not told, and others are', () => {
  const hub = new TapHub();
  const heard: string[] = [];
  const [one, other] = [started(hub), started(hub, heard)];
  const seen = watched(hub);
  one.stop();
  one.stop();
  hub.tell({ id: one.id, event: EVENT, over: false });
  hub.tell({ id: other.id, event: EVENT, over: false });
  expect([heard, seen, one.cells.closed, other.cells.closed]).toEqual([['request'], [[one.id, other.id], [other.id]], true, false]);
});

test('there are so many at once, and no more', () => {
  const hub = new TapHub();
  const all = Array.from({ length: MAX_OBSERVATIONS }, () => started(hub));
  expect(hub.observe(ANYTHING, { event: () => undefined, done: () => undefined })).toBeUndefined();
  all[3]?.stop();
  expect(started(hub).id).toBe(MAX_OBSERVATIONS);
});
