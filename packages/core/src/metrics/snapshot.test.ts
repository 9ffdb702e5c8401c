import { expect, test } from 'vitest';
import { createRegistry, type MetricRegistry } from './registry.ts';
import { renderSnapshots } from './snapshot.ts';

function counted(fill: (registry: MetricRegistry) => void): MetricRegistry {
  const registry = createRegistry();
  fill(registry);
  return registry;
}

const merged = (...registries: readonly MetricRegistry[]): string => renderSnapshots(structuredClone(registries.map((one) => one.snapshot())));

test('one registry is rendered as it renders itself', () => {
  const registry = counted((r) => {
    r.counter('a_total', 'A\n.').with({ x: 'quo"te', n: 1 }).inc(3);
    r.gauge('b', 'B.').with().set(-1.5);
    r.histogram('c', 'C.', [1, 10]).with({ k: 'v' }).observe(7);
    r.histogram('d', 'D.', [1, 10]).with().observe(70);
    r.counter('without_series', 'None.');
  });
  expect(merged(registry)).toBe(registry.render());
});

test('counters, gauges and histograms of the same labels are added up, whatever the order of the labels', () => {
  const one = counted((r) => {
    r.counter('a_total', 'A.').with({ x: '1', y: '2' }).inc(3);
    r.gauge('b', 'B.').with().set(4);
    r.histogram('c', 'C.', [1, 10]).with().observe(0.5);
  });
  const two = counted((r) => {
    r.counter('a_total', 'A.').with({ y: '2', x: '1' }).inc(5);
    r.counter('a_total', 'A.').with({ x: 'other' }).inc();
    r.gauge('b', 'B.').with().set(2);
    r.histogram('c', 'C.', [1, 10]).with().observe(5);
    r.histogram('c', 'C.', [1, 10]).with().observe(50);
    r.counter('d_total', 'D.').with().inc();
  });
  const lines = merged(one, two)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(lines).toEqual([
    'a_total{x="1",y="2"} 8',
    'a_total{x="other"} 1',
    'b 6',
    'c_bucket{le="1"} 1',
    'c_bucket{le="10"} 2',
    'c_bucket{le="+Inf"} 3',
    'c_sum 55.5',
    'c_count 3',
    'd_total 1',
  ]);
});

test('a gauge may ask for the greatest of the values', () => {
  const at = (value: number) => counted((r) => r.gauge('opened', 'O.', { join: 'max' }).with().set(value));
  expect(merged(at(3), at(7), at(5))).toContain('opened 7\n');
});

test('one name for different things is an error', () => {
  const gauge = counted((r) => r.gauge('a', 'A.').with().set(1));
  const counter = counted((r) => r.counter('a', 'A.').with().inc());
  expect(() => merged(gauge, counter)).toThrow('metric a is gauge here and counter there');
});
