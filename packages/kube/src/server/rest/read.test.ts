import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configMapKind, podKind } from '../../index.ts';
import { type TestServer, testServer } from '../test-server.ts';

interface List {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string; readonly remainingItemCount?: number };
  readonly items: readonly { readonly metadata: { readonly name: string }; readonly data?: Readonly<Record<string, string>> }[];
}

let server: TestServer;
beforeEach(async () => {
  server = await testServer({ listen: {}, maxHistory: 10, namespaces: ['paged'] });
  for await (const event of server.client.watch(configMapKind, { namespace: 'paged' })) if (event.type === 'ADDED') break;
  await server.client.delete(configMapKind, { namespace: 'paged', name: 'kube-root-ca.crt' });
  for await (const event of server.client.watch(configMapKind, { namespace: 'paged' })) if (event.type === 'ADDED') break;
  for (const name of ['a', 'b', 'c', 'd']) await create(name);
});
afterEach(() => server.close());

const ref = (name: string): { namespace: string; name: string } => ({ namespace: 'paged', name });
const create = (name: string): Promise<unknown> =>
  server.client.create(configMapKind, { metadata: { ...ref(name), labels: { page: 'yes' } }, data: { v: '1' } });
const read = async (query: string): Promise<List> =>
  (await (await fetch(`${server.api.url}/api/v1/namespaces/paged/configmaps?labelSelector=page&${query}`)).json()) as List;
const names = ({ items }: List): string => items.map(({ metadata, data }) => `${metadata.name}${data?.v ?? ''}`).join(' ');

describe('a list in pages', () => {
  test('shows one state, whatever is written meanwhile', async () => {
    const first = await read('limit=2');
    expect(names(first)).toBe('a1 b1');
    await create('bb');
    await server.client.delete(configMapKind, ref('c'));
    await server.client.patch(configMapKind, ref('d'), { kind: 'merge', value: { data: { v: '2' } } });
    await server.client.patch(configMapKind, ref('d'), { kind: 'merge', value: { data: { v: '3' } } });
    const second = await read(`limit=1&continue=${first.metadata.continue ?? ''}`);
    expect(names(second)).toBe('c1');
    const third = await read(`limit=5&continue=${second.metadata.continue ?? ''}`);
    expect(names(third)).toBe('d1');
    expect(new Set([first, second, third].map(({ metadata }) => metadata.resourceVersion)).size).toBe(1);
    expect(third.metadata.continue).toBeUndefined();
    expect(names(await read(''))).toBe('a1 b1 bb1 d3');
  });

  test('is told to begin again when its state is forgotten', async () => {
    const first = await read('limit=2');
    for (let i = 0; i < 12; i++) await server.client.patch(configMapKind, ref('a'), { kind: 'merge', value: { data: { v: `${i}` } } });
    expect(await read(`limit=2&continue=${first.metadata.continue ?? ''}`)).toMatchObject({ code: 410, reason: 'Expired' });
  });

  test('says how many are left only where nothing is selected', async () => {
    expect((await read('limit=3')).metadata.remainingItemCount).toBeUndefined();
    const all = (await (await fetch(`${server.api.url}/api/v1/namespaces/paged/configmaps?limit=3`)).json()) as List;
    expect(all.metadata.remainingItemCount).toBe(2);
  });

  test.each(['continue=nonsense', `continue=${Buffer.from('{"version":"x","after":"a"}').toString('base64url')}`, 'limit=-1', 'limit=x'])('refuses %s', async (query) => {
    expect(await read(query)).toMatchObject({ code: 400, reason: 'BadRequest' });
  });
});

describe('a list of an earlier version', () => {
  test('is exact where that is asked for, and current elsewhere', async () => {
    const before = await read('');
    await server.client.delete(configMapKind, ref('a'));
    await create('e');
    const { resourceVersion } = before.metadata;
    const exact = await read(`resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`);
    expect(names(exact)).toBe('a1 b1 c1 d1');
    expect(exact.metadata.resourceVersion).toBe(resourceVersion);
    expect(names(await read(`resourceVersion=${resourceVersion}&resourceVersionMatch=NotOlderThan`))).toBe('b1 c1 d1 e1');
    for (let i = 0; i < 12; i++) await server.client.patch(configMapKind, ref('b'), { kind: 'merge', value: { data: { v: `${i}` } } });
    expect(await read(`resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`)).toMatchObject({ code: 410, reason: 'Expired' });
  });

  test.each([
    ['resourceVersionMatch=Exact', 'forbidden unless resourceVersion is provided'],
    ['resourceVersion=0&resourceVersionMatch=Exact', 'forbidden for resourceVersion "0"'],
    ['resourceVersion=1&resourceVersionMatch=Other', 'invalid resourceVersionMatch'],
    ['watch=true&sendInitialEvents=true', 'sendInitialEvents requires'],
    ['watch=true&resourceVersion=1&resourceVersionMatch=NotOlderThan', 'forbidden for watch'],
  ])('refuses %s', async (query, why) => {
    const refused = await read(query);
    expect(refused).toMatchObject({ code: 400 });
    expect(refused.message).toContain(why);
  });
});

test.each([
  ['spec.nodeName=n1', 'on-n1'],
  ['spec.nodeName!=n1', 'on-n2'],
  ['metadata.name=on-n2,spec.restartPolicy=Always', 'on-n2'],
  ['status.phase=Pending,spec.nodeName==n1', 'on-n1'],
])('pods are selected by %s', async (fieldSelector, found) => {
  for await (const { type } of server.client.watch(configMapKind, { namespace: 'default' })) if (type === 'ADDED') break;
  for (const node of ['n1', 'n2']) {
    const spec = { nodeName: node, containers: [{ name: 'c', image: 'x:1' }] };
    await server.client.create(podKind, { metadata: { namespace: 'default', name: `on-${node}` }, spec });
  }
  const { items } = await server.client.list(podKind, { namespace: 'default', fieldSelector });
  expect(items.map(({ metadata }) => metadata.name)).toEqual([found]);
});
