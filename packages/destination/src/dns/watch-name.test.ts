import { createWatch, manualClock, memoryLogger, type SocketAddress, seeded, type WatchState } from '@weft/core';
import { expect, test } from 'vitest';
import { ResolveError } from './resolver.ts';
import { watchName } from './watch-name.ts';

const A = { ip: '10.0.0.1', port: 8086 };
const B = { ip: '10.0.0.2', port: 8086 };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function setup(first?: Error) {
  const clock = manualClock();
  const logger = memoryLogger();
  const refresh = createWatch<number>();
  refresh.set(0);
  const state = { answer: (first ?? { addresses: [A], ttlMs: 30_000 }) as { addresses: SocketAddress[]; ttlMs: number } | Error, asked: 0, aborted: false };
  const watch = watchName({
    resolver: {
      resolve(_host, _port, options) {
        state.asked++;
        options?.signal?.addEventListener('abort', () => (state.aborted = true));
        return state.answer instanceof Error ? Promise.reject(state.answer) : Promise.resolve(state.answer);
      },
    },
    host: 'dst.linkerd.',
    port: 8086,
    backoff: { minMs: 100, maxMs: 1_000, jitter: 0 },
    refresh: refresh.watch,
    clock,
    random: seeded(1),
    logger,
  });
  const states: WatchState<readonly SocketAddress[]>[] = [];
  const stop = watch.subscribe((next) => states.push(next));
  const advance = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await turn();
  };
  return { clock, logger, refresh, state, states, stop, advance };
}

test('resolves again when the answer has grown old, and tells of changes only', async () => {
  const { state, states, stop, advance, clock } = setup();
  await turn();
  state.answer = { addresses: [B, A], ttlMs: 5_000 };
  await advance(29_999);
  expect([state.asked, states.length]).toEqual([1, 2]);
  await advance(1);
  state.answer = { addresses: [A, B], ttlMs: 5_000 };
  await advance(5_000);
  expect(state.asked).toBe(3);
  expect(states).toEqual([{ kind: 'pending' }, { kind: 'value', value: [A], stale: false }, { kind: 'value', value: [B, A], stale: false }]);
  stop();
  await turn();
  expect([clock.pending, state.aborted]).toEqual([0, true]);
});

test('keeps the last addresses while DNS fails', async () => {
  const { state, states, stop, advance, logger } = setup();
  await turn();
  state.answer = new Error('no DNS');
  await advance(30_000);
  expect(states.at(-1)).toEqual({ kind: 'value', value: [A], stale: true });
  for (const ms of [100, 200, 400, 800, 1_000]) await advance(ms);
  expect(state.asked).toBe(7);
  state.answer = { addresses: [A], ttlMs: 5_000 };
  await advance(1_000);
  expect(states.at(-1)).toEqual({ kind: 'value', value: [A], stale: false });
  expect(logger.records[0]).toMatchObject({ level: 'warn', message: 'a control-plane name cannot be resolved; its last addresses are used' });
  stop();
});

test('says why nothing was ever known, and waits as long as DNS says', async () => {
  const { state, states, stop, advance } = setup(new ResolveError('no address is known for dst.linkerd.', 'absent', 17_000));
  await turn();
  expect(states.at(-1)).toEqual({ kind: 'rejected', reason: { code: 'CONTROL_NAME_UNRESOLVED', detail: 'no address is known for dst.linkerd.' } });
  state.answer = { addresses: [A], ttlMs: 5_000 };
  await advance(16_999);
  expect(state.asked).toBe(1);
  await advance(1);
  expect(states.at(-1)).toEqual({ kind: 'value', value: [A], stale: false });
  stop();
});

test('resolves at once when told that the answer may be another one', async () => {
  const { state, states, stop, refresh, clock } = setup();
  await turn();
  state.answer = { addresses: [B], ttlMs: Number.POSITIVE_INFINITY };
  refresh.set(1);
  await turn();
  expect(states.at(-1)).toEqual({ kind: 'value', value: [B], stale: false });
  state.answer = { addresses: [A], ttlMs: 5_000 };
  refresh.set(2);
  await turn();
  expect(states.at(-1)).toEqual({ kind: 'value', value: [A], stale: false });
  refresh.set(3);
  stop();
  await turn();
  expect([clock.pending, refresh.references]).toEqual([0, 0]);
});
