import { request } from 'node:http';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kubeClient, namespaceKind } from '../../index.ts';
import { type ApiServer, startApiServer } from '../index.ts';
import { type TestServer, testServer } from '../test-server.ts';

let server: TestServer;
let api: ApiServer;
beforeAll(async () => {
  server = await testServer({ listen: {}, maxBodyBytes: 4096 });
  api = server.api;
});
afterAll(() => server.close());

interface Answer {
  readonly code: number;
  readonly type: string | null;
  readonly body: { readonly [key: string]: unknown; readonly message?: string; readonly reason?: string };
}
async function ask(path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(api.url + path, init);
  return { code: response.status, type: response.headers.get('content-type'), body: (await response.json()) as Answer['body'] };
}
const post = (path: string, body: string | Uint8Array<ArrayBuffer>, type = 'application/json'): Promise<Answer> =>
  ask(path, { method: 'POST', body, headers: { 'content-type': type } });
const maps = '/api/v1/namespaces/default/configmaps';

describe('bad input', () => {
  test.each([
    ['a body that is not JSON', '{', 'application/json', 400, 'not JSON'],
    ['a body that is not YAML', 'a: [', 'application/yaml', 400, 'not YAML'],
    ['a body that is not UTF-8', new Uint8Array([0xff, 0xfe]), 'application/json', 400, 'UTF-8'],
    ['a body that is nested too deep', `${'['.repeat(500)}${']'.repeat(500)}`, 'application/json', 400, 'nested deeper'],
    ['a body that reaches for a prototype', '{"metadata":{"__proto__":{"x":1}}}', 'application/json', 400, '__proto__'],
    ['an empty body', '', 'application/json', 400, 'must be an object'],
    [
      'protobuf',
      new Uint8Array([0x6b, 0x38, 0x73, 0]),
      'application/vnd.kubernetes.protobuf',
      415,
      'application/json, application/yaml; got application/vnd.kubernetes.protobuf',
    ],
    ['a body that is too large', JSON.stringify({ metadata: { name: 'x' }, data: { a: 'x'.repeat(5000) } }), 'application/json', 413, 'limit is 4096'],
    ['a resourceVersion on a new object', '{"metadata":{"name":"x","resourceVersion":"5"}}', 'application/json', 400, 'resourceVersion'],
  ])('%s is refused with a Status', async (_name, body, type, code, message) => {
    const answer = await post(maps, body, type);
    expect(answer).toMatchObject({
      code,
      type: 'application/json',
      body: { kind: 'Status', status: 'Failure', code, message: expect.stringContaining(message) },
    });
  });

  test('a body of endless chunks is cut off', async () => {
    const stream = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(1024)) });
    const outcome = await fetch(api.url + maps, { method: 'POST', body: stream, duplex: 'half' } as RequestInit).then(
      (response) => response.status,
      () => 'cut',
    );
    expect([413, 'cut']).toContain(outcome);
  });

  test.each([
    ['GET', '/api/v1/nothing', 404],
    ['GET', '/apis/none/v1/things', 404],
    ['GET', '/else', 404],
    ['PUT', maps, 405],
    ['POST', `${maps}/x`, 405],
    ['GET', `${maps}/x/status`, 404],
    ['GET', '/api/v1/pods?fieldSelector=spec.color%3Dred', 400],
    ['GET', '/api/v1/pods?labelSelector=%3D%3D', 400],
    ['GET', '/api/v1/pods?limit=-1', 400],
    ['GET', '/api/v1/pods?continue=nonsense', 400],
    ['GET', '/api/v1/pods?resourceVersion=99999999999999999', 400],
    ['GET', '/api/v1/pods?resourceVersion=9007199254740991', 504],
    ['GET', '/api/v1/namespaces/%zz/pods', 200],
    ['PATCH', '/api/v1/namespaces/default', 415],
  ])('%s %s answers %i', async (method, path, code) => {
    expect((await ask(path, { method, ...(method === 'PATCH' || method === 'PUT' || method === 'POST' ? { body: '{}' } : {}) })).code).toBe(code);
  });

  test('an Accept that only names what is not spoken here gets 406', async () => {
    expect((await ask(maps, { headers: { accept: 'application/vnd.kubernetes.protobuf' } })).code).toBe(406);
    expect((await ask(maps, { headers: { accept: 'application/vnd.kubernetes.protobuf,application/json' } })).code).toBe(200);
  });
});

describe('forms', () => {
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

  test('a list is a table for kubectl', async () => {
    const { body } = await ask('/api/v1/namespaces?limit=1', { headers: { accept: table } });
    expect(body).toMatchObject({
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      metadata: { resourceVersion: expect.any(String), continue: expect.any(String), remainingItemCount: 1 },
      columnDefinitions: [{ name: 'Name', format: 'name', priority: 0 }, { name: 'Status' }, { name: 'Age' }],
      rows: [{ cells: ['default', 'Active', expect.stringMatching(/^\d+s$/)], object: { kind: 'PartialObjectMetadata', metadata: { name: 'default' } } }],
    });
  });

  test('a list may be metadata only', async () => {
    const { body } = await ask('/api/v1/namespaces', { headers: { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' } });
    expect(body).toMatchObject({ kind: 'PartialObjectMetadataList', items: [{ kind: 'PartialObjectMetadata', metadata: { name: 'default' } }, {}] });
  });

  test('YAML is read as well as JSON', async () => {
    expect((await post(maps, 'metadata: { name: from-yaml }\ndata: { a: "1" }', 'application/yaml')).body).toMatchObject({
      kind: 'ConfigMap',
      data: { a: '1' },
    });
  });
});

describe('discovery', () => {
  const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

  test('is one aggregated document for those that ask for it', async () => {
    const core = await ask('/api', { headers: { accept: `${aggregated},application/json` } });
    expect(core.type).toBe(aggregated);
    const [group] = core.body.items as { versions: { version: string; resources: { resource: string; subresources?: { subresource: string }[] }[] }[] }[];
    const pods = group?.versions[0]?.resources.find((resource) => resource.resource === 'pods');
    expect(pods).toMatchObject({ responseKind: { group: '', version: 'v1', kind: 'Pod' }, scope: 'Namespaced', shortNames: ['po'], categories: ['all'] });
    expect(pods?.subresources?.map((sub) => sub.subresource)).toEqual(['status', 'log', 'binding', 'eviction']);
    const others = await ask('/apis', { headers: { accept: aggregated } });
    expect((others.body.items as { metadata: { name: string } }[]).map((item) => item.metadata.name)).toContain('discovery.k8s.io');
  });

  test('is a document per group and version for the others', async () => {
    expect((await ask('/api')).body).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
    expect((await ask('/apis')).body).toMatchObject({ kind: 'APIGroupList' });
    expect((await ask('/apis/apps')).body).toMatchObject({ kind: 'APIGroup', preferredVersion: { groupVersion: 'apps/v1' } });
    const apps = await ask('/apis/apps/v1');
    expect((apps.body.resources as { name: string }[]).map((resource) => resource.name)).toEqual(
      expect.arrayContaining(['deployments', 'deployments/scale', 'deployments/status']),
    );
    expect((await ask('/apis/nothing/v1')).code).toBe(404);
  });

  test('OpenAPI says that the server validates', async () => {
    const index = (await ask('/openapi/v3')).body as unknown as { paths: Record<string, { serverRelativeURL: string }> };
    const url = index.paths['apis/apps/v1']?.serverRelativeURL ?? '';
    const document = (await ask(url)).body as unknown as { paths: Record<string, { patch: { parameters: { name: string }[] } }> };
    const patch = document.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']?.patch;
    expect(patch).toMatchObject({ 'x-kubernetes-group-version-kind': { group: 'apps', version: 'v1', kind: 'Deployment' } });
    expect(patch?.parameters.map((parameter) => parameter.name)).toContain('fieldValidation');
    const v2 = await fetch(`${api.url}/openapi/v2`);
    expect(v2.headers.get('content-type')).not.toContain('@');
    expect(Buffer.from(await v2.arrayBuffer()).toString('hex')).toBe('0a03322e30');
  });

  test('health and version answer', async () => {
    expect(await (await fetch(`${api.url}/readyz`)).text()).toBe('ok');
    expect((await ask('/version')).body).toMatchObject({ major: '1' });
    expect((await ask('/openid/v1/jwks')).body).toMatchObject({ keys: [{ kty: 'EC', crv: 'P-256' }] });
  });
});

test('serves what another listener accepts, and leaves it open', async () => {
  const own = await startApiServer({ listen: false });
  expect(own.url).toBe('');
  const listener = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => listener.once('listening', resolve));
  own.attach(listener);
  const accepted = new Set<net.Socket>();
  listener.on('connection', (socket) => void accepted.add(socket));
  const address = listener.address();
  const client = kubeClient({ server: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, requestTimeoutMs: 1000 });
  expect((await client.list(namespaceKind)).items.map((item) => item.metadata.name)).toEqual(['default', 'kube-system']);
  await own.close();
  await own.close();
  expect(listener.listening).toBe(true);
  // The kept connection is closed; a new one is accepted, and nobody reads it.
  await expect(client.list(namespaceKind)).rejects.toMatchObject({ code: expect.stringMatching(/UNREACHABLE|TIMEOUT/) });
  client.close();
  for (const socket of accepted) socket.destroy();
  await new Promise((resolve) => listener.close(resolve));
});

test('refuses to start on a port that is taken', async () => {
  await expect(startApiServer({ listen: { port: api.port } })).rejects.toThrow('EADDRINUSE');
});

describe('web pages', () => {
  /** fetch does not let these headers be set. */
  const status = (headers: Readonly<Record<string, string>>, method = 'POST'): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const call = request({ host: '127.0.0.1', port: api.port, method, path: '/api/v1/namespaces', headers, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      call.on('error', reject);
      call.end(method === 'POST' ? '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"from-a-page"}}' : undefined);
    });

  test.each([
    ['a request of another origin', { origin: 'http://evil.example' }],
    ['an opaque origin', { origin: 'null' }],
    ['a name that was made to resolve to this machine', { host: 'evil.example', 'content-type': 'application/json' }],
    ['such a name as its own origin', { host: 'evil.example', origin: 'http://evil.example' }],
    ['a host that is none', { host: 'a b' }],
  ])('%s changes nothing', async (_name, headers) => {
    expect(await status(headers)).toBe(403);
    expect(await server.client.get(namespaceKind, { name: 'from-a-page' })).toBeUndefined();
  });

  test('addresses, localhost and the name in the cluster are served', async () => {
    for (const host of [
      `127.0.0.1:${api.port}`,
      'localhost:1',
      '[::1]:80',
      '10.42.0.1:6443',
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local:443',
    ]) {
      expect(await status({ host }, 'GET')).toBe(200);
    }
    expect(await status({ origin: `http://127.0.0.1:${api.port}`, host: `127.0.0.1:${api.port}` }, 'GET')).toBe(200);
  });
});
