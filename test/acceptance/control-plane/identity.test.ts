// The Certify service as a process: issuer from files, tokens of the embedded API server. spec/control-plane.md §3.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { type Clock, systemClock } from '@weft/core';
import { type CreatedAuthority, chainProblem, createAuthority, createKeyAndRequest } from '@weft/identity/authority';
import { eventKind, serviceAccountKind } from '@weft/kube';
import { RpcCode, timestampFromWire } from '@weft/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCluster, type TestCluster } from './cluster.ts';
import { type Controller, isForeign, startController, stopControllers } from './controller.ts';
import { type Asked, AUDIENCE, certify, csrOf, identityFlags, mount, roots, tlsSecret, type Workload, workload } from './identity-scene.ts';
import { refusalOf } from './stream.ts';

const HOUR_MS = 3_600_000;

/** The API server's own clock; its wall time can be set forward. */
const system = systemClock();
let aheadMs = 0;
const clock: Clock = { ...system, wall: () => system.wall() + aheadMs };

let cluster: TestCluster;
let authority: CreatedAuthority;
let identity: Controller;
let args: readonly string[];

beforeAll(async () => {
  cluster = await startCluster({ clock });
  authority = await createAuthority({ trustDomain: 'cluster.local' });
  const mounts = { issuer: mount(cluster, tlsSecret(authority)), roots: mount(cluster, roots(authority)) };
  args = identityFlags({ kubeconfig: cluster.kubeconfig, ...mounts });
  identity = await startController('identity', args);
});

afterAll(async () => {
  await stopControllers();
  await cluster?.[Symbol.asyncDispose]();
});

const signed = (): Promise<number> => identity.metric('grpc_server_handled_total', { grpc_method: 'Certify', grpc_code: 'OK' });

test('a workload with its token gets a certificate for its identity that chains to the anchors', async () => {
  const web = await workload(cluster);
  const { key, request } = await createKeyAndRequest(web.identity);
  const before = Date.now();
  const answer = await certify(identity.channel(), { identity: web.identity, token: await web.token(), csr: request });
  const { leafCertificate = new Uint8Array(), intermediateCertificates = [] } = answer;
  expect(chainProblem({ leaf: leafCertificate, intermediates: intermediateCertificates, anchors: authority.anchors, at: Date.now() })).toBeUndefined();
  const leaf = new X509Certificate(leafCertificate);
  expect([leaf.subjectAltName, leaf.subject, leaf.ca]).toEqual([`DNS:${web.identity}`, `CN=${web.identity}`, false]);
  expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  expect(leaf.checkPrivateKey(createPrivateKey({ key: Buffer.from(key), format: 'der', type: 'pkcs8' }))).toBe(true);
  // One hour, and the allowance for clocks at both ends; certificates count whole seconds.
  const validUntil = timestampFromWire(answer.validUntil, 'valid_until');
  expect(validUntil).toBe(Date.parse(leaf.validTo));
  expect(validUntil - before).toBeGreaterThan(HOUR_MS + 19_000);
  expect(validUntil - before).toBeLessThan(HOUR_MS + 60_000);
  expect(before - Date.parse(leaf.validFrom)).toBeGreaterThan(18_000);
});

test('an event tells of the certificate', async () => {
  const web = await workload(cluster);
  const { request } = await createKeyAndRequest(web.identity);
  await certify(identity.channel(), { identity: web.identity, token: await web.token(), csr: request });
  const events = async () => (await cluster.client.list(eventKind, { namespace: web.namespace })).items;
  await expect.poll(events).toContainEqual(
    expect.objectContaining({
      reason: 'IssuedLeafCertificate',
      type: 'Normal',
      involvedObject: expect.objectContaining({ kind: 'ServiceAccount', name: 'web' }),
      message: expect.stringContaining(web.identity),
    }),
  );
});

interface Refused {
  readonly code: number;
  readonly why: RegExp;
  readonly request: (web: Workload) => Promise<Asked>;
}

const REFUSED: Readonly<Record<string, Refused>> = {
  'the token of another service account': {
    code: RpcCode.FAILED_PRECONDITION,
    why: /other/,
    request: async ({ identity: own }) => ({ identity: own, token: await (await workload(cluster, 'other')).token(), csr: await csrOf(own) }),
  },
  'a request that names another identity': {
    code: RpcCode.FAILED_PRECONDITION,
    why: /admin\.linkerd|identity|CN|DNS/,
    request: async ({ identity: own, token }) => ({ identity: own, token: await token(), csr: await csrOf(own.replace('web.', 'admin.')) }),
  },
  'a token of another audience': {
    code: RpcCode.INVALID_ARGUMENT,
    why: /audience/,
    request: async ({ identity: own, token }) => ({ identity: own, token: await token(['vault.example']), csr: await csrOf(own) }),
  },
  'a token of nobody': {
    code: RpcCode.INVALID_ARGUMENT,
    why: /./,
    request: async ({ identity: own }) => ({ identity: own, token: 'not a token', csr: await csrOf(own) }),
  },
  'a token that somebody changed': {
    code: RpcCode.INVALID_ARGUMENT,
    why: /signature|token/,
    request: async ({ identity: own, token }) => ({ identity: own, token: `${(await token()).slice(0, -6)}AAAAAA`, csr: await csrOf(own) }),
  },
  'no token': {
    code: RpcCode.INVALID_ARGUMENT,
    why: /token/,
    request: async ({ identity: own }) => ({ identity: own, token: '', csr: await csrOf(own) }),
  },
  'no identity': {
    code: RpcCode.INVALID_ARGUMENT,
    why: /identity/,
    request: async ({ identity: own, token }) => ({ identity: '', token: await token(), csr: await csrOf(own) }),
  },
  'no signing request': {
    code: RpcCode.INVALID_ARGUMENT,
    why: /sign|csr/i,
    request: async ({ identity: own, token }) => ({ identity: own, token: await token(), csr: new Uint8Array() }),
  },
  'a signing request in PEM': {
    code: RpcCode.INVALID_ARGUMENT,
    why: /./,
    request: async ({ identity: own, token }) => ({ identity: own, token: await token(), csr: Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\n') }),
  },
};

test.each(Object.keys(REFUSED))('%s is refused with the reason, and nothing is signed', async (name) => {
  const refused = REFUSED[name];
  if (!refused) throw new TypeError(name);
  const request = await refused.request(await workload(cluster));
  const before = await signed();
  const { code, message } = await refusalOf(certify(identity.channel(), request));
  expect(code).toBe(refused.code);
  expect(message).toMatch(refused.why);
  expect(await signed()).toBe(before);
  if (isForeign('identity')) return;
  expect(await identity.metric('weft_identity_certify_total', { outcome: 'issued' })).toBe(before);
  expect(identity.log).toContain('refused to certify');
});

test('a token that has expired is refused with the reason, and nothing is signed', async () => {
  const web = await workload(cluster);
  const token = await web.token([AUDIENCE], 600);
  const csr = await csrOf(web.identity);
  await certify(identity.channel(), { identity: web.identity, token, csr });
  const before = await signed();
  aheadMs = 601_000;
  try {
    const { code, message } = await refusalOf(certify(identity.channel(), { identity: web.identity, token, csr }));
    expect(code).toBe(RpcCode.INVALID_ARGUMENT);
    expect(message).toMatch(/expired/);
  } finally {
    aheadMs = 0;
  }
  expect(await signed()).toBe(before);
});

test('a token whose service account is gone is refused', async () => {
  const web = await workload(cluster);
  const token = await web.token();
  await cluster.client.delete(serviceAccountKind, { namespace: web.namespace, name: 'web' });
  const { code } = await refusalOf(certify(identity.channel(), { identity: web.identity, token, csr: await csrOf(web.identity) }));
  expect([RpcCode.INVALID_ARGUMENT, RpcCode.FAILED_PRECONDITION]).toContain(code);
});

test('says how long the issuer lasts', async () => {
  const seconds = await identity.metric('issuer_cert_ttl_seconds');
  expect(seconds).toBeGreaterThan(364 * 86_400);
  expect(seconds).toBeLessThan(366 * 86_400);
});

test('does nothing, successfully, where identity is disabled', async () => {
  await expect(
    startController(
      'identity',
      args.filter((arg) => !arg.startsWith('-identity-scheme')),
    ),
  ).rejects.toThrow(/disabled/);
});
