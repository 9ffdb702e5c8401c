import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../json/json.ts';
import { podSpecSchema } from './merge-schema.ts';
import { strategicMerge } from './strategic-merge.ts';

const spec = (): JsonObject => ({
  containers: [
    {
      name: 'web',
      image: 'x:1',
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: '2' },
      ],
      ports: [{ containerPort: 80, name: 'http' }],
    },
    { name: 'proxy', image: 'p:1' },
  ],
  volumes: [{ name: 'v', emptyDir: {} }],
});
const merge = (patch: JsonObject, original = spec()): JsonObject => strategicMerge(original, patch, podSpecSchema);

describe('strategic merge', () => {
  test('keeps env and ports when only the image of a container changes', () => {
    const result = merge({ '$setElementOrder/containers': [{ name: 'web' }], containers: [{ name: 'web', image: 'x:2' }] });
    expect(result.containers).toEqual([
      { ...(spec().containers as JsonObject[])[0], image: 'x:2' },
      { name: 'proxy', image: 'p:1' },
    ]);
  });

  test('adds, changes and deletes list elements by key', () => {
    const result = merge({
      containers: [
        {
          name: 'web',
          env: [
            { name: 'A', $patch: 'delete' },
            { name: 'B', value: '9' },
            { name: 'C', value: '3' },
          ],
        },
        { name: 'new', image: 'n' },
      ],
    });
    expect(result).toMatchObject({
      containers: [
        {
          env: [
            { name: 'B', value: '9' },
            { name: 'C', value: '3' },
          ],
        },
        { name: 'proxy' },
        { name: 'new', image: 'n' },
      ],
    });
    expect(merge({ containers: [{ name: 'web', $patch: 'delete' }] }).containers).toEqual([{ name: 'proxy', image: 'p:1' }]);
  });

  test('replaces a list or a map where told to', () => {
    expect(merge({ containers: [{ $patch: 'replace' }, { name: 'only', image: 'o' }] }).containers).toEqual([{ name: 'only', image: 'o' }]);
    expect(merge({ containers: [{ $patch: 'replace', name: 'web', image: 'z' }] }).containers).toEqual([
      { name: 'web', image: 'z' },
      { name: 'proxy', image: 'p:1' },
    ]);
  });

  test('orders elements as asked and keeps those the patch does not name in their place', () => {
    const original: JsonObject = { containers: ['a', 'b', 'c', 'd'].map((name) => ({ name })) };
    const result = merge({ '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }, { name: 'new' }], containers: [{ name: 'new' }] }, original);
    expect((result.containers as JsonObject[]).map((item) => item.name)).toEqual(['b', 'c', 'a', 'new', 'd']);
  });

  test('switches the member of a union by $retainKeys', () => {
    const result = merge({ volumes: [{ $retainKeys: ['name', 'configMap'], name: 'v', configMap: { name: 'c' } }] });
    expect(result.volumes).toEqual([{ name: 'v', configMap: { name: 'c' } }]);
  });

  test('merges plain lists that are sets, and removes from them', () => {
    const schema = { fields: { finalizers: { set: true as const } } };
    expect(strategicMerge({ finalizers: ['a', 'b'] }, { finalizers: ['b', 'c'] }, schema)).toEqual({ finalizers: ['a', 'b', 'c'] });
    expect(strategicMerge({ finalizers: ['a', 'b'] }, { '$deleteFromPrimitiveList/finalizers': ['a'] }, schema)).toEqual({ finalizers: ['b'] });
  });

  test('removes by null, replaces lists without keys, leaves no directive behind', () => {
    const result = merge(
      { volumes: null, tolerations: [{ key: 'k' }], affinity: { $patch: 'merge', nodeAffinity: { a: null, b: 1 } } },
      { ...spec(), tolerations: [{ key: 'old' }] },
    );
    expect(result).toEqual({ containers: spec().containers, tolerations: [{ key: 'k' }], affinity: { nodeAffinity: { b: 1 } } });
  });

  test('refuses an element without its key and an unknown directive', () => {
    expect(() => merge({ containers: [{ image: 'x' }] })).toThrow('merge key: name');
    expect(() => merge({ $patch: 'explode' })).toThrow('directive');
  });
});
