import http from 'node:http';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configMapKind, KubeError, kubeClient, namespaceKind, podKind, selectorMatches, serviceAccountKind } from '../index.ts';
import { type TestServer, testServer } from '../server/test-server.ts';
import { tokenReviewer } from './token-reviewer.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ listen: {}, podLogs: () => Promise.resolve('line\n') });
});
afterAll(() => server.close());

const refused = async (promise: Promise<unknown>): Promise<KubeError> => {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof KubeError)) throw new Error('a KubeError was expected', { cause: error });
  return error;
};

describe('objects', () => {
  test('are created, read, changed and deleted', async () => {
    const { client } = server;
    const ref = { namespace: 'default', name: 'crud' };
    const made = await client.create(configMapKind, { metadata: ref, data: { a: '1' } });
    expect(made.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(await client.get(configMapKind, ref)).toEqual(made);
    const updated = await client.update(configMapKind, { ...made, data: { a: '2' } });
    expect(updated.data).toEqual({ a: '2' });
    expect(Number(updated.metadata.resourceVersion)).toBeGreaterThan(Number(made.metadata.resourceVersion));
    expect(await client.delete(configMapKind, ref)).toBe(true);
    expect(await client.get(configMapKind, ref)).toBeUndefined();
    expect(await client.delete(configMapKind, ref)).toBe(false);
  });

  test('take a name from generateName', async () => {
    const made = await server.client.create(configMapKind, { metadata: { namespace: 'default', generateName: 'gen-' } });
    expect(made.metadata.name).toMatch(/^gen-[a-z0-9]{5}$/);
  });

  test('are patched in three ways', async () => {
    const ref = { namespace: 'default', name: 'patched' };
    await server.client.create(configMapKind, { metadata: ref, data: { a: '1', b: '2' } });
    const merged = await server.client.patch(configMapKind, ref, { kind: 'merge', value: { data: { a: null, c: '3' } } });
    expect(merged.data).toEqual({ b: '2', c: '3' });
    const patched = await server.client.patch(configMapKind, ref, { kind: 'json', operations: [{ op: 'replace', path: '/data/b', value: 'x' }] });
    expect(patched.data).toEqual({ b: 'x', c: '3' });
    const strategic = await server.client.patch(configMapKind, ref, { kind: 'strategic', value: { metadata: { labels: { l: 'v' } } } });
    expect(strategic.metadata.labels).toEqual({ l: 'v' });
  });

  test('are listed in pages, all of them', async () => {
    const { client } = server;
    await client.create(namespaceKind, { metadata: { name: 'many' } });
    await Promise.all(
      Array.from({ length: 25 }, (_, i) =>
        client.create(configMapKind, { metadata: { namespace: 'many', name: `c-${i}`, labels: { even: String(i % 2 === 0) } } }),
      ),
    );
    const list = await client.list(configMapKind, { namespace: 'many', pageSize: 7 });
    expect(new Set(list.items.map((item) => item.metadata.name)).size).toBe(26);
    expect(list.items.every((item) => item.kind === 'ConfigMap' && item.apiVersion === 'v1')).toBe(true);
    const even = await client.list(configMapKind, { namespace: 'many', labelSelector: 'even=true', pageSize: 5 });
    expect(even.items).toHaveLength(13);
    expect(even.items.every((item) => selectorMatches({ matchLabels: { even: 'true' } }, item.metadata.labels))).toBe(true);
  });
});

describe('refusals', () => {
  test('carry code, reason and every field', async () => {
    const error = await refused(server.client.create(podKind, { metadata: { namespace: 'default', name: 'Bad_Name' }, spec: { containers: [] } }));
    expect(error.code).toBe('INVALID');
    expect(error.status?.reason).toBe('Invalid');
    expect(error.causes.map((cause) => cause.field)).toEqual(['metadata.name', 'spec.containers']);
  });

  test('tell a second creation from a stale update', async () => {
    const ref = { namespace: 'default', name: 'twice' };
    const first = await server.client.create(configMapKind, { metadata: ref });
    expect((await refused(server.client.create(configMapKind, { metadata: ref }))).code).toBe('ALREADY_EXISTS');
    await server.client.update(configMapKind, { ...first, data: { a: '1' } });
    expect((await refused(server.client.update(configMapKind, { ...first, data: { a: '2' } }))).code).toBe('CONFLICT');
  });

  test('name an unknown namespace', async () => {
    const error = await refused(server.client.create(configMapKind, { metadata: { namespace: 'nowhere', name: 'x' } }));
    expect(error.code).toBe('NOT_FOUND');
    expect(error.message).toContain('namespaces "nowhere" not found');
  });

  test('keep a name from leading to another object', async () => {
    await expect(server.client.delete(podKind, { namespace: 'default', name: '..' })).rejects.toThrow(TypeError);
    expect((await refused(server.client.raw('DELETE', '/api/v1/namespaces/default/pods/..'))).code).toBe('NOT_FOUND');
  });

  test('say when the server is not there', async () => {
    const client = kubeClient({ server: 'http://127.0.0.1:1' });
    expect((await refused(client.list(podKind))).code).toBe('UNREACHABLE');
    client.close();
  });

  test('say when the server does not answer in time', async () => {
    const silent = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const address = silent.address();
    const client = kubeClient({ server: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, requestTimeoutMs: 20 });
    expect((await refused(client.list(podKind))).code).toBe('TIMEOUT');
    client.close();
    silent.close();
  });

  test('say when the answer is no Kubernetes', async () => {
    const other = http.createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const address = other.address();
    const client = kubeClient({ server: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}` });
    expect((await refused(client.list(podKind))).code).toBe('PROTOCOL');
    client.close();
    other.close();
    expect(() => kubeClient({ server: 'ftp://x' })).toThrow(KubeError);
  });
});

describe('watches', () => {
  test('resume behind a version and see each change', async () => {
    const { client } = server;
    const { resourceVersion } = await client.list(configMapKind, { namespace: 'default' });
    const seen: string[] = [];
    const watching = (async () => {
      for await (const event of client.watch(configMapKind, { namespace: 'default', fieldSelector: 'metadata.name=watched', resourceVersion })) {
        seen.push(event.type);
        if (event.type === 'DELETED') break;
      }
    })();
    const ref = { namespace: 'default', name: 'watched' };
    await client.create(configMapKind, { metadata: ref });
    await client.patch(configMapKind, ref, { kind: 'merge', value: { data: { a: '1' } } });
    await client.delete(configMapKind, ref);
    await watching;
    expect(seen).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
  });

  test('end by the time the client asked for', async () => {
    const events = [];
    for await (const event of server.client.watch(namespaceKind, { timeoutSeconds: 1 })) events.push(event);
    expect(events.length).toBeGreaterThanOrEqual(2);
  });

  test('fail when nothing comes for too long', async () => {
    const { resourceVersion } = await server.client.list(podKind);
    const events = (async () => {
      for await (const event of server.client.watch(podKind, { resourceVersion, idleMs: 30 })) throw new Error(`unexpected ${event.type}`);
    })();
    expect((await refused(events)).code).toBe('TIMEOUT');
  });
});

describe('tokens', () => {
  test('of a service account are reviewed for their audience', async () => {
    const { client } = server;
    await client.create(serviceAccountKind, { metadata: { namespace: 'default', name: 'web' } });
    const { token } = await client.tokenRequest({ namespace: 'default', name: 'web' }, { audiences: ['identity.l5d.io'] });
    const reviewer = tokenReviewer(client);
    expect(await reviewer.review(token, ['identity.l5d.io'])).toEqual({ kind: 'authenticated', username: 'system:serviceaccount:default:web' });
    expect((await reviewer.review(token, ['other'])).kind).not.toBe('authenticated');
    expect((await reviewer.review(`${token}x`, ['identity.l5d.io'])).kind).not.toBe('authenticated');
  });

  test('of nobody are refused on every request', async () => {
    const client = kubeClient({ server: server.api.url, token: () => Promise.resolve('not.a.token') });
    expect((await refused(client.list(podKind))).code).toBe('UNAUTHORIZED');
    client.close();
  });
});

test('a list that is given up as its last object is read harms nobody, and the connection serves on', async () => {
  const api = await testServer({ listen: {} });
  const own = kubeClient({ server: api.api.url });
  for (let i = 0; i < 20; i++) {
    const abort = new AbortController();
    const keep = (): undefined => {
      abort.abort(new Error('seen enough'));
      return undefined;
    };
    const [listed] = await Promise.allSettled([own.list(namespaceKind, { signal: abort.signal, keep })]);
    expect(listed).toSatisfy(({ status, reason }: { status: string; reason?: unknown }) => status === 'fulfilled' || reason instanceof KubeError);
    // What would break afterwards does so in a later turn.
    await new Promise(setImmediate);
  }
  expect((await own.list(namespaceKind)).items.length).toBeGreaterThan(1);
  own.close();
  await api.close();
});

test('reads the log of a container', async () => {
  const ref = { namespace: 'default', name: 'logs' };
  await server.client.create(podKind, { metadata: ref, spec: { containers: [{ name: 'c', image: 'x' }] } });
  expect(await server.client.podLog(ref, 'c')).toBe('line\n');
  expect((await refused(server.client.podLog(ref, 'none'))).code).toBe('BAD_REQUEST');
});
