// Filters on the routes of a Server. spec/proxy.md §7.4, §8.3.
import type { Filter, HttpMatch, ServerPolicy } from '@weft/core';
import { expect } from 'vitest';
import { httpApplication } from '../process/applications.ts';
import { controlPlane } from '../process/control-plane.ts';
import { acceptanceCase } from './case.ts';
import { ANYBODY, ask, enforce, open, policyMetadata, server, serverProxy, statuses } from './inbound-scene.ts';
import { header } from './wire.ts';

type Rule = readonly [path: HttpMatch['path'], ...filters: readonly Filter[]];

/** Each path its rule; everything else goes to the application. */
function filtered(name: string, rules: readonly Rule[], totalRps?: number): ServerPolicy {
  const matched = rules.map(([path, ...filters]) => ({ matches: [{ path, headers: [], query: [] }], filters }));
  const routes = [{ metadata: policyMetadata('HTTPRoute', 'filtered'), hosts: [], authorizations: [], rules: [...matched, { matches: [], filters: [] }] }];
  const rateLimit = totalRps === undefined ? undefined : { totalRps, overrides: [] };
  return server(name, { kind: 'detect', timeoutMs: 10_000, routes, authorizations: [ANYBODY], rateLimit });
}

const exact = (value: string): HttpMatch['path'] => ({ kind: 'exact', value });
const prefix = (value: string): HttpMatch['path'] => ({ kind: 'prefix', value });
const NO_CHANGE = { add: [], set: [], remove: [] };

acceptanceCase('inbound filters: redirects', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port);
  await enforce(
    control,
    proxy,
    filtered('redirects', [
      [exact('/moved'), { kind: 'redirect', host: 'elsewhere', path: { kind: 'full', value: '/new' }, status: 302 }],
      [prefix('/old'), { kind: 'redirect', path: { kind: 'prefix', value: '/new' }, status: 0 }],
      [exact('/broken'), { kind: 'redirect', path: { kind: 'prefix', value: '/new' }, status: 0 }],
    ]),
  );
  const of = async (path: string) => {
    const answer = await ask(proxy, { path });
    return [answer.start.split(' ')[1], header(answer, 'location'), header(answer, 'connection')];
  };
  expect(await of('/moved')).toEqual(['302', 'http://elsewhere/new', undefined]);
  expect(await of('/old/x?y')).toEqual(['301', 'http://server/new/x?y', undefined]);
  expect(await of('/broken')).toEqual(['500', undefined, 'close']);
  // Each was authorized.
  expect(await proxy.metric('inbound_http_authz_allow_total', { srv_name: 'redirects', route_name: 'filtered' })).toBeGreaterThanOrEqual(3);
});

acceptanceCase('inbound filters: request headers are added, set and removed', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port);
  const modifier = { add: [['x-added', 'more'] as const], set: [['x-set', 'new'] as const], remove: ['x-removed'] };
  await enforce(control, proxy, filtered('headers', [[exact('/edited'), { kind: 'request-headers', modifier: { ...NO_CHANGE, ...modifier } }]]));
  const head = 'x-added: first\r\nx-set: old\r\nx-removed: yes\r\n';
  const { headers } = JSON.parse((await ask(proxy, { path: '/edited', head })).body) as { headers: Record<string, string> };
  expect([headers['x-added'], headers['x-set'], headers['x-removed']]).toEqual(['first, more', 'new', undefined]);
  const untouched = JSON.parse((await ask(proxy, { path: '/other', head })).body) as { headers: Record<string, string> };
  expect([untouched.headers['x-added'], untouched.headers['x-set'], untouched.headers['x-removed']]).toEqual(['first', 'old', 'yes']);
});

acceptanceCase('inbound filters: an injected failure is an internal error, whatever status it asks for', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port);
  const never = { numerator: 0, denominator: 1 };
  await enforce(
    control,
    proxy,
    filtered('failures', [
      [exact('/always'), { kind: 'http-failure', status: 418, message: 'tea' }],
      [exact('/never'), { kind: 'http-failure', status: 418, message: 'tea', ratio: never }],
    ]),
  );
  const before = await proxy.metric('inbound_http_errors_total', { srv_name: 'failures', error: 'unexpected' });
  expect((await ask(proxy, { path: '/always' })).start).toMatch(/^HTTP\/1\.1 500 /);
  expect((await ask(proxy, { path: '/never' })).start).toMatch(/^HTTP\/1\.1 200 /);
  expect((await proxy.metric('inbound_http_errors_total', { srv_name: 'failures', error: 'unexpected' })) - before).toBe(1);
});

acceptanceCase('inbound filters: come before rate limits, which what they answer does not count against', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port);
  await enforce(control, proxy, filtered('unlimited', [[exact('/enforced'), { kind: 'redirect', host: 'elsewhere', status: 302 }]]));
  const rules: readonly Rule[] = [[exact('/enforced'), { kind: 'redirect', host: 'elsewhere', status: 302 }]];
  await enforce(control, proxy, filtered('limited', rules, 1));
  using wire = await open(proxy, {});
  expect(await statuses(wire, '/enforced', '/enforced', '/', '/enforced', '/')).toEqual([302, 302, 200, 302, 429]);
});
