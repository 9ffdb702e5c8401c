import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Random, seeded } from '../ports/random.ts';
import { manualClock } from '../time/manual-clock.ts';
import type { Loads } from './load.ts';
import { p2c, peakEwma } from './p2c.ts';
import { PeakEwma } from './peak-ewma.ts';

/** Loads that never change, in the order of the endpoints. */
function fixed(costOf: (row: number) => number): Loads {
  let rows = 0;
  return {
    add: () => rows++,
    release: () => undefined,
    cost: costOf,
    peek: costOf,
    dispatch: () => ({ complete: () => undefined, penalize: () => undefined }),
    inFlight: () => 0,
  };
}
const scripted = (...draws: number[]): Random => ({ next: () => draws.shift() ?? 0 });

describe('pick', () => {
  test('has nothing to choose from without endpoints or without ready ones', () => {
    expect(peakEwma().pick(0)).toBeUndefined();
    expect(peakEwma({ endpoints: ['a', 'b', 'c'], ready: () => false }).pick(0)).toBeUndefined();
  });

  test('takes the only ready endpoint', () => {
    const balancer = peakEwma({ endpoints: ['a', 'b', 'c', 'd'], ready: (e) => e === 'c', random: seeded(1) });
    expect(balancer.pick(0)?.endpoint).toBe('c');
  });

  test('takes the less loaded of two, and the first on a tie', () => {
    const loads = (): Loads => fixed((row) => [2, 1, 1][row] ?? 0);
    const endpoints = ['a', 'b', 'c'];
    // The second draw is among the other two.
    expect(p2c({ endpoints, loads: loads(), random: scripted(0, 0) }).pick(0)?.endpoint).toBe('b');
    expect(p2c({ endpoints, loads: loads(), random: scripted(0.4, 0.9) }).pick(0)?.endpoint).toBe('b');
    expect(p2c({ endpoints, loads: loads(), random: scripted(0.9, 0.9) }).pick(0)?.endpoint).toBe('c');
  });

  test('never compares an endpoint with itself', () => {
    for (const endpoints of [
      ['a', 'b'],
      ['a', 'b', 'c'],
    ]) {
      const balancer = p2c({ endpoints, loads: fixed((row) => (row === 0 ? 1 : 2)), random: seeded(3) });
      const seen = new Set<string | undefined>();
      for (let n = 0; n < 200; n++) seen.add(balancer.pick(0)?.endpoint);
      // Of two endpoints `a` takes part in every pair; of three it does not.
      expect(seen.has('b')).toBe(endpoints.length === 3);
    }
  });

  test.each([
    [10, 10],
    [40, 2],
    [40, 3],
    [100, 60],
  ])('draws uniformly from the ready ones (%d endpoints, %d ready)', (size, readyCount) => {
    const endpoints = Array.from({ length: size }, (_, index) => index);
    // With equal loads the first of the pair wins, so that the choice itself is uniform.
    const balancer = p2c({ endpoints, loads: fixed(() => 1), ready: (e) => e % Math.floor(size / readyCount) === 0, random: seeded(7) });
    const ready = endpoints.filter((e) => e % Math.floor(size / readyCount) === 0);
    const counts = new Map<number, number>(ready.map((e) => [e, 0]));
    const rounds = 1000 * ready.length;
    for (let n = 0; n < rounds; n++) {
      const chosen = balancer.pick(0)?.endpoint ?? -1;
      expect(counts.has(chosen)).toBe(true);
      counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
    }
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(200);
  });

  test('sends a slow endpoint less', () => {
    const clock = manualClock();
    const balancer = peakEwma({ endpoints: ['fast', 'slow', 'fast2'], clock, random: seeded(5) });
    const counts: Record<string, number> = { fast: 0, slow: 0, fast2: 0 };
    for (let n = 0; n < 600; n++) {
      const member = balancer.pick(clock.now());
      if (!member) throw new Error('nothing was picked');
      counts[member.endpoint] = (counts[member.endpoint] ?? 0) + 1;
      const dispatch = member.load.dispatch(clock.now());
      clock.advance(member.endpoint === 'slow' ? 500 : 5);
      dispatch.complete(clock.now());
    }
    expect(counts['slow']).toBeLessThan(60);
  });
});

describe('dispatch', () => {
  test('chooses as pick does, and counts a request on what it chose', () => {
    const [clock, options] = [manualClock(), { endpoints: ['a', 'b', 'c', 'd'], ready: (endpoint: string) => endpoint !== 'c' }];
    const [picking, dispatching] = [peakEwma({ ...options, clock, random: seeded(4) }), peakEwma({ ...options, clock, random: seeded(4) })];
    for (let n = 0; n < 200; n++) {
      const picked = picking.pick(clock.now());
      const [other, dispatched] = [picked?.load.dispatch(clock.now()), dispatching.dispatch(clock.now())];
      expect(dispatched?.endpoint).toBe(picked?.endpoint);
      clock.advance(n % 7);
      if (n % 3 === 0) for (const one of [other, dispatched?.dispatch]) one?.complete(clock.now());
    }
    const view = (balancer: typeof picking): unknown => balancer.members.map(({ load }) => [load.inFlight, load.peek(clock.now())]);
    expect(view(dispatching)).toEqual(view(picking));
    expect(peakEwma().dispatch(0)).toBeUndefined();
  });
});

describe('readiness', () => {
  test('an endpoint that is found not ready is left out until it is refreshed', () => {
    let asked = 0;
    const down = new Set(['b']);
    const ready = (endpoint: string): boolean => {
      asked++;
      return !down.has(endpoint);
    };
    const balancer = peakEwma({ endpoints: ['a', 'b', 'c'], ready, random: seeded(2), clock: manualClock() });
    expect([balancer.ready, asked]).toEqual([2, 3]);
    down.add('c');
    expect([balancer.pick(0)?.endpoint, balancer.ready]).toEqual(['a', 1]);
    down.clear();
    for (let n = 0; n < 20; n++) expect(balancer.pick(0)?.endpoint).toBe('a');
    balancer.refresh('b');
    balancer.refresh('c');
    balancer.refresh('stranger');
    expect(balancer.ready).toBe(3);
    down.add('a');
    balancer.refresh('a');
    expect(balancer.ready).toBe(2);
  });

  test('choosing among a thousand asks about one, however few are ready', () => {
    let asked = 0;
    const endpoints = Array.from({ length: 1000 }, (_, index) => index);
    const ready = (endpoint: number): boolean => {
      asked++;
      return endpoint % 100 === 0;
    };
    const balancer = peakEwma({ endpoints, ready, random: seeded(2), clock: manualClock() });
    asked = 0;
    for (let n = 0; n < 100; n++) expect((balancer.pick(0)?.endpoint ?? 1) % 100).toBe(0);
    expect(asked).toBe(100);
  });

  test('under any order of updates and changes a pick is ready and in the set, and there is one whenever one is ready', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('set' as const), of: fc.array(fc.nat(9), { maxLength: 10 }) }),
      fc.record({ kind: fc.constant('up' as const), at: fc.nat(9) }),
      fc.record({ kind: fc.constant('down' as const), at: fc.nat(9), told: fc.boolean() }),
      fc.record({ kind: fc.constant('pick' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(1000), (steps, seed) => {
        const up = new Set<number>();
        let known = new Set<number>();
        const balancer = peakEwma<number>({ ready: (one) => up.has(one), random: seeded(seed), clock: manualClock() });
        for (const one of steps) {
          if (one.kind === 'set') {
            known = new Set(one.of);
            balancer.update(known);
          } else if (one.kind === 'up') {
            up.add(one.at);
            balancer.refresh(one.at);
          } else if (one.kind === 'down') {
            up.delete(one.at);
            if (one.told) balancer.refresh(one.at);
          }
          const candidates = [...known].filter((endpoint) => up.has(endpoint));
          const picked = balancer.pick(0)?.endpoint;
          expect(picked === undefined ? candidates : candidates.includes(picked)).toEqual(picked === undefined ? [] : true);
        }
      }),
      { seed: 5, numRuns: 500 },
    );
  });
});

describe('load', () => {
  test('requests leave an endpoint that slows down, and come back when it recovers', () => {
    const clock = manualClock();
    const balancer = peakEwma({ endpoints: [0, 1, 2, 3, 4], decayMs: 1_000, clock, random: seeded(9) });
    const share = (slow: number | undefined): number => {
      let toZero = 0;
      for (let n = 0; n < 8_000; n++) {
        const member = balancer.pick(clock.now());
        const dispatch = member?.load.dispatch(clock.now());
        clock.advance(1);
        if (member?.endpoint === 0) toZero++;
        if (member?.endpoint === slow) clock.advance(200);
        dispatch?.complete(clock.now());
      }
      return toZero / 8_000;
    };
    expect(share(undefined)).toBeCloseTo(0.2, 1);
    expect(share(0)).toBeLessThan(0.05);
    // 200 ms have decayed to the 1 ms of the others after 5.3 s of 8.
    expect(share(undefined)).toBeGreaterThan(0.03);
  });
});

describe('update', () => {
  test('keeps the load of an endpoint that is the same object and starts anew for a changed one', () => {
    const [a, b] = [{ name: 'a' }, { name: 'b' }];
    const balancer = peakEwma({ endpoints: [a, b], clock: manualClock() });
    const before = balancer.members;
    const changed = { name: 'b' };
    expect(balancer.update([changed, a])).toEqual({ added: [changed], removed: [b] });
    expect(balancer.members.map((m) => m.endpoint)).toEqual([changed, a]);
    expect(balancer.members[1]).toBe(before[0]);
    expect(balancer.members[0]?.load).not.toBe(before[1]?.load);
  });

  test('reports exactly the difference of any two sets', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), fc.array(fc.nat(20)), (first, second) => {
        const balancer = peakEwma({ endpoints: first, clock: manualClock() });
        const { added, removed } = balancer.update(second);
        expect(new Set(added)).toEqual(new Set(second.filter((e) => !first.includes(e))));
        expect(new Set(removed)).toEqual(new Set(first.filter((e) => !second.includes(e))));
        expect(balancer.members.map((m) => m.endpoint)).toEqual([...new Set(second)]);
      }),
    );
  });

  test('does not disturb what is in flight to a removed endpoint', () => {
    const balancer = peakEwma({ endpoints: ['a'], clock: manualClock() });
    const member = balancer.pick(0);
    const dispatch = member?.load.dispatch(0);
    balancer.update([]);
    dispatch?.complete(5);
    expect([member?.load.inFlight, balancer.pick(0)]).toEqual([0, undefined]);
  });

  test('gives the row of an endpoint that has gone to another only when its last request has ended', () => {
    const loads = new PeakEwma();
    const balancer = p2c({ endpoints: ['a'], loads, clock: manualClock() });
    const [last, other] = [balancer.pick(0)?.load.dispatch(0), balancer.pick(0)?.load.dispatch(0)];
    balancer.update(['b']);
    expect([balancer.members[0]?.load.inFlight, balancer.members[0]?.load.cost(0)]).toEqual([0, 30]);
    last?.complete(5000);
    other?.complete(5000);
    balancer.update(['b', 'c']);
    expect(balancer.members.map(({ load }) => [load.inFlight, load.peek(0)])).toEqual([
      [0, 30],
      [0, 30],
    ]);
    expect(loads.add(0)).toBe(2);
  });

  test('a request to an endpoint that went after it was chosen is counted on nobody else', () => {
    const loads = new PeakEwma();
    const balancer = p2c({ endpoints: ['a'], loads, clock: manualClock() });
    const gone = balancer.pick(0);
    balancer.update([]);
    const late = gone?.load.dispatch(0);
    balancer.update(['b']);
    const later = gone?.load.dispatch(0);
    expect(balancer.members[0]?.load.inFlight).toBe(0);
    late?.complete(5000);
    later?.complete(5000);
    balancer.update(['b', 'c', 'd']);
    expect(balancer.members.map(({ load }) => [load.inFlight, load.peek(0)])).toEqual([
      [0, 30],
      [0, 30],
      [0, 30],
    ]);
    const [b, c, d] = balancer.members;
    b?.load.dispatch(0);
    c?.load.dispatch(0);
    c?.load.dispatch(0);
    expect([b, c, d].map((member) => member?.load.inFlight)).toEqual([1, 2, 0]);
  });

  test('keeps the loads of many apart as endpoints come and go', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(60), { maxLength: 50 }), { minLength: 1, maxLength: 12 }), (sets) => {
        const clock = manualClock();
        const balancer = peakEwma<number>({ clock, decayMs: 1e12 });
        const sampled = new Set<number>();
        for (const set of sets) {
          balancer.update(set);
          const stayed = new Set(set);
          for (const known of sampled) if (!stayed.has(known)) sampled.delete(known);
          for (const { endpoint, load } of balancer.members) {
            if (!sampled.has(endpoint)) load.dispatch(clock.now()).complete(clock.now() + 31 + endpoint);
            sampled.add(endpoint);
            expect(load.peek(clock.now())).toBeCloseTo(31 + endpoint, 6);
          }
        }
      }),
    );
  });
});
