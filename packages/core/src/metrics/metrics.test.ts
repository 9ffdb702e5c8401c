import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { manualClock } from '../time/manual-clock.ts';
import { LATENCY_BUCKETS_MS } from './histogram.ts';
import { parseExposition } from './parse.ts';
import { createRegistry } from './registry.ts';

describe('exposition', () => {
  test('prints HELP, TYPE and series in the order they were made', () => {
    const registry = createRegistry();
    const requests = registry.counter('request_total', 'Total count of requests.');
    requests.with({ direction: 'inbound', tls: 'true' }).inc();
    requests.with({ direction: 'outbound' }).inc(2.5);
    registry.gauge('up', 'Line one\nand \\ two').with().set(-1);
    expect(registry.render()).toBe(
      [
        '# HELP request_total Total count of requests.',
        '# TYPE request_total counter',
        'request_total{direction="inbound",tls="true"} 1',
        'request_total{direction="outbound"} 2.5',
        '# HELP up Line one\\nand \\\\ two',
        '# TYPE up gauge',
        'up -1',
        '',
      ].join('\n'),
    );
  });

  test('prints cumulative buckets, sum and count of a histogram', () => {
    const registry = createRegistry();
    const latency = registry.histogram('lat_ms', 'Latency.', [1, 5, Number.POSITIVE_INFINITY]).with({ a: 'b' });
    for (const value of [0.5, 1, 1.5, 5, 6]) latency.observe(value);
    expect(registry.render().split('\n').slice(2, -1)).toEqual([
      'lat_ms_bucket{a="b",le="1"} 2',
      'lat_ms_bucket{a="b",le="5"} 4',
      'lat_ms_bucket{a="b",le="+Inf"} 5',
      'lat_ms_sum{a="b"} 14',
      'lat_ms_count{a="b"} 5',
    ]);
  });

  test('escapes label values and leaves undefined labels out without stray commas', () => {
    const registry = createRegistry();
    registry.counter('c_total', 'C.').with({ a: undefined, b: 'q"\\\n', c: undefined, d: 7 }).inc();
    expect(registry.render()).toContain('c_total{b="q\\"\\\\\\n",d="7"} 1\n');
  });

  test('makes label names valid and keeps the first of two that become equal', () => {
    const registry = createRegistry();
    registry.counter('c_total', 'C.').with({ 'app.io/x': '1', 'app_io/x': '2', '9': '3' }).inc();
    expect(registry.render()).toContain('c_total{_9="3",app_io_x="1"} 1\n');
  });

  test('leaves families without series out', () => {
    const registry = createRegistry();
    registry.counter('c_total', 'C.');
    expect(registry.render()).toBe('');
  });

  test('asks hooks before rendering', () => {
    const registry = createRegistry();
    const uptime = registry.gauge('uptime', 'U.').with();
    const remove = registry.beforeRender(() => uptime.set(5));
    expect(registry.render()).toContain('uptime 5\n');
    uptime.set(6);
    remove();
    expect(registry.render()).toContain('uptime 6\n');
  });

  test('reads back as what was written, for any labels and values', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/), fc.string({ unit: 'binary' }), { maxKeys: 5, noNullPrototype: false }),
        fc.double({ noNaN: true }),
        (labels, value) => {
          const registry = createRegistry();
          registry.gauge('g', 'G.').with(labels).set(value);
          expect(parseExposition(registry.render())).toEqual([{ name: 'g', labels, value: value === 0 ? 0 : value }]);
        },
      ),
    );
  });
});

describe('binding', () => {
  test('gives the same series for equal labels in any order', () => {
    const family = createRegistry().counter('c_total', 'C.');
    expect(family.with({ a: '1', b: '2' })).toBe(family.with({ b: '2', a: '1' }));
    expect(family.with({ a: '1', b: '2' })).not.toBe(family.with({ a: '1,b=2' }));
    expect(family.size).toBe(2);
  });

  test('gives the same family for the same name and refuses another type or other buckets', () => {
    const registry = createRegistry();
    expect(registry.counter('a_total', 'A.')).toBe(registry.counter('a_total', 'A.'));
    expect(() => registry.gauge('a_total', 'A.')).toThrow(TypeError);
    registry.histogram('h', 'H.', [1, 2]);
    expect(() => registry.histogram('h', 'H.', [1, 3])).toThrow(TypeError);
  });

  test('refuses bad names, amounts and buckets', () => {
    const registry = createRegistry();
    expect(() => registry.counter('a-b', 'A.')).toThrow(TypeError);
    expect(() => registry.counter('c_total', 'C.').with().inc(-1)).toThrow(RangeError);
    expect(() => registry.counter('c_total', 'C.').with().inc(Number.NaN)).toThrow(RangeError);
    expect(() => registry.histogram('h', 'H.', [2, 1])).toThrow(RangeError);
    const histogram = registry.histogram('h', 'H.', LATENCY_BUCKETS_MS);
    expect(() => histogram.with({ le: '1' })).toThrow(RangeError);
    expect(() => histogram.with().observe(Number.NaN)).toThrow(RangeError);
  });

  test('removes a series', () => {
    const family = createRegistry().gauge('g', 'G.');
    family.with({ a: '1' }).set(1);
    expect([family.remove({ a: '1' }), family.remove({ a: '1' }), family.size]).toEqual([true, false, 0]);
  });
});

describe('idle eviction', () => {
  test('drops only idle series of families that ask for it', () => {
    const clock = manualClock();
    const registry = createRegistry({ clock });
    const evictable = registry.counter('a_total', 'A.', { evictable: true });
    const kept = registry.counter('b_total', 'B.');
    const busy = evictable.with({ n: 'busy' });
    evictable.with({ n: 'idle' }).inc();
    kept.with().inc();
    registry.evictIdle(600);
    clock.advance(500);
    busy.inc();
    expect(registry.evictIdle(600)).toBe(0);
    clock.advance(100);
    expect(registry.evictIdle(600)).toBe(1);
    expect(registry.render()).not.toContain('n="idle"');
    expect([evictable.size, kept.size]).toEqual([1, 1]);
  });

  test('brings a held series back when it is written again', () => {
    const clock = manualClock();
    const registry = createRegistry({ clock });
    const family = registry.counter('a_total', 'A.', { evictable: true });
    const held = family.with({ n: '1' });
    held.inc();
    registry.evictIdle(10);
    clock.advance(10);
    expect([registry.evictIdle(10), family.size]).toEqual([1, 0]);
    held.inc();
    expect(family.with({ n: '1' })).toBe(held);
    expect(registry.render()).toContain('a_total{n="1"} 2\n');
  });

  test('keeps a gauge that is not zero', () => {
    const clock = manualClock();
    const registry = createRegistry({ clock });
    const open = registry.gauge('open', 'O.', { evictable: true }).with();
    open.inc();
    registry.evictIdle(10);
    clock.advance(100);
    expect(registry.evictIdle(10)).toBe(0);
    open.dec();
    registry.evictIdle(10);
    clock.advance(10);
    expect(registry.evictIdle(10)).toBe(1);
  });
});
