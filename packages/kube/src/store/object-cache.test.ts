import { memoryLogger, silentLogger } from '@weft/core';
import { expect, test } from 'vitest';
import type { KubeObject } from '../resources/meta.ts';
import { objectCache } from './object-cache.ts';
import type { StoreEvent } from './store.ts';

const object = (name: string, version: string, app = 'web', namespace = 'a'): KubeObject =>
  Object.freeze({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name, resourceVersion: version, labels: { app } } });
const cacheOf = () => objectCache<KubeObject>({ logger: silentLogger });
const text = (event: StoreEvent<KubeObject>): string => `${event.kind} ${(event.kind === 'deleted' ? event.old : event.object).metadata.name}`;

test('gives the same arrays and objects until something changes', () => {
  const cache = cacheOf();
  const byApp = cache.by(({ metadata }) => [metadata.labels?.app ?? '']);
  cache.replace([object('x', '1'), object('y', '1', 'db'), object('z', '1', 'db', 'b')], true);
  const before = { all: cache.list(), a: cache.list('a'), b: cache.list('b'), web: byApp.get('web'), db: byApp.get('db'), y: cache.get('a', 'y') };
  expect(cache.replace([object('x', '1'), object('y', '1', 'db'), object('z', '1', 'db', 'b')], true)).toBe(0);
  expect(cache.list()).toBe(before.all);
  cache.put(object('x', '2'));
  expect([cache.list() === before.all, cache.list('a') === before.a, byApp.get('web') === before.web]).toEqual([false, false, false]);
  expect([cache.list('b') === before.b, byApp.get('db') === before.db, cache.get('a', 'y') === before.y]).toEqual([true, true, true]);
  expect(cache.list('none')).toEqual([]);
  expect(cache.size).toBe(3);
});

test('takes a list at once: subscribers and indexes see all of it, what comes before what goes, and never an empty set', () => {
  const cache = cacheOf();
  cache.replace([object('old', '1'), object('stays', '1')], true);
  const byApp = cache.by(({ metadata }) => [metadata.labels?.app ?? '']);
  const seen: string[] = [];
  cache.subscribe((event) => seen.push(`${text(event)} of ${cache.list().length}, ${byApp.get('web').length}`));
  seen.length = 0;
  expect(cache.replace([object('new', '2'), object('stays', '1')], true)).toBe(2);
  expect(seen).toEqual(['added new of 2, 2', 'deleted old of 2, 2']);
});

test('deletes nothing for a list that is not complete', () => {
  const cache = cacheOf();
  cache.replace([object('x', '1'), object('y', '1')], true);
  expect(cache.replace([object('x', '2')], false)).toBe(1);
  expect(cache.list().map(({ metadata }) => `${metadata.name}${metadata.resourceVersion}`)).toEqual(['x2', 'y1']);
});

test('moves objects between keys, and no longer once an index is closed', () => {
  const cache = cacheOf();
  cache.put(object('x', '1', 'web'));
  const byApp = cache.by(({ metadata }) => [metadata.labels?.app ?? '', metadata.labels?.app ?? '']);
  expect(byApp.get('web')).toHaveLength(1);
  cache.put(object('x', '2', 'db'));
  expect([byApp.get('web').length, byApp.get('db').length]).toEqual([0, 1]);
  cache.remove(object('x', '3'));
  cache.remove(object('x', '3'));
  expect([byApp.get('db').length, cache.size]).toEqual([0, 0]);
  byApp.close();
  cache.put(object('x', '4', 'db'));
  expect(byApp.get('db')).toEqual([]);
});

test('an object without keys is in no index, and in the store all the same', () => {
  const logger = memoryLogger();
  const cache = objectCache<KubeObject>({ logger });
  const byApp = cache.by(({ metadata }) => {
    if (!metadata.labels?.app) throw new TypeError('no app');
    return [metadata.labels.app.toUpperCase()];
  });
  const bare: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'bare', resourceVersion: '1' } };
  cache.replace([bare, object('x', '1')], true);
  cache.put({ ...bare, metadata: { ...bare.metadata, resourceVersion: '2', labels: { app: 'web' } } });
  expect([cache.size, byApp.get('WEB').length]).toEqual([2, 2]);
  expect(logger.records.map(({ message }) => message)).toEqual(['an object has no keys', 'an object has no keys']);
});

test('keeps a throwing subscriber from harming others', () => {
  const logger = memoryLogger();
  const cache = objectCache<KubeObject>({ logger });
  cache.subscribe(() => {
    throw new Error('mine alone');
  });
  let heard = 0;
  cache.subscribe(() => heard++);
  cache.put(object('x', '1'));
  expect([heard, logger.records.length]).toEqual([1, 1]);
});
