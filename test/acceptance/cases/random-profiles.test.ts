// Random ServiceProfiles: each request is counted for the route that explaining names, and each response by the classes of that route.
// spec/proxy.md §6.5 (classification), §7.7.
import type { Profile, RequestCondition, ResponseCondition } from '@weft/core';
import { defaultMetadata } from '@weft/core';
import { explainOutbound } from '@weft/core/explain';
import fc from 'fast-check';
import { expect } from 'vitest';
import { get, httpApplication } from '../process/applications.ts';
import { controlPlane } from '../process/control-plane.ts';
import type { ProxyProcess } from '../process/proxy-process.ts';
import { balanced, detectPolicy, firstOf } from '../proxy/policies.ts';
import { acceptanceCase } from './case.ts';
import { nameOf, routedTo } from './routed.ts';

const PROFILES = 15;
const REQUESTS = 30;
const POLICY = detectPolicy(balanced(nameOf('app')));

const few = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(one, { maxLength: 2 });

/** Leaves, and what is made of them: at most two deep. */
function conditions<T extends { readonly kind: string }>(leaf: fc.Arbitrary<T>): fc.Arbitrary<T> {
  const composed = (part: fc.Arbitrary<T>) =>
    fc.oneof(
      fc.record({ kind: fc.constantFrom('all', 'any'), of: few(part) }),
      part.map((of) => ({ kind: 'not', of })),
    ) as unknown as fc.Arbitrary<T>;
  const once = fc.oneof({ weight: 2, arbitrary: leaf }, { weight: 1, arbitrary: composed(leaf) });
  return fc.oneof({ weight: 2, arbitrary: once }, { weight: 1, arbitrary: composed(once) });
}

// One of the patterns cannot be read.
const PATTERNS = ['/a', '/a/.*', '/[ab]', '/a|/b', '(?i)/A', '^/a$', '/a/b/?', '(', ' /b ', '.*'];
const requestCondition = conditions<RequestCondition>(
  fc.oneof<fc.Arbitrary<RequestCondition>[]>(
    fc.constantFrom(...PATTERNS).map((regex) => ({ kind: 'path', regex })),
    fc.constantFrom('GET', 'POST', 'PURGE').map((method) => ({ kind: 'method', method })),
  ),
);
const responseCondition = conditions<ResponseCondition>(
  fc.constantFrom([200, 299], [404, 404], [500, 599], [503, 503]).map(([min = 0, max = 0]) => ({ kind: 'status', min, max })),
);
const routes = few(fc.record({ condition: requestCondition, responseClasses: few(fc.record({ condition: responseCondition, isFailure: fc.boolean() })) })).map(
  (list) => list.map((route, at) => ({ ...route, labels: { route: `r${at}` }, isRetryable: false })),
);

const request = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PURGE'),
  path: fc.constantFrom('/', '/a', '/b', '/A', '/a/', '/a/b', '/a/b/', '/x/b', '/a?x=/b', '/b/a'),
  status: fc.constantFrom(200, 404, 418, 500, 503),
});

function isRead(condition: RequestCondition): boolean {
  if (condition.kind === 'not') return isRead(condition.of);
  return condition.kind !== 'path' || condition.regex !== '(';
}

/** Of the responses that no class of a route takes. */
const isFailure = (status: number): boolean => status >= 500;

/** Undefined: it says nothing, as its parts do. */
function holds(condition: ResponseCondition, status: number): boolean | undefined {
  switch (condition.kind) {
    case 'all':
    case 'any': {
      const parts = condition.of.flatMap((one) => holds(one, status) ?? []);
      if (parts.length === 0) return undefined;
      return condition.kind === 'all' ? !parts.includes(false) : parts.includes(true);
    }
    case 'not': {
      const part = holds(condition.of, status);
      return part === undefined ? undefined : !part;
    }
    case 'status':
      return condition.min <= status && status <= condition.max;
  }
}

acceptanceCase('random service profiles', async () => {
  const profiles = fc
    .sample(routes, { seed: 4, numRuns: PROFILES })
    .map((list, index): Profile => ({ fullyQualifiedName: `p${index}.ns.svc.cluster.local`, opaqueProtocol: false, routes: list, overrides: [] }));
  const targets = profiles.map((_, index) => `10.43.1.${index + 1}:80`);
  await using app = await httpApplication(({ headers }, response) => {
    response.statusCode = Number(headers['x-status']);
    response.end();
  });
  const plane = targets.reduce((builder, target, index) => builder.outbound(target, POLICY).profile(target, profiles[index] as Profile), controlPlane());
  await using control = await plane.start();
  for (const { fullyQualifiedName } of profiles)
    control.endpointsOf(`${fullyQualifiedName}:80`).set([{ address: { ip: '10.42.1.1', port: 8080 }, weight: 1, labels: {}, hint: 'none' }]);
  await using proxy = await routedTo(control, { app: app.port }, {}, targets);

  const expected: Record<string, number> = {};
  for (const [index, profile] of profiles.entries()) {
    const authority = `${profile.fullyQualifiedName}:80`;
    const drives = profile.routes.some(({ condition }) => isRead(condition));
    for (const { method, path, status } of fc.sample(request, { seed: index, numRuns: REQUESTS })) {
      const headers = { host: 'web', 'x-status': String(status) };
      expect((await get(proxy.outboundAddress(targets[index] ?? ''), { method, path, headers })).status).toBe(status);
      if (!drives) continue;
      const route = explainedRoute(profile, authority, { method, path });
      const failure = route?.responseClasses.find(({ condition }) => holds(condition, status))?.isFailure ?? isFailure(status);
      const line = [authority, route?.labels['route'] ?? '', status, failure ? 'failure' : 'success'].join(' ');
      expected[line] = (expected[line] ?? 0) + 1;
    }
  }
  await expect.poll(() => responses(proxy)).toEqual(expected);
  expect(Object.keys(expected).filter((line) => line.includes(' r')).length).toBeGreaterThan(50);
});

/** Undefined: the implicit one. */
function explainedRoute(profile: Profile, authority: string, { method, path }: { readonly method: string; readonly path: string }) {
  const distribution = firstOf(balanced(authority));
  const driving = { authority, parent: defaultMetadata(authority), routes: profile.routes, retryBudget: undefined, distribution };
  const asked = { protocol: 'http/1', request: { method, path, authority: 'web', headers: [] } } as const;
  const { candidates } = explainOutbound({ policy: POLICY, profile: driving }, asked);
  return profile.routes[candidates.find(({ outcome }) => outcome === 'wins')?.rule ?? -1];
}

/** As the proxy counts them: by destination, route, status and classification. */
async function responses(proxy: ProxyProcess): Promise<Record<string, number>> {
  const counted = (await proxy.samples('route_response_total')).filter(({ labels, value }) => labels['direction'] === 'outbound' && value > 0);
  return Object.fromEntries(
    counted.map(({ labels, value }) => [`${labels['dst']} ${labels['rt_route'] ?? ''} ${labels['status_code']} ${labels['classification']}`, value]),
  );
}
