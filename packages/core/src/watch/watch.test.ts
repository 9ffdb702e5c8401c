import { describe, expect, test, vi } from 'vitest';
import { reason } from '../reasons/reason.ts';
import { manualClock } from '../time/manual-clock.ts';
import { mapWatch, settled, valueOf } from './combine.ts';
import { constantWatch, createWatch, type WatchOptions, type WatchState } from './watch.ts';

const value = <T>(v: T, stale = false): WatchState<T> => ({ kind: 'value', value: v, stale });
/** A watch whose starts and stops are counted, and everything a subscriber sees. */
const counted = (options: WatchOptions<number> = {}): { source: ReturnType<typeof createWatch<number>>; started: () => number; stopped: () => number } => {
  let [started, stopped] = [0, 0];
  const source = createWatch<number>({ ...options, start: () => (started++, () => void stopped++) });
  return { source, started: () => started, stopped: () => stopped };
};

describe('subscribing', () => {
  test('calls back at once with the present state and then with each change', () => {
    const source = createWatch<number>();
    const seen: WatchState<number>[] = [];
    source.watch.subscribe((state) => seen.push(state));
    source.set(1);
    source.absent();
    source.reject(reason('POLICY_INVALID', 'x'));
    expect(seen).toEqual([
      { kind: 'pending' },
      value(1),
      { kind: 'absent', stale: false },
      { kind: 'rejected', reason: { code: 'POLICY_INVALID', detail: 'x' } },
    ]);
  });

  test('is silent about a state that did not change', () => {
    const source = createWatch<{ n: number }>({ equal: (a, b) => a.n === b.n });
    const seen = vi.fn<(state: WatchState<{ n: number }>) => void>();
    source.set({ n: 1 });
    source.watch.subscribe(seen);
    source.set({ n: 1 });
    source.absent();
    source.absent();
    source.reject(reason('DRAINING', 'a'));
    source.reject(reason('DRAINING', 'a'));
    source.reject(reason('DRAINING', 'b'));
    expect(seen).toHaveBeenCalledTimes(4);
  });

  test('sees what the source sets while it starts as the first state, once', () => {
    const source = createWatch<number>({ start: (out) => (out.set(1), () => undefined) });
    const seen: WatchState<number>[] = [];
    source.watch.subscribe((state) => seen.push(state));
    expect(seen).toEqual([value(1)]);
  });

  test('hears nothing after its release, also when released by another subscriber in the same round', () => {
    const source = createWatch<number>();
    const seen: WatchState<number>[] = [];
    source.watch.subscribe((state) => state.kind === 'value' && release());
    const release = source.watch.subscribe((state) => seen.push(state));
    source.set(1);
    release();
    expect([seen, source.references]).toEqual([[{ kind: 'pending' }], 1]);
  });
});

describe('a set inside a callback', () => {
  test('is queued, so that everybody sees all states in the same order', () => {
    const source = createWatch<number>();
    const [first, second]: [unknown[], unknown[]] = [[], []];
    source.watch.subscribe((state) => {
      first.push(valueOf(source.watch));
      if (state.kind === 'value' && state.value === 1) source.set(2);
    });
    source.watch.subscribe(() => second.push(valueOf(source.watch)));
    source.set(1);
    expect([first, second]).toEqual([
      [undefined, 1, 2],
      [undefined, 1, 2],
    ]);
  });

  test('is queued in the first call too', () => {
    const source = createWatch<number>();
    let depth = 0;
    const depths: number[] = [];
    source.watch.subscribe((state) => {
      depths.push(++depth);
      if (state.kind === 'pending') source.set(1);
      depth--;
    });
    expect([depths, source.watch.state]).toEqual([[1, 1], value(1)]);
  });

  test('shows a new subscriber each state once', () => {
    const source = createWatch<number>();
    const late: WatchState<number>[] = [];
    let joined = false;
    source.watch.subscribe((state) => {
      if (state.kind !== 'value' || joined) return;
      joined = true;
      source.watch.subscribe((s) => late.push(s));
    });
    source.set(1);
    source.set(2);
    expect(late).toEqual([value(1), value(2)]);
  });
});

describe('a throwing subscriber', () => {
  test('harms only itself', () => {
    const errors: unknown[] = [];
    const source = createWatch<number>({ onSubscriberError: (error) => errors.push(error) });
    const seen: WatchState<number>[] = [];
    const boom = new Error('boom');
    source.watch.subscribe(() => {
      throw boom;
    });
    source.watch.subscribe((state) => seen.push(state));
    source.set(1);
    source.set(2);
    expect([seen.length, source.references, errors]).toEqual([3, 2, [boom, boom, boom]]);
  });

  test('is not lost without a handler', async () => {
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    try {
      const caught = new Promise((resolve) => process.once('uncaughtException', resolve));
      const boom = new Error('boom');
      createWatch<number>().watch.subscribe(() => {
        throw boom;
      });
      expect(await caught).toBe(boom);
    } finally {
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
  });
});

describe('references', () => {
  test('start the source with the first and stop it with the last', () => {
    const { source, started, stopped } = counted();
    const releases = [source.watch.subscribe(() => undefined), source.watch.subscribe(() => undefined)];
    expect([started(), source.references]).toEqual([1, 2]);
    releases[0]?.();
    releases[0]?.();
    expect([stopped(), source.references]).toEqual([0, 1]);
    releases[1]?.();
    expect([started(), stopped(), source.references]).toEqual([1, 1, 0]);
  });

  test('keep the source for the idle time and mark the last state stale', () => {
    const clock = manualClock();
    const { source, started, stopped } = counted({ clock, idleMs: 100 });
    source.watch.subscribe(() => source.set(1))();
    clock.advance(99);
    expect([stopped(), source.watch.state]).toEqual([0, value(1)]);
    source.watch.subscribe(() => undefined)();
    clock.advance(99);
    expect(stopped()).toBe(0);
    clock.advance(1);
    expect([started(), stopped(), source.watch.state, clock.pending]).toEqual([1, 1, value(1, true), 0]);
    source.watch.subscribe(() => undefined);
    expect(started()).toBe(2);
  });

  test('forget the state after an idle stop when asked to', () => {
    const { source } = counted({ onIdle: 'forget' });
    source.watch.subscribe(() => source.set(1))();
    expect(source.watch.state).toEqual({ kind: 'pending' });
  });

  test('leave a source that does not start as if nobody had come', () => {
    const source = createWatch<number>({
      start: () => {
        throw new Error('no source');
      },
    });
    expect(() => source.watch.subscribe(() => undefined)).toThrow('no source');
    expect(source.references).toBe(0);
  });

  test('can be stopped before the idle time has passed, but not while somebody subscribes', () => {
    const clock = manualClock();
    const { source, started, stopped } = counted({ clock, idleMs: 100 });
    const stop = source.watch.subscribe(() => undefined);
    expect([source.evict(), stopped()]).toEqual([false, 0]);
    stop();
    expect([source.evict(), stopped(), clock.pending]).toEqual([true, 1, 0]);
    source.watch.subscribe(() => undefined)();
    expect(started()).toBe(2);
  });

  test('need a clock to be idle', () => {
    expect(() => createWatch({ idleMs: 1 })).toThrow(TypeError);
  });
});

describe('stale', () => {
  test('marks the last known state, and the next one is fresh', () => {
    const source = createWatch<number>();
    source.stale();
    expect(source.watch.state).toEqual({ kind: 'pending' });
    source.set(1);
    source.stale();
    expect([source.watch.state, valueOf(source.watch)]).toEqual([value(1, true), 1]);
    source.set(1);
    expect(source.watch.state).toEqual(value(1));
    source.absent();
    source.stale();
    expect(source.watch.state).toEqual({ kind: 'absent', stale: true });
    source.reject(reason('DRAINING'));
    source.stale();
    expect(source.watch.state.kind).toBe('rejected');
  });
});

describe('for await', () => {
  test('yields settled states, the newest to a slow reader', async () => {
    const source = createWatch<number>();
    const iterator = source.watch[Symbol.asyncIterator]();
    const first = iterator.next();
    source.set(1);
    expect(await first).toEqual({ done: false, value: value(1) });
    source.set(2);
    source.set(3);
    expect((await iterator.next()).value).toEqual(value(3));
    await iterator.return?.();
    expect([source.references, (await iterator.next()).done]).toEqual([0, true]);
  });

  test('releases when the loop is left', async () => {
    const { source, stopped } = counted();
    source.set(1);
    for await (const state of source.watch) {
      expect([state, source.references]).toEqual([value(1), 1]);
      break;
    }
    expect([source.references, stopped()]).toEqual([0, 1]);
  });

  test('ends a waiting read on return', async () => {
    const source = createWatch<number>();
    const iterator = source.watch[Symbol.asyncIterator]();
    const reads = [iterator.next(), iterator.next()];
    await iterator.return?.();
    expect((await Promise.all(reads)).every((result) => result.done)).toBe(true);
    expect(source.references).toBe(0);
  });
});

describe('combining', () => {
  test('settled waits for a state that is not pending and then lets go', async () => {
    const source = createWatch<number>();
    const waiting = settled(source.watch);
    source.set(4);
    expect([await waiting, await settled(source.watch), source.references]).toEqual([value(4), value(4), 0]);
  });

  test('settled rejects when aborted, before and while waiting', async () => {
    const source = createWatch<number>();
    await expect(settled(source.watch, AbortSignal.abort(new Error('early')))).rejects.toThrow('early');
    const controller = new AbortController();
    const waiting = settled(source.watch, controller.signal);
    controller.abort(new Error('late'));
    await expect(waiting).rejects.toThrow('late');
    expect(source.references).toBe(0);
  });

  test('a mapped watch follows its source, staleness included, only while somebody listens', () => {
    const source = createWatch<number>();
    const mapped = mapWatch(source.watch, (n) => ({ n }));
    source.set(1);
    expect([mapped.state, source.references]).toEqual([{ kind: 'pending' }, 0]);
    const seen: WatchState<{ n: number }>[] = [];
    const release = mapped.subscribe((state) => seen.push(state));
    source.stale();
    source.set(2);
    source.reject(reason('DRAINING'));
    release();
    expect(seen).toEqual([value({ n: 1 }), value({ n: 1 }, true), value({ n: 2 }), { kind: 'rejected', reason: { code: 'DRAINING' } }]);
    expect(source.references).toBe(0);
  });

  test('a mapped watch keeps the identity of its values across subscriptions', () => {
    const mapped = mapWatch(constantWatch(1), (n) => ({ n }));
    mapped.subscribe(() => undefined)();
    const first = valueOf(mapped);
    mapped.subscribe(() => undefined)();
    expect(valueOf(mapped)).toBe(first);
  });
});
