import {
  createWatch,
  defaultMetadata,
  type InboundClient,
  manualClock,
  memoryBuckets,
  type PolicyPort,
  reason,
  type ServerPolicy,
  seeded,
  valueOf,
} from '@weft/core';
import type { RequestHead } from '@weft/http';
import { expect, test } from 'vitest';
import { inboundPolicies } from './policies.ts';

const ANY = [
  { metadata: defaultMetadata('all'), networks: [{ net: { ip: '0.0.0.0', prefix: 0 }, except: [] }], authentication: { kind: 'unauthenticated' } },
] as const;
const CLIENT: InboundClient = { ip: '10.0.0.1', tls: { kind: 'none' } };
const open: ServerPolicy = { metadata: defaultMetadata('open'), protocol: { kind: 'detect', timeoutMs: 1, routes: [], authorizations: ANY } };
const GET: RequestHead = { method: 'GET', version: '1.1', form: 'origin', path: '/', scheme: undefined, authority: 'x', headers: [], upgrade: false };

function setup(ports: number[] = []) {
  const clock = manualClock();
  const source = createWatch<ServerPolicy>();
  source.set(open);
  const policy = { inbound: () => source.watch } as unknown as PolicyPort;
  const options = { policy, ports, idleMs: 90_000, clock, buckets: memoryBuckets({ clock }), random: seeded(1) };
  return { clock, source, policies: inboundPolicies(options) };
}

test('watches a port while it is used and for the idle time after', () => {
  const { clock, source, policies } = setup();
  const release = policies.watch(80).subscribe(() => undefined);
  expect(source.references).toBe(1);
  expect(policies.watch(80)).toBe(policies.watch(80));
  release();
  clock.advance(89_999);
  expect(source.references).toBe(1);
  clock.advance(1);
  expect(source.references).toBe(0);
});

test('watches the ports it is told to from the start until it is closed', () => {
  const { clock, source, policies } = setup([80]);
  clock.advance(1_000_000);
  expect(source.references).toBe(1);
  policies.close();
  clock.advance(90_000);
  expect(source.references).toBe(0);
});

test('a scan of all ports leaves a bounded number of watches, and takes none from those in use', () => {
  const { source, policies } = setup([80]);
  const used = policies.watch(81).subscribe(() => undefined);
  for (let port = 1_000; port < 6_000; port++) policies.watch(port).subscribe(() => undefined)();
  expect(source.references).toBe(1_024);
  policies.close();
  used();
  for (let port = 1_000; port < 3_000; port++) policies.watch(port).subscribe(() => undefined)();
  expect(source.references).toBe(1_024);
});

test('admits nobody where the source gives nothing usable', () => {
  const { source, policies } = setup([80]);
  const plan = () => valueOf(policies.watch(80));
  expect(plan()?.tcp.authorize(CLIENT).kind).toBe('allowed');
  source.reject(reason('POLICY_INVALID'));
  expect(plan()?.tcp.authorize(CLIENT).kind).toBe('denied');
  expect(plan()?.select(GET)?.rule.authorizer.authorize(CLIENT).kind).toBe('denied');
});

test('serves nothing of a policy with a match that it does not understand', () => {
  const { source, policies } = setup([80]);
  const rule = (path: string, kind: 'exact' | 'regex') => ({
    matches: [{ headers: [], query: [], path: kind === 'exact' ? { kind, value: path } : { kind, regex: path } }],
    filters: [],
  });
  const route = { metadata: defaultMetadata('r'), hosts: [], authorizations: ANY };
  source.set({
    ...open,
    protocol: { ...open.protocol, routes: [{ ...route, rules: [rule('/', 'exact'), rule('/admin(', 'regex')] }] } as ServerPolicy['protocol'],
  });
  expect(valueOf(policies.watch(80))?.select(GET)?.rule.invalid).toMatchObject({
    code: 'POLICY_INVALID',
    detail: expect.stringMatching(/^the pattern "\/admin\(".*; route default\/r of default\/open$/),
  });
});

test('fails requests after authorization where a filter is not known', () => {
  const { source, policies } = setup([80]);
  const route = { metadata: defaultMetadata('r'), hosts: [], authorizations: ANY, rules: [{ matches: [], filters: [{ kind: 'unknown' }] }] };
  source.set({ ...open, protocol: { ...open.protocol, routes: [route] } as ServerPolicy['protocol'] });
  const rule = valueOf(policies.watch(80))?.select(GET)?.rule;
  expect(rule?.authorizer.authorize(CLIENT).kind).toBe('allowed');
  expect(rule?.invalid).toMatchObject({ code: 'POLICY_INVALID', detail: 'filter unknown is not supported on requests; route default/r of default/open' });
});
