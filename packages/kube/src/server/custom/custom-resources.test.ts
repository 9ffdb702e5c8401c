// Custom resources through the whole server: definitions, discovery, validation, versions, subresources, tables and deletion.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { gatewayDefinitions, linkerdDefinitions, multiclusterDefinitions } from '../../crds/index.ts';
import {
  type CustomResourceDefinition,
  customResourceDefinitionKind,
  type JsonSchema,
  KubeError,
  type KubeObject,
  namespaceKind,
  resourceKind,
} from '../../index.ts';
import { type TestServer, testServer } from '../test-server.ts';

interface Widget extends KubeObject {
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
}
const definedAs = { group: 'example.com', version: 'v1', kind: 'Widget', plural: 'widgets', namespaced: true } as const;
const widgetKind = resourceKind<Widget>(definedAs);
const betaKind = resourceKind<Widget>({ ...definedAs, version: 'v1beta1' });

const spec: JsonSchema = {
  type: 'object',
  required: ['size'],
  properties: {
    size: { type: 'integer', minimum: 1, maximum: 10 },
    color: { type: 'string', enum: ['red', 'blue'], default: 'red' },
    code: { type: 'string', pattern: '^[a-z]+$', maxLength: 5 },
    port: { 'x-kubernetes-int-or-string': true },
    address: { type: 'string', format: 'ipv4' },
    note: { type: 'string', nullable: true },
    replicas: { type: 'integer', default: 1 },
    parts: {
      type: 'array',
      maxItems: 3,
      items: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, weight: { type: 'integer', default: 7 } } },
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    a: { type: 'string' },
    b: { type: 'string' },
  },
  oneOf: [{ required: ['a'] }, { required: ['b'] }, { not: { anyOf: [{ required: ['a'] }, { required: ['b'] }] } }],
};
const status: JsonSchema = {
  type: 'object',
  properties: {
    replicas: { type: 'integer' },
    selector: { type: 'string' },
    conditions: { type: 'array', items: { type: 'object', properties: { type: { type: 'string' }, status: { type: 'string' } } } },
  },
};

function definition(change: (version: CustomResourceDefinition['spec']['versions'][number]) => object = () => ({})): CustomResourceDefinition {
  const version = {
    name: 'v1',
    served: true,
    storage: true,
    schema: { openAPIV3Schema: { type: 'object', properties: { spec, status } } },
    subresources: {
      status: {},
      scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas', labelSelectorPath: '.status.selector' },
    },
    additionalPrinterColumns: [
      { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
      { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
      { name: 'Color', type: 'string', jsonPath: '.spec.color', priority: 1 },
    ],
    selectableFields: [{ jsonPath: '.spec.color' }],
  } as const;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'], categories: ['all'] },
      versions: [
        { ...version, name: 'v1beta1', storage: false, deprecated: true },
        { ...version, ...change(version) },
      ],
    },
  };
}

let server: TestServer;
beforeEach(async () => {
  server = await testServer({ listen: {} });
});
afterEach(() => server.close());

const ref = { namespace: 'default', name: 'one' };
const widget = (more: Readonly<Record<string, unknown>> = {}): { metadata: typeof ref; spec: Record<string, unknown> } => ({
  metadata: ref,
  spec: { size: 3, ...more },
});
const define = (wanted: CustomResourceDefinition = definition()): Promise<CustomResourceDefinition> =>
  server.client.create(customResourceDefinitionKind, wanted);
const refusal = async (work: Promise<unknown>): Promise<KubeError> => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof KubeError)) throw new Error('should have been refused');
  return error;
};
const send = (path: string, init: RequestInit = {}): Promise<Response> => fetch(server.api.url + path, init);
const read = async (path: string, headers: Record<string, string> = {}): Promise<Record<string, unknown>> =>
  (await (await send(path, { headers })).json()) as Record<string, unknown>;

describe('a definition', () => {
  test('is established with its names, and its kind is served as soon as it is stored', async () => {
    await define();
    const stored = await server.client.get(customResourceDefinitionKind, { name: 'widgets.example.com' });
    expect(stored?.status?.conditions?.map(({ type, status: is }) => `${type}=${is}`)).toEqual(['NamesAccepted=True', 'Established=True']);
    expect(stored?.status).toMatchObject({ acceptedNames: { plural: 'widgets', singular: 'widget', listKind: 'WidgetList' }, storedVersions: ['v1'] });
    expect((await server.client.list(widgetKind)).items).toEqual([]);
  });

  test('whose names are taken is not served until they are free', async () => {
    await define();
    const rival = definition();
    await server.client.create(customResourceDefinitionKind, {
      ...rival,
      metadata: { name: 'gadgets.example.com' },
      spec: { ...rival.spec, names: { plural: 'gadgets', singular: 'gadget', kind: 'Widget' } },
    });
    const name = { name: 'gadgets.example.com' };
    const before = await server.client.get(customResourceDefinitionKind, name);
    expect(before?.status?.conditions?.[0]).toMatchObject({
      type: 'NamesAccepted',
      status: 'False',
      reason: 'KindConflict',
      message: '"Widget" is already in use',
    });
    await server.client.delete(customResourceDefinitionKind, { name: 'widgets.example.com' });
    for await (const event of server.client.watch(customResourceDefinitionKind)) {
      if (event.type !== 'BOOKMARK' && event.type !== 'DELETED' && event.object.status?.conditions?.[1]?.status === 'True') break;
    }
    expect((await server.client.list(resourceKind({ ...definedAs, plural: 'gadgets' }))).items).toEqual([]);
  });

  test.each([
    ['a name that is not plural.group', { metadata: { name: 'other.example.com' } }, 'metadata.name'],
    ['no storage version', { spec: { ...definition(() => ({ storage: false })).spec } }, 'spec.versions'],
    ['webhook conversion', { spec: { ...definition().spec, conversion: { strategy: 'Webhook' } } }, 'spec.conversion.strategy'],
  ])('with %s is refused', async (_what, change, field) => {
    const error = await refusal(define({ ...definition(), ...change } as CustomResourceDefinition));
    expect(error.causes.map((cause) => cause.field)).toEqual([field]);
  });

  test('with a schema that is not structural is refused at every place', async () => {
    const schema = {
      type: 'object',
      properties: {
        untyped: { description: 'x' },
        list: { type: 'array' },
        bad: { type: 'string', pattern: '(' },
        wrong: { type: 'integer', default: 'x' },
        choice: { type: 'object', oneOf: [{ type: 'string' }] },
      },
    };
    const error = await refusal(define(definition(() => ({ schema: { openAPIV3Schema: schema } })) as CustomResourceDefinition));
    const at = 'spec.versions[1].schema.openAPIV3Schema.properties';
    expect(error.causes.map((cause) => cause.field)).toEqual([
      `${at}.untyped.type`,
      `${at}.list.items`,
      `${at}.bad.pattern`,
      `${at}.wrong.default`,
      `${at}.choice.oneOf[0].type`,
    ]);
  });

  test('with columns that are not texts, or a schema for metadata that others must follow, is refused', async () => {
    const columns = [{ name: false, jsonPath: '.spec.size' }];
    const metadata = { type: 'object', properties: { name: { type: 'string' }, labels: { type: 'object' } } };
    const change = () => ({ additionalPrinterColumns: columns, schema: { openAPIV3Schema: { type: 'object', properties: { metadata } } } });
    const error = await refusal(define(definition(change as never) as CustomResourceDefinition));
    expect(new Set(error.causes.map((cause) => cause.field))).toEqual(
      new Set([
        'spec.versions[1].additionalPrinterColumns[0].name',
        'spec.versions[1].additionalPrinterColumns[0].type',
        'spec.versions[1].schema.openAPIV3Schema.properties.metadata',
      ]),
    );
  });

  test('takes its objects with it, and refuses new ones meanwhile', async () => {
    await define();
    await server.client.create(widgetKind, { ...widget(), metadata: { ...ref, finalizers: ['example.com/hold'] } });
    const two = await server.client.create(widgetKind, { ...widget(), metadata: { ...ref, name: 'two' } });
    await server.client.delete(customResourceDefinitionKind, { name: 'widgets.example.com' });
    const gone: string[] = [];
    for await (const event of server.client.watch(widgetKind, { resourceVersion: two.metadata.resourceVersion ?? '' })) {
      if (event.type === 'DELETED') gone.push(event.object.metadata.name);
      if (gone.length > 0) break;
    }
    expect(gone).toEqual(['two']);
    expect((await refusal(server.client.create(widgetKind, widget()))).status?.code).toBe(405);
    const during = await server.client.get(customResourceDefinitionKind, { name: 'widgets.example.com' });
    expect(during?.status?.conditions?.[2]).toMatchObject({ type: 'Terminating', status: 'True' });
    const ended = (async () => {
      for await (const event of server.client.watch(customResourceDefinitionKind, { resourceVersion: during?.metadata.resourceVersion ?? '' }))
        if (event.type === 'DELETED') return;
    })();
    await server.client.patch(widgetKind, ref, { kind: 'merge', value: { metadata: { finalizers: null } } });
    await ended;
    expect((await refusal(server.client.list(widgetKind))).status?.code).toBe(404);
  });

  test('that changes ends the watches of its kind, and checks by the new schema', async () => {
    await define();
    const watching = (async () => {
      let count = 0;
      for await (const event of server.client.watch(widgetKind)) count += event.type === 'ADDED' ? 1 : 0;
      return count;
    })();
    await server.client.create(widgetKind, widget());
    const looser = { ...spec, properties: { ...spec.properties, size: { type: 'integer' } } };
    const current = await server.client.get(customResourceDefinitionKind, { name: 'widgets.example.com' });
    const next = definition(() => ({ schema: { openAPIV3Schema: { type: 'object', properties: { spec: looser, status } } } }));
    await server.client.update(customResourceDefinitionKind, { ...current, spec: next.spec } as CustomResourceDefinition);
    expect(await watching).toBe(1);
    expect((await server.client.create(widgetKind, { ...widget({ size: 50 }), metadata: { ...ref, name: 'big' } })).spec?.size).toBe(50);
  });
});

describe('an object of a defined kind', () => {
  beforeEach(async () => {
    await define();
  });

  test('gets defaults, and loses what the schema does not know', async () => {
    const made = await server.client.create(
      widgetKind,
      widget({ unknown: 1, free: { any: { thing: 1 } }, parts: [{ name: 'x', extra: 2 }], note: null, labels: { a: 'b' } }),
    );
    expect(made.spec).toEqual({
      size: 3,
      color: 'red',
      replicas: 1,
      free: { any: { thing: 1 } },
      parts: [{ name: 'x', weight: 7 }],
      note: null,
      labels: { a: 'b' },
    });
    expect(made.metadata.generation).toBe(1);
  });

  test('is told every problem at once', async () => {
    const bad = {
      size: 11,
      color: 'green',
      code: 'ABCDEF',
      port: 1.5,
      address: 'not-an-ip',
      parts: [{ name: 'x' }, { name: 'x' }, { weight: 1 }],
      labels: { a: 1 },
      a: 'x',
      b: 'y',
    };
    const error = await refusal(server.client.create(widgetKind, widget(bad)));
    expect(error.code).toBe('INVALID');
    const found = error.causes.map(({ field, message }) => `${field ?? ''}: ${message ?? ''}`).sort();
    expect(found.filter((text) => !text.startsWith('spec: '))).toEqual([
      'spec.address: Invalid value: "not-an-ip": spec.address in body must be of type ipv4: "not-an-ip"',
      'spec.code: Invalid value: "ABCDEF": spec.code in body should match \'^[a-z]+$\'',
      'spec.code: Too long: may not be more than 5 bytes',
      'spec.color: Unsupported value: "green": supported values: "red", "blue"',
      'spec.labels.a: Invalid value: 1: spec.labels.a in body must be of type string: "integer"',
      'spec.parts[1]: Duplicate value: {"name":"x","weight":7}',
      'spec.parts[2].name: Required value',
      'spec.port: Invalid value: 1.5: spec.port in body must be of type integer,string: "number"',
      'spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10',
    ]);
    expect(found.find((text) => text.startsWith('spec: '))).toContain('"spec" must validate one and only one schema (oneOf). Found 2 valid');
  });

  test('is refused for unknown fields where the writer asks for strictness, and warned of otherwise', async () => {
    const body = JSON.stringify({ apiVersion: 'example.com/v1', kind: 'Widget', ...widget({ typo: 1 }) });
    const path = '/apis/example.com/v1/namespaces/default/widgets';
    const headers = { 'content-type': 'application/json' };
    const strict = await send(`${path}?fieldValidation=Strict`, { method: 'POST', headers, body });
    expect(strict.status).toBe(400);
    expect(await strict.text()).toContain('strict decoding error: unknown field \\"spec.typo\\"');
    const warned = await send(path, { method: 'POST', headers, body });
    expect(warned.headers.get('warning')).toBe('299 - "unknown field \\"spec.typo\\""');
    // Clients refuse a head that is too long, Node's beyond 16 KiB.
    const typos = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`typo${at}`, 1]));
    const many = await send(path, {
      method: 'POST',
      headers,
      body: JSON.stringify({ apiVersion: 'example.com/v1', kind: 'Widget', ...widget(typos), metadata: { namespace: 'default', name: 'typos' } }),
    });
    expect(many.status).toBe(201);
    expect(many.headers.get('warning')?.length).toBeLessThan(5000);
    expect(many.headers.get('warning')).toMatch(/, 299 - "and 890 more"$/);
  });

  test('is one object in all versions, and a write through one is seen by a watch of another', async () => {
    const made = await server.client.create(betaKind, widget());
    expect(made.apiVersion).toBe('example.com/v1beta1');
    expect(await server.client.get(widgetKind, ref)).toEqual({ ...made, apiVersion: 'example.com/v1' });
    await server.client.patch(widgetKind, ref, { kind: 'merge', value: { spec: { size: 4 } } });
    for await (const event of server.client.watch(betaKind, { resourceVersion: made.metadata.resourceVersion ?? '' })) {
      expect(event).toMatchObject({ type: 'MODIFIED', object: { apiVersion: 'example.com/v1beta1', spec: { size: 4 }, metadata: { generation: 2 } } });
      break;
    }
    // Writing the same through the other version changes nothing.
    const same = await server.client.patch(betaKind, ref, { kind: 'merge', value: { spec: { size: 4 } } });
    expect(same.metadata.generation).toBe(2);
    expect((await send('/apis/example.com/v1beta1/widgets')).headers.get('warning')).toContain('is deprecated');
  });

  test('has a status of its own and a scale', async () => {
    await server.client.create(widgetKind, { ...widget(), status: { replicas: 9 } });
    expect((await server.client.get(widgetKind, ref))?.status).toBeUndefined();
    const current = await server.client.get(widgetKind, ref);
    await server.client.updateStatus(widgetKind, { ...current, spec: { size: 9 }, status: { replicas: 2, selector: 'a=b', junk: 1 } } as Widget);
    const after = await server.client.get(widgetKind, ref);
    expect(after).toMatchObject({ spec: { size: 3 }, status: { replicas: 2, selector: 'a=b' }, metadata: { generation: 1 } });
    expect(after?.status).not.toHaveProperty('junk');
    const scalePath = '/apis/example.com/v1/namespaces/default/widgets/one/scale';
    expect(await read(scalePath)).toMatchObject({ kind: 'Scale', spec: { replicas: 1 }, status: { replicas: 2, selector: 'a=b' } });
    await send(scalePath, { method: 'PATCH', headers: { 'content-type': 'application/merge-patch+json' }, body: '{"spec":{"replicas":5}}' });
    expect((await server.client.get(widgetKind, ref))?.spec?.replicas).toBe(5);
  });

  test('is listed by its selectable fields only', async () => {
    await server.client.create(widgetKind, widget());
    await server.client.create(widgetKind, { ...widget({ color: 'blue' }), metadata: { ...ref, name: 'two' } });
    const blue = await server.client.list(widgetKind, { fieldSelector: 'spec.color=blue' });
    expect(blue.items.map(({ metadata }) => metadata.name)).toEqual(['two']);
    expect((await refusal(server.client.list(widgetKind, { fieldSelector: 'spec.size=3' }))).message).toContain('field label not supported: spec.size');
  });

  test('is shown with the columns of its definition', async () => {
    await server.client.create(widgetKind, widget());
    const current = await server.client.get(widgetKind, ref);
    await server.client.updateStatus(widgetKind, {
      ...current,
      status: {
        conditions: [
          { type: 'Old', status: 'No' },
          { type: 'Ready', status: 'True' },
        ],
      },
    } as Widget);
    const table = await read('/apis/example.com/v1/widgets', { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
    expect((table.columnDefinitions as { name: string; priority: number }[]).map(({ name, priority }) => `${name} ${priority}`)).toEqual([
      'Name 0',
      'Size 0',
      'Ready 0',
      'Color 1',
    ]);
    expect((table.rows as { cells: unknown[] }[])[0]?.cells).toEqual(['one', 3, 'True', 'red']);
  });

  test('merges by keys on the server, and has no strategic merge', async () => {
    const path = '/apis/example.com/v1/namespaces/default/widgets/one';
    const apply = (manager: string, parts: object[]): Promise<unknown> =>
      send(`${path}?fieldManager=${manager}`, {
        method: 'PATCH',
        headers: { 'content-type': 'application/apply-patch+yaml' },
        body: JSON.stringify({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'one' }, spec: { size: 3, parts } }),
      });
    await apply('a', [{ name: 'x' }]);
    await apply('b', [{ name: 'y', weight: 1 }]);
    expect((await server.client.get(widgetKind, ref))?.spec?.parts).toEqual([
      { name: 'x', weight: 7 },
      { name: 'y', weight: 1 },
    ]);
    expect((await refusal(server.client.patch(widgetKind, ref, { kind: 'strategic', value: {} }))).status?.code).toBe(415);
  });

  test('goes with its namespace', async () => {
    await server.client.create(namespaceKind, { metadata: { name: 'shop' } });
    await server.client.create(widgetKind, { ...widget(), metadata: { namespace: 'shop', name: 'one' } });
    await server.client.delete(namespaceKind, { name: 'shop' });
    for await (const event of server.client.watch(namespaceKind)) if (event.type === 'DELETED') break;
    expect((await server.client.list(widgetKind)).items).toEqual([]);
  });

  test('is found by discovery, the preferred version first', async () => {
    const groups = (await read('/apis', { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' })) as {
      items: { metadata: { name?: string }; versions: { version: string; resources: object[] }[] }[];
    };
    const own = groups.items.find(({ metadata }) => metadata.name === 'example.com');
    expect(own?.versions.map(({ version }) => version)).toEqual(['v1', 'v1beta1']);
    expect(own?.versions[0]?.resources[0]).toMatchObject({
      resource: 'widgets',
      shortNames: ['wd'],
      categories: ['all'],
      scope: 'Namespaced',
      subresources: [{ subresource: 'status' }, { subresource: 'scale' }],
    });
  });
});

test('every definition of the mesh is accepted and established', async () => {
  const all = [...linkerdDefinitions, ...gatewayDefinitions, ...multiclusterDefinitions];
  for (const each of all) await define(each);
  const { items } = await server.client.list(customResourceDefinitionKind);
  expect(
    items
      .filter(({ status: is }) => is?.conditions?.[1]?.status === 'True')
      .map(({ metadata }) => metadata.name)
      .sort(),
  ).toEqual(all.map(({ metadata }) => metadata.name).sort());
});
