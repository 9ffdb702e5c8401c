import { expect, test } from 'vitest';
import { readYaml } from './read-yaml.ts';

test('reads the documents of a text, and knows empty ones', () => {
  expect(readYaml('a: 1\n---\n---\n[x, {y: null}]')).toEqual({ kind: 'documents', values: [{ a: 1 }, null, ['x', { y: null }]] });
});

test.each(['a: 1\nb: 2\na: 3', 'x: [{ a: 1, a: 1 }]', '{"a": 1, "a": 2}'])('names a key that is there twice: %j', (text) => {
  expect(readYaml(`ok: 1\n---\n${text}`)).toEqual({ kind: 'refused', document: 2, message: 'the key "a" is there twice in one map' });
});

// Half a minute where every key is compared with all others.
test.each([
  ['in a block', Array.from({ length: 40_000 }, (_, at) => `k${at}: v`).join('\n')],
  ['in braces', `{${Array.from({ length: 40_000 }, (_, at) => `k${at}: v`).join(', ')}}`],
])('reads a map of many members %s', { timeout: 10_000 }, (_where, text) => {
  const read = readYaml(text);
  expect(read.kind === 'documents' && Object.keys(read.values[0] as object).length).toBe(40_000);
});
