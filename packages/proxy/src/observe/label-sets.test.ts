import { expect, test } from 'vitest';
import { LabelSets } from './label-sets.ts';

test('gives one object for labels that are equal', () => {
  const sets = new LabelSets();
  const first = sets.of({ tls: 'true', target_port: 80 });
  expect(sets.of({ tls: 'true', target_port: 80 })).toBe(first);
  expect(sets.of({ tls: 'true', target_port: 81 })).not.toBe(first);
  expect(sets.of({ tls: 'true', target_port: 80, client_id: 'a","b":"' })).toEqual({ tls: 'true', target_port: 80, client_id: 'a","b":"' });
});

test('keeps a bounded number at hand', () => {
  const sets = new LabelSets();
  const first = sets.of({ n: 0 });
  for (let n = 1; n < 1024; n++) sets.of({ n });
  expect(sets.of({ n: 0 })).toBe(first);
  sets.of({ n: 1024 });
  expect(sets.of({ n: 0 })).not.toBe(first);
});
