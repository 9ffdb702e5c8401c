import { type Backend, type Distribution, defaultMetadata, seeded } from '@weft/core';
import { expect, test } from 'vitest';
import { compileDistribution } from './distribution.ts';
import { compileFilters } from './filters.ts';

interface Fake {
  readonly name: string;
  available: boolean;
}

const backend = (path: string): Backend => ({
  metadata: defaultMetadata(path),
  dispatcher: { kind: 'balancer', path, load: { kind: 'peak-ewma', defaultRttMs: 30, decayMs: 10_000 } },
  queue: { capacity: 1, failfastTimeoutMs: 1 },
});

function compile(distribution: Distribution) {
  const made = new Map<string, Fake>();
  const random = seeded(3);
  const distribute = compileDistribution(distribution, {
    backend: ({ metadata }) => {
      const fake = { name: metadata.name, available: true };
      made.set(metadata.name, fake);
      return fake;
    },
    filters: (filters) => compileFilters('r', filters, random),
    random,
  });
  return { made, pick: () => distribute()?.backend.name };
}

const weighted = (...weights: number[]): Distribution => ({
  kind: 'random-available',
  backends: weights.map((weight, index) => ({ backend: backend(`b${index}`), filters: [], weight })),
});

test('takes the first available backend, and the first of all where none is', () => {
  const { made, pick } = compile({ kind: 'first-available', backends: ['a', 'b'].map((name) => ({ backend: backend(name), filters: [] })) });
  expect(pick()).toBe('a');
  for (const [name, fake] of made) fake.available = name === 'b';
  expect(pick()).toBe('b');
  for (const fake of made.values()) fake.available = false;
  expect(pick()).toBe('a');
});

test('draws by weight among those available', () => {
  const { made, pick } = compile(weighted(1, 3, 0));
  const counts = { b0: 0, b1: 0, b2: 0 };
  for (let i = 0; i < 4000; i++) counts[pick() as keyof typeof counts] += 1;
  expect(counts.b0).toBeGreaterThan(850);
  expect(counts.b0).toBeLessThan(1150);
  expect(counts.b2).toBe(0);
  for (const [name, fake] of made) fake.available = name !== 'b1';
  expect(pick()).toBe('b0');
});

test('leaves the weight of one that is not available to the others, wherever it stands', () => {
  const { made, pick } = compile(weighted(6, 1, 3));
  const drawn = (unavailable: string): Record<string, number> => {
    for (const [name, fake] of made) fake.available = name !== unavailable;
    const counts: Record<string, number> = { b0: 0, b1: 0, b2: 0 };
    for (let i = 0; i < 4000; i++) {
      const name = pick() ?? '';
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  };
  const withoutFirst = drawn('b0');
  expect(withoutFirst.b0).toBe(0);
  expect(withoutFirst.b1).toBeGreaterThan(850);
  expect(withoutFirst.b1).toBeLessThan(1150);
  const withoutSecond = drawn('b1');
  expect(withoutSecond.b1).toBe(0);
  expect(withoutSecond.b0).toBeGreaterThan(2500);
  expect(withoutSecond.b0).toBeLessThan(2830);
});

test('has no backend where the rule names none, and refuses weights that admit nobody', () => {
  expect(compile({ kind: 'empty' }).pick()).toBeUndefined();
  expect(() => compile(weighted(0, 0))).toThrow('every backend has weight 0');
  expect(compile(weighted(0)).pick()).toBe('b0');
});

test('refuses filters that it cannot apply', () => {
  const filters = [{ kind: 'unknown' }] as const;
  expect(() => compile({ kind: 'first-available', backends: [{ backend: backend('a'), filters }] })).toThrow('filter unknown is not supported on requests');
});
