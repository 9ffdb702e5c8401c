// Both ends of the bridge over a real MessageChannel.
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { createWatch, type EndpointSet, plainEndpoint, reason, type Watch, type WatchSource, type WatchState } from '@weft/core';
import { afterEach, expect, test, vi } from 'vitest';
import type { FromWorker, Topic, ToWorker } from './messages.ts';
import { type RemoteWatches, remoteWatches } from './remote-watches.ts';
import { type ServedWatches, serveWatches } from './serve-watches.ts';

class Bridge {
  readonly sources = new Map<string, WatchSource<unknown>>();
  readonly topics: string[] = [];
  readonly watches: RemoteWatches;
  readonly served: ServedWatches;
  rings = 0;
  readonly #channel = new MessageChannel();

  constructor() {
    const { port1: main, port2: worker } = this.#channel;
    this.served = serveWatches({
      watch: (topic) => {
        this.topics.push(JSON.stringify(topic));
        return this.source(topic).watch;
      },
      post: (message) => main.postMessage(message),
      ring: () => this.rings++,
    });
    this.watches = remoteWatches({ post: (message) => worker.postMessage(message), wait: (done) => this.#standStill(done) });
    main.on('message', (message: FromWorker) => this.#serve(message));
    worker.on('message', (message: ToWorker) => this.#receive(message));
  }

  source(topic: Topic): WatchSource<unknown> {
    const key = JSON.stringify(topic);
    const source = this.sources.get(key) ?? createWatch<unknown>();
    this.sources.set(key, source);
    return source;
  }

  close(): void {
    this.#channel.port1.close();
  }

  /** As the worker does, with the main thread's turns in between. */
  #standStill(done: () => boolean): void {
    while (!done()) {
      const asked = receiveMessageOnPort(this.#channel.port1);
      if (asked) this.#serve(asked.message as FromWorker);
      const answered = receiveMessageOnPort(this.#channel.port2);
      if (answered) this.#receive(answered.message as ToWorker);
      if (!asked && !answered) throw new Error('nobody answers');
    }
  }

  #serve(message: FromWorker): void {
    if (message.kind === 'subscribe' || message.kind === 'unsubscribe') this.served.receive(message);
  }

  #receive(message: ToWorker): void {
    if (message.kind === 'state') this.watches.receive(message);
  }
}

const ENDPOINTS: Topic = { kind: 'endpoints', path: 'web:80' };
const at = (port: number) => plainEndpoint({ ip: '10.0.0.1', port });
const open: Bridge[] = [];
afterEach(() => {
  for (const bridge of open.splice(0)) bridge.close();
});

function bridge(): Bridge {
  const made = new Bridge();
  open.push(made);
  return made;
}

function record<T>(watch: Watch<T>): { readonly states: WatchState<T>[]; release(): void } {
  const states: WatchState<T>[] = [];
  return { states, release: watch.subscribe((state) => states.push(state)) };
}

test('every state crosses, in order, and with its reason', async () => {
  const one = bridge();
  const source = one.source(ENDPOINTS);
  const { states } = record(one.watches.watch<EndpointSet>(ENDPOINTS));
  expect(states).toEqual([{ kind: 'pending' }]);
  await vi.waitFor(() => expect(source.references).toBe(1));
  source.set([at(1)]);
  source.stale();
  source.absent();
  source.reject(reason('DISCOVERY_REJECTED', 'web:80'));
  await vi.waitFor(() => expect(states.at(-1)?.kind).toBe('rejected'));
  expect(states.slice(-3)).toEqual([
    { kind: 'value', value: [at(1)], stale: true },
    { kind: 'absent', stale: false },
    { kind: 'rejected', reason: { code: 'DISCOVERY_REJECTED', detail: 'web:80' } },
  ]);
});

test('endpoints that stay are the same objects from set to set, the others are not', async () => {
  const one = bridge();
  const kept = at(1);
  const source = one.source(ENDPOINTS);
  source.set([kept, at(2)]);
  const { states } = record(one.watches.watch<EndpointSet>(ENDPOINTS));
  await vi.waitFor(() => expect(states).toHaveLength(2));
  source.set([at(3), kept, at(2)]);
  await vi.waitFor(() => expect(states).toHaveLength(3));
  source.set([kept]);
  await vi.waitFor(() => expect(states).toHaveLength(4));
  const [first = [], second = [], third = []] = states.flatMap((state) => (state.kind === 'value' ? [state.value] : []));
  expect(second.map(({ address }) => address.port)).toEqual([3, 1, 2]);
  expect(second[1]).toBe(first[0]);
  expect(second[2]).not.toBe(first[1]);
  expect(third).toHaveLength(1);
  expect(third[0]).toBe(first[0]);
});

test('there is one subscription while anybody subscribes, and none afterwards', async () => {
  const one = bridge();
  const source = one.source(ENDPOINTS);
  const watch = one.watches.watch(ENDPOINTS);
  const a = record(watch);
  const b = record(watch);
  await vi.waitFor(() => expect(source.references).toBe(1));
  a.release();
  b.release();
  await vi.waitFor(() => expect(source.references).toBe(0));
  source.set([at(1)]);
  const again = record(watch);
  await vi.waitFor(() => expect(again.states.at(-1)).toEqual({ kind: 'value', value: [at(1)], stale: false }));
  expect(one.topics).toHaveLength(2);
});

test('a watch that must be known has its state before the first subscriber is called', () => {
  const one = bridge();
  const topic: Topic = { kind: 'inbound', port: 8080 };
  one.source(topic).set('policy');
  // Something else is on its way already; it must not be lost.
  const other = record(one.watches.watch(ENDPOINTS));
  one.source(ENDPOINTS).set([at(1)]);
  const { states } = record(one.watches.known<string>(topic));
  expect(states).toEqual([{ kind: 'value', value: 'policy', stale: false }]);
  expect(one.rings).toBe(1);
  expect(other.states.at(-1)?.kind).toBe('value');
});

test('the end of the bridge ends all subscriptions, and makes no new ones', async () => {
  const one = bridge();
  const source = one.source(ENDPOINTS);
  record(one.watches.watch(ENDPOINTS));
  await vi.waitFor(() => expect(source.references).toBe(1));
  one.served.close();
  expect(source.references).toBe(0);
  one.served.receive({ kind: 'subscribe', id: 99, topic: ENDPOINTS, waits: false });
  expect(source.references).toBe(0);
});
