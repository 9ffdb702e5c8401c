import { describe, expect, test } from 'vitest';
import { completeDeployment } from '../defaults/other-defaults.ts';
import { type JsonObject, objectAt, objectsAt } from '../json/json.ts';
import { workloadSchema } from '../patch/merge-schema.ts';
import { type Manager, readOwnerships, trackUpdate } from './field-managers.ts';
import { decodeFields, encodeFields, fieldsOf } from './field-set.ts';
import { serverSideApply } from './server-side-apply.ts';

const manager = (name: string): Manager => ({ name, operation: 'Apply', apiVersion: 'apps/v1', subresource: '' });
const deployment = (containers: JsonObject[], more: JsonObject = {}): JsonObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default', labels: { app: 'web' } },
  spec: { template: { spec: { containers } }, ...more },
});
const apply = (live: JsonObject | undefined, config: JsonObject, name = 'one', force = false): ReturnType<typeof serverSideApply> =>
  serverSideApply({ live, config, manager: manager(name), force, schema: workloadSchema, complete: completeDeployment, time: '2026-01-01T00:00:00Z' });
const applied = (...args: Parameters<typeof apply>): JsonObject => {
  const result = apply(...args);
  if (result.kind === 'conflicts') throw new Error(JSON.stringify(result.conflicts));
  return result.object;
};
const containersOf = (object: JsonObject): unknown => objectAt(object, 'spec', 'template', 'spec')?.containers;
const web = {
  name: 'web',
  image: 'x:1',
  env: [
    { name: 'A', value: '1' },
    { name: 'B', value: '2' },
  ],
  ports: [{ containerPort: 80 }],
};

describe('server-side apply', () => {
  // In seconds where the time is linear in the size, in minutes where it is the square of it.
  test('applies large objects again and again', { timeout: 30_000 }, () => {
    const many = Array.from({ length: 2000 }, (_, at) => ({ name: `v${at}`, value: 'x' }));
    const labels = Object.fromEntries(Array.from({ length: 40_000 }, (_, at) => [`l${at}`, '']));
    const first = applied(undefined, deployment([{ name: 'web', env: many }], { labels }));
    const second = applied(first, deployment([{ name: 'web', env: many.slice(1) }], { labels: { l1: '' } }));
    expect(containersOf(second)).toEqual([{ name: 'web', env: many.slice(1) }]);
    expect(objectAt(second, 'spec', 'labels')).toEqual({ l1: '' });
  });

  test('takes over what kubectl applied from the client side, and nothing that others added since', () => {
    const text = JSON.stringify(deployment([web], { replicas: 2 }));
    const live = deployment(
      [
        { ...web, env: [...web.env, { name: 'X', value: 'of another' }] },
        { name: 'injected', image: 'i' },
      ],
      { replicas: 2 },
    );
    live.metadata = { ...objectAt(live, 'metadata'), annotations: { 'kubectl.kubernetes.io/last-applied-configuration': text, inject: 'enabled' } };
    completeDeployment(live);
    const first = applied(live, deployment([web]), 'kubectl');
    const owners = new Map(readOwnerships(first).map((owner) => [owner.manager.name, [...owner.fields.keys()].join(' ')]));
    expect(owners.get('before-first-apply')).toContain('f:inject');
    // As kubectl does then: the owner from the client side becomes the one that applies.
    const kept = [...objectsAt(first, 'metadata', 'managedFields')].filter((entry) => entry.manager !== 'kubectl');
    for (const entry of kept) if (entry.manager === 'kubectl-client-side-apply') Object.assign(entry, { manager: 'kubectl', operation: 'Apply' });
    const second = applied(
      { ...first, metadata: { ...objectAt(first, 'metadata'), managedFields: kept } },
      deployment([{ name: 'web', image: 'x:1' }]),
      'kubectl',
    );
    expect(containersOf(second)).toMatchObject([{ name: 'web', image: 'x:1', env: [{ name: 'X' }] }, { name: 'injected' }]);
    expect(objectAt(second, 'metadata', 'annotations')).toEqual({ inject: 'enabled' });
    expect(objectAt(second, 'spec')?.replicas).toBeUndefined();
  });

  test('does not let kubectl pass over what another changed after a client-side apply', () => {
    const live = deployment([{ ...web, image: 'of:another' }]);
    live.metadata = { ...objectAt(live, 'metadata'), annotations: { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(deployment([web])) } };
    const result = apply(live, deployment([web]), 'kubectl');
    expect(result.kind === 'conflicts' && result.conflicts.map(({ field }) => field)).toEqual(['.spec.template.spec.containers[name="web"].image']);
    for (const text of ['{', '[]', '{"__proto__":1}', '{"spec":3,"metadata":[]}']) {
      const odd = { ...live, metadata: { ...objectAt(live, 'metadata'), annotations: { 'kubectl.kubernetes.io/last-applied-configuration': text } } };
      expect(apply(odd, deployment([web]), 'kubectl').kind).toBe('conflicts');
    }
  });

  test('removes what its manager no longer wants and nothing else', () => {
    const live = applied(undefined, deployment([web, { name: 'extra', image: 'e' }]));
    // Filled in by the server, owned by nobody.
    (objectAt(live, 'spec') as JsonObject).replicas = 1;
    const result = applied(live, deployment([{ name: 'web', image: 'x:2', env: [{ name: 'A', value: '1' }], ports: [{ containerPort: 80 }] }]));
    expect(containersOf(result)).toEqual([{ name: 'web', image: 'x:2', env: [{ name: 'A', value: '1' }], ports: [{ containerPort: 80 }] }]);
    expect(objectAt(result, 'spec')?.replicas).toBe(1);
  });

  test('names the owner and the field of each conflict, unless forced', () => {
    const live = applied(undefined, deployment([web], { replicas: 3 }));
    const other = deployment([{ name: 'web', image: 'y' }], { replicas: 5 });
    expect(apply(live, other, 'two')).toEqual({
      kind: 'conflicts',
      conflicts: [
        { manager: manager('one'), field: '.spec.template.spec.containers[name="web"].image' },
        { manager: manager('one'), field: '.spec.replicas' },
      ],
    });
    const forced = applied(live, other, 'two', true);
    expect(objectAt(forced, 'spec')?.replicas).toBe(5);
    expect(apply(forced, deployment([web], { replicas: 3 })).kind).toBe('conflicts');
  });

  test('lets two managers own the same value, and keeps it while one of them does', () => {
    const first = applied(undefined, deployment([web], { replicas: 3 }));
    const both = applied(first, deployment([], { replicas: 3 }), 'two');
    const kept = applied(both, deployment([web]));
    expect(objectAt(kept, 'spec')?.replicas).toBe(3);
    const gone = applied(kept, deployment([]), 'two');
    expect(objectAt(gone, 'spec')?.replicas).toBeUndefined();
    expect(containersOf(gone)).toEqual([web]);
  });

  test('gives what an ordinary write changed to its writer', () => {
    const live = applied(undefined, deployment([web], { replicas: 3 }));
    const scaled = structuredClone(live);
    (objectAt(scaled, 'spec') as JsonObject).replicas = 7;
    trackUpdate(scaled, live, { ...manager('scaler'), operation: 'Update' }, workloadSchema, '2026-01-02T00:00:00Z');
    const result = apply(scaled, deployment([web], { replicas: 3 }));
    expect(result.kind === 'conflicts' && result.conflicts.map(({ manager: owner, field }) => [owner.name, field])).toEqual([['scaler', '.spec.replicas']]);
    // What is not mentioned is not disputed.
    expect(objectAt(applied(scaled, deployment([web])), 'spec')?.replicas).toBe(7);
  });

  test('leaves what was there before the first apply with its maker', () => {
    const live = deployment([web], { replicas: 2 });
    expect(apply(live, deployment([web], { replicas: 4 })).kind).toBe('conflicts');
    expect(objectAt(applied(live, deployment([{ name: 'web', image: 'x:1' }])), 'spec')?.replicas).toBe(2);
  });

  test('tells ports apart by number and protocol', () => {
    const live = applied(
      undefined,
      deployment([
        {
          name: 'web',
          image: 'x',
          ports: [
            { containerPort: 53, protocol: 'TCP' },
            { containerPort: 53, protocol: 'UDP' },
          ],
        },
      ]),
    );
    const result = applied(live, deployment([{ name: 'web', image: 'x', ports: [{ containerPort: 53, name: 'dns' }] }]));
    expect(containersOf(result)).toEqual([{ name: 'web', image: 'x', ports: [{ containerPort: 53, name: 'dns' }] }]);
  });
});

test('field sets survive their stored form', () => {
  const set = fieldsOf(deployment([web], { strategy: {}, replicas: 1 }), workloadSchema);
  expect([...decodeFields(encodeFields(set)).keys()].sort()).toEqual([...set.keys()].sort());
  expect(encodeFields(set)).toMatchObject({ 'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"web"}': { '.': {}, 'f:image': {} } } } } } });
});
