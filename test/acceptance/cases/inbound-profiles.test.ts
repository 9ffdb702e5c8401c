// What the inbound side does with ServiceProfiles: their routes are counted and say what a failure is. spec/proxy.md §5.4, §7.7, §9.2.
import type { Profile } from '@weft/core';
import { expect } from 'vitest';
import { controlPlane } from '../process/control-plane.ts';
import { behind } from '../process/scenes.ts';
import { acceptanceCase } from './case.ts';
import { ask, OK, wireApplication } from './wire.ts';

const NAME = 'web.ns.svc.cluster.local';

const PROFILE: Profile = {
  fullyQualifiedName: NAME,
  opaqueProtocol: false,
  overrides: [],
  routes: [
    {
      condition: { kind: 'path', regex: '/books/[^/]+' },
      responseClasses: [{ condition: { kind: 'status', min: 404, max: 404 }, isFailure: true }],
      labels: { route: 'book' },
      isRetryable: false,
    },
  ],
};

function get(path: string, host: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`;
}

acceptanceCase('inbound profile routes are counted', async () => {
  await using app = await wireApplication(({ start }) => (start.includes('lost') ? 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n' : OK));
  await using control = await controlPlane().profile(`${NAME}:80`, PROFILE).start();
  await using proxy = await behind(control, app.port);
  for (const path of ['/books/1', '/books/lost', '/other']) await ask(proxy.inboundAddress(8080), get(path, NAME));
  await ask(proxy.inboundAddress(8080), get('/books/2', 'web.example.com'));
  expect(control.requests.filter((request) => request.startsWith('GetProfile'))).toEqual([`GetProfile ${NAME}:80`]);
  const route = { direction: 'inbound', dst: `${NAME}:80`, rt_route: 'book' };
  expect(await proxy.metric('route_request_total', route)).toBe(2);
  expect(await proxy.metric('route_response_total', { ...route, status_code: '404', classification: 'failure' })).toBe(1);
  expect(await proxy.metric('route_response_total', { ...route, status_code: '200', classification: 'success' })).toBe(1);
  expect(await proxy.metric('route_response_latency_ms_count', route)).toBe(2);
  expect(await proxy.metric('response_total', { direction: 'inbound', target_port: '8080', classification: 'failure' })).toBe(1);
  expect(await proxy.metric('request_total', { direction: 'inbound', target_port: '8080' })).toBe(4);
});

acceptanceCase('inbound requests do not wait for a profile that does not come', async () => {
  await using app = await wireApplication(() => OK);
  await using control = await controlPlane().noProfile(`${NAME}:80`).start();
  await using proxy = await behind(control, app.port, { LINKERD2_PROXY_DESTINATION_PROFILE_INITIAL_TIMEOUT: '50ms' });
  expect((await ask(proxy.inboundAddress(8080), get('/books/1', NAME))).start).toMatch(/^HTTP\/1\.1 200/);
  await control.stop();
  expect((await ask(proxy.inboundAddress(8080), get('/books/1', 'other.ns.svc.cluster.local'))).start).toMatch(/^HTTP\/1\.1 200/);
});
