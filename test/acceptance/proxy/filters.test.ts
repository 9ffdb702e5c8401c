// Filters of routes and of backends, over real sockets. spec/proxy.md §7.4.
import { createServer } from 'node:http';
import { type ClientProtocol, type Distribution, defaultMetadata, type Filter, type HeaderModifier, type HttpProtocol, type RouteBackend } from '@weft/core';
import { expect, test } from 'vitest';
import { type Answer, ask, NAME, SERVICE, startPair } from './pair.ts';
import { backend, balanced, clientPolicy, opaqueProtocol } from './policies.ts';
import { TestMesh } from './test-mesh.ts';

const to = (filters: readonly Filter[]): RouteBackend & { readonly weight: number } => ({ backend: backend(balanced(NAME)), filters, weight: 1 });

interface Rule {
  readonly path?: string;
  readonly filters?: readonly Filter[];
  readonly distribution: Distribution;
  readonly timeouts?: { readonly requestMs: number };
}

/** An application that tells which values of `x-by` it was sent, and gives one of its own. */
async function asking(mesh: TestMesh, ...rules: Rule[]): Promise<(path: string) => Promise<Answer & { readonly asked: number }>> {
  let asked = 0;
  const app = createServer((message, response) => {
    asked += 1;
    response.setHeader('x-by', 'application');
    response.end(message.headersDistinct['x-by']?.join(' '));
  });
  const { port } = await startPair(mesh, await mesh.listenOn(app));
  const http: HttpProtocol = {
    routes: [
      {
        metadata: defaultMetadata('route'),
        hosts: [],
        rules: rules.map(({ path = '/', filters = [], distribution, timeouts = {} }) => ({
          matches: [{ path: { kind: 'prefix', value: path }, headers: [], query: [] }],
          filters,
          distribution,
          timeouts,
          allowL5dHeaders: false,
        })),
      },
    ],
  };
  const protocol: ClientProtocol = { kind: 'detect', timeoutMs: 1, opaque: opaqueProtocol({ kind: 'empty' }), http1: http, http2: http };
  mesh.control.outboundOf(SERVICE).set(clientPolicy(protocol));
  return async (path) => {
    asked = 0;
    const answer = await ask(port, { path, headers: { host: 'web.example', 'x-by': 'client' } });
    return { ...answer, asked };
  };
}

const edits = (kind: 'request-headers' | 'response-headers', modifier: Partial<HeaderModifier>): Filter => ({
  kind,
  modifier: { add: [], set: [], remove: [], ...modifier },
});
const TEAPOT: Filter = { kind: 'http-failure', status: 418, message: 'short and stout' };

test('a backend redirects the requests that it is drawn for', async () => {
  await using mesh = await TestMesh.start();
  const moved: Filter = { kind: 'redirect', host: 'new.example', path: { kind: 'prefix', value: '/new' }, status: 302 };
  const ask = await asking(
    mesh,
    { path: '/old', distribution: { kind: 'first-available', backends: [to([moved])] } },
    { distribution: { kind: 'first-available', backends: [to([])] } },
  );
  const redirected = await ask('/old/place?x=1');
  expect([redirected.status, redirected.headers.location, redirected.asked]).toEqual([302, 'http://new.example/new/place?x=1', 0]);
  expect((await ask('/')).status).toBe(200);
});

test('a backend fails the requests that it is drawn for, and no others', async () => {
  await using mesh = await TestMesh.start();
  const ask = await asking(
    mesh,
    { path: '/all', distribution: { kind: 'first-available', backends: [to([TEAPOT])] } },
    { path: '/timed', distribution: { kind: 'first-available', backends: [to([TEAPOT])] }, timeouts: { requestMs: 10_000 } },
    { distribution: { kind: 'random-available', backends: [to([]), to([TEAPOT])] } },
  );
  const failed = await ask('/all');
  expect([failed.status, failed.asked]).toEqual([418, 0]);
  expect(failed.headers['l5d-proxy-error']).toContain('short and stout');
  const timed = await ask('/timed');
  expect([timed.status, timed.asked]).toEqual([418, 0]);
  const seen = new Set<string>();
  for (let n = 0; n < 30; n++) {
    const { status, asked } = await ask('/');
    seen.add(`${status} ${asked}`);
  }
  expect([...seen].sort()).toEqual(['200 1', '418 0']);
});

test('the filters of the route answer before those of the backend', async () => {
  await using mesh = await TestMesh.start();
  const unavailable: Filter = { kind: 'http-failure', status: 503, message: 'not now' };
  const ask = await asking(mesh, { filters: [unavailable], distribution: { kind: 'first-available', backends: [to([TEAPOT])] } });
  expect((await ask('/')).status).toBe(503);
});

test('requests are edited by the route, then by the backend, responses the other way round', async () => {
  await using mesh = await TestMesh.start();
  const both = (modifier: Partial<HeaderModifier>): readonly Filter[] => [edits('request-headers', modifier), edits('response-headers', modifier)];
  const adds = (name: string) => both({ add: [['x-by', name]] });
  const sets = (name: string) => both({ set: [['x-by', name]] });
  const pair = (path: string, of: (name: string) => readonly Filter[], more: Partial<Rule> = {}): Rule => ({
    path,
    filters: of('route'),
    distribution: { kind: 'first-available', backends: [to(of('backend'))] },
    ...more,
  });
  const ask = await asking(mesh, pair('/add', adds), pair('/set', sets), pair('/timed', adds, { timeouts: { requestMs: 10_000 } }));
  const added = await ask('/add');
  expect([added.body, added.headers['x-by']]).toEqual(['client route backend', 'application, backend, route']);
  const timed = await ask('/timed');
  expect([timed.body, timed.headers['x-by']]).toEqual(['client route backend', 'application, backend, route']);
  const set = await ask('/set');
  expect([set.body, set.headers['x-by']]).toEqual(['backend', 'route']);
});
