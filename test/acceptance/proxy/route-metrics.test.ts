// Outbound requests counted by the routes of ServiceProfiles: what was asked, and what was sent. spec/proxy.md §9.2 (route_*, route_actual_*).

import { createServer } from 'node:http';
import { type Profile, type ProfileRoute, plainEndpoint } from '@weft/core';
import { expect, test } from 'vitest';
import { ask, NAME, SERVICE, startPair, until } from './pair.ts';
import { addressOf, sample, TestMesh } from './test-mesh.ts';

const route = (regex: string, more: Partial<ProfileRoute> = {}): ProfileRoute => ({
  condition: { kind: 'path', regex },
  responseClasses: [],
  labels: { route: regex },
  isRetryable: false,
  ...more,
});

const PROFILE: Profile = {
  fullyQualifiedName: NAME.replace(/:80$/, ''),
  opaqueProtocol: false,
  overrides: [],
  retryBudget: { retryRatio: 1, minRetriesPerSecond: 10, ttlMs: 10_000 },
  routes: [route('/plain'), route('/retried', { isRetryable: true }), route('/slow', { timeoutMs: 50 })],
};

async function scene(mesh: TestMesh) {
  let requests = 0;
  const app = createServer((request, response) => {
    requests += 1;
    if (request.url === '/slow') return;
    response.writeHead(request.url === '/retried' && requests === 1 ? 503 : 200).end('ok');
  });
  const { client, port } = await startPair(mesh, await mesh.listenOn(app));
  mesh.control.profileOf(SERVICE).set(PROFILE);
  const of = (name: string, ...labels: string[]): number => sample(client.metrics, name, 'direction="outbound"', `dst="${NAME}"`, ...labels);
  return { port, of };
}

test('counts a request that is sent once by both', async () => {
  await using mesh = await TestMesh.start();
  const { port, of } = await scene(mesh);
  expect((await ask(port, { path: '/plain' })).status).toBe(200);
  await until(() => of('route_response_total', 'rt_route="/plain"', 'status_code="200"', 'classification="success"') === 1);
  expect(of('route_request_total', 'rt_route="/plain"')).toBe(1);
  expect(of('route_response_latency_ms_count', 'rt_route="/plain"')).toBe(1);
  expect([of('route_actual_request_total', 'rt_route="/plain"'), of('route_actual_response_total', 'rt_route="/plain"')]).toEqual([1, 1]);
});

test('counts a request that is tried again once, and each try by itself', async () => {
  await using mesh = await TestMesh.start();
  const { port, of } = await scene(mesh);
  expect((await ask(port, { path: '/retried' })).status).toBe(200);
  await until(() => of('route_response_total', 'rt_route="/retried"') === 1);
  expect([of('route_request_total', 'rt_route="/retried"'), of('route_response_total', 'rt_route="/retried"', 'status_code="200"')]).toEqual([1, 1]);
  expect(of('route_response_latency_ms_count', 'rt_route="/retried"', 'status_code="200"')).toBe(1);
  expect(of('route_actual_request_total', 'rt_route="/retried"')).toBe(2);
  expect(of('route_actual_response_total', 'rt_route="/retried"', 'status_code="503"', 'classification="failure"')).toBe(1);
});

test('counts a timeout as a failure', async () => {
  await using mesh = await TestMesh.start();
  const { port, of } = await scene(mesh);
  // The connection is there, so that all of the time is the application's.
  expect((await ask(port, { path: '/plain' })).status).toBe(200);
  expect((await ask(port, { path: '/slow' })).status).toBe(504);
  await until(() => of('route_response_total', 'rt_route="/slow"', 'classification="failure"', 'error="timeout"') === 1);
  expect([of('route_request_total', 'rt_route="/slow"'), of('route_actual_request_total', 'rt_route="/slow"')]).toEqual([1, 1]);
});

test('counts a timeout as one also where no endpoint had taken the request', async () => {
  await using mesh = await TestMesh.start();
  const { port, of } = await scene(mesh);
  mesh.control.endpointsOf(NAME).set([{ ...plainEndpoint(addressOf('192.0.2.7:8080')), hint: 'h2' }]);
  expect((await ask(port, { path: '/slow' })).status).toBe(504);
  expect([of('route_response_total', 'rt_route="/slow"', 'error="timeout"'), of('route_response_total', 'rt_route="/slow"')]).toEqual([1, 1]);
  expect([of('route_request_total', 'rt_route="/slow"'), of('route_actual_request_total', 'rt_route="/slow"')]).toEqual([1, 0]);
});
