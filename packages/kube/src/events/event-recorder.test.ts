import { manualClock, silentLogger } from '@weft/core';
import { afterEach, expect, test } from 'vitest';
import { eventKind, type KubeClient } from '../index.ts';
import { type TestServer, testServer } from '../server/test-server.ts';
import { type EventRecord, eventRecorder } from './event-recorder.ts';

let server: TestServer | undefined;
afterEach(async () => server?.close());

const about = { apiVersion: 'v1', kind: 'Service', namespace: 'default', name: 'web', uid: 'u-1' };
const warning: EventRecord = { type: 'Warning', reason: 'Unreadable', message: 'spec: is missing', about };

/** The client, and a promise for what it has written when nothing is being written any more. */
function counted(client: KubeClient): { readonly client: KubeClient; settled(): Promise<void> } {
  const writing: Promise<unknown>[] = [];
  return {
    client: {
      ...client,
      create(kind, object, options) {
        const call = client.create(kind, object, options);
        writing.push(call);
        return call;
      },
    },
    settled: () => Promise.allSettled(writing).then(() => undefined),
  };
}

test('an event is found as kubectl describe looks for it: by the name, the namespace and the uid of what it is about', async () => {
  server = await testServer();
  const { client, settled } = counted(server.client);
  const clock = manualClock({ wall: Date.parse('2026-01-02T03:04:05Z') });
  const events = eventRecorder({ client, component: 'tester', logger: silentLogger, clock });
  events.record(warning);
  events.record({ ...warning, about: { apiVersion: 'v1', kind: 'Node', name: 'node-a' } });
  await settled();
  const fieldSelector = 'involvedObject.name=web,involvedObject.namespace=default,involvedObject.uid=u-1';
  const { items } = await server.client.list(eventKind, { namespace: 'default', fieldSelector });
  expect(items.map(({ type, reason, message, source, lastTimestamp }) => ({ type, reason, message, source, lastTimestamp }))).toEqual([
    { type: 'Warning', reason: 'Unreadable', message: 'spec: is missing', source: { component: 'tester' }, lastTimestamp: '2026-01-02T03:04:05.000Z' },
  ]);
  // Of what is in no namespace it is in `default`.
  const all = (await server.client.list(eventKind, { namespace: 'default' })).items;
  expect(new Set(all.map(({ involvedObject }) => involvedObject.kind))).toEqual(new Set(['Node', 'Service']));
});

test('the same is told again only after its time, other news at once', async () => {
  server = await testServer();
  const { client, settled } = counted(server.client);
  const clock = manualClock();
  const events = eventRecorder({ client, component: 'tester', logger: silentLogger, clock });
  const again = { ...warning, sameAgainMs: 1000 };
  const count = async (): Promise<number> => {
    await settled();
    return (await server?.client.list(eventKind))?.items.length ?? 0;
  };
  for (let i = 0; i < 3; i++) events.record(again);
  expect(await count()).toBe(1);
  events.record({ ...again, message: 'spec: [] is not an object' });
  events.record({ ...again, about: { ...about, uid: 'u-2' } });
  expect(await count()).toBe(3);
  clock.advance(1000);
  events.record(again);
  expect(await count()).toBe(4);
});

test('of a flood only so many are written at a time, and long messages are cut', async () => {
  server = await testServer();
  const { client, settled } = counted(server.client);
  const events = eventRecorder({ client, component: 'tester', logger: silentLogger });
  for (let i = 0; i < 1000; i++) events.record({ ...warning, message: `${i}${'x'.repeat(5000)}` });
  await settled();
  const { items } = await server.client.list(eventKind);
  expect(items).toHaveLength(64);
  expect(Math.max(...items.map(({ message = '' }) => message.length))).toBe(1024);
});
