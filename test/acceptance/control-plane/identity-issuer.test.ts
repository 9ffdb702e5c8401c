// The issuer of the identity service: its files, its chain, its expiry, and what happens when it changes. spec/control-plane.md §3, §6 (46, 47).
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { type Clock, systemClock } from '@weft/core';
import { type CreatedAuthority, chainProblem, createAuthority } from '@weft/identity/authority';
import { eventKind, type KubeEvent } from '@weft/kube';
import { RpcCode, RpcError, timestampFromWire } from '@weft/wire';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiFront } from './api-front.ts';
import { startCluster, type TestCluster } from './cluster.ts';
import { type Controller, isForeign, runController, startController, stopControllers } from './controller.ts';
import { certify, identityFlags, linkerdSecret, type Mount, mount, request, roots, tlsSecret, type Workload, workload } from './identity-scene.ts';
import { refusalOf } from './stream.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** File changes settle, and machines are busy. */
const SOON = { timeout: 15_000 };

const authority = (options: Partial<Parameters<typeof createAuthority>[0]> = {}): Promise<CreatedAuthority> =>
  createAuthority({ trustDomain: 'cluster.local', ...options });

/** For certificates that are not new. */
const ago = (ms: number): Clock => ({ ...systemClock(), wall: () => Date.now() - ms });

let cluster: TestCluster;
let web: Workload;

beforeAll(async () => {
  cluster = await startCluster();
  web = await workload(cluster);
});

afterAll(async () => {
  await stopControllers();
  await cluster?.[Symbol.asyncDispose]();
});

interface Scene extends AsyncDisposable {
  readonly identity: Controller;
  readonly issuer: Mount;
  readonly roots: Mount;
}

interface SceneOptions {
  readonly scheme?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly roots?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
}

async function scene(first: CreatedAuthority, options: SceneOptions = {}): Promise<Scene> {
  const issuer = mount(cluster, options.files ?? tlsSecret(first));
  const anchors = mount(cluster, options.roots ?? roots(first));
  const { scheme, flags = [] } = options;
  const args = [...identityFlags({ kubeconfig: cluster.kubeconfig, issuer, roots: anchors, ...(scheme !== undefined && { scheme }) }), ...flags];
  const identity = await startController('identity', args);
  return { identity, issuer, roots: anchors, [Symbol.asyncDispose]: () => identity[Symbol.asyncDispose]() };
}

interface Issued {
  readonly leaf: Uint8Array;
  readonly intermediates: readonly Uint8Array[];
  readonly validUntil: number;
}

async function issue({ identity }: Scene): Promise<Issued> {
  const channel = identity.channel();
  const answer = await certify(channel, await request(web));
  const { leafCertificate = new Uint8Array(), intermediateCertificates = [] } = answer;
  return { leaf: leafCertificate, intermediates: intermediateCertificates, validUntil: timestampFromWire(answer.validUntil) };
}

const serialOf = ({ leaf }: Issued): number => Number.parseInt(new X509Certificate(leaf).serialNumber, 16);
const signedBy = ({ leaf }: Issued, by: CreatedAuthority): boolean =>
  chainProblem({ leaf, intermediates: [], anchors: by.anchors, at: Date.now() }) === undefined;

/** Events of the service about itself, in order. */
async function events(reason: string): Promise<readonly KubeEvent[]> {
  const { items } = await cluster.client.list(eventKind, { namespace: 'linkerd' });
  return items.filter((event) => event.reason === reason);
}

describe('what is issued', () => {
  test.each([
    ['linkerd.io/tls', linkerdSecret],
    ['kubernetes.io/tls', tlsSecret],
    ['anything.example/else', tlsSecret],
  ] as const)('comes from the files of the scheme %s', async (scheme, files) => {
    const first = await authority();
    await using on = await scene(first, { scheme, files: files(first) });
    expect(signedBy(await issue(on), first)).toBe(true);
  });

  test('is numbered from one for each issuer that is loaded', async () => {
    const [first, second] = await Promise.all([authority(), authority()]);
    await using on = await scene(first, { roots: roots(first, second) });
    expect([serialOf(await issue(on)), serialOf(await issue(on))]).toEqual([1, 2]);
    on.issuer.write(tlsSecret(second));
    await expect.poll(async () => signedBy(await issue(on), second), SOON).toBe(true);
    expect(serialOf(await issue(on))).toBe(2);
  });

  test('carries its chain from the issuer toward the root', async () => {
    const root = await authority();
    const middle = await authority({ parent: root });
    const first = await authority({ parent: middle });
    await using on = await scene(first);
    const { leaf, intermediates } = await issue(on);
    expect(intermediates).toHaveLength(2);
    const chain = [leaf, ...intermediates].map((der) => new X509Certificate(der));
    const links = chain.slice(1).map((issuer, n) => chain[n]?.checkIssued(issuer) === true && chain[n]?.verify(issuer.publicKey));
    expect(links).toEqual([true, true]);
    expect(chainProblem({ leaf, intermediates, anchors: root.anchors, at: Date.now() })).toBeUndefined();
  });

  test('never outlives the first certificate to expire in the chain of the issuer', async () => {
    const root = await authority();
    const middle = await authority({ parent: root, validityMs: HOUR_MS / 2 });
    const first = await authority({ parent: middle });
    await using on = await scene(first);
    const { leaf, validUntil } = await issue(on);
    expect(validUntil).toBe(middle.expiresAt);
    expect(Date.parse(new X509Certificate(leaf).validTo)).toBe(middle.expiresAt);
  });

  test('lasts a day, give or take the usual skew, where the durations cannot be read', async () => {
    const first = await authority();
    await using on = await scene(first, { flags: ['-identity-issuance-lifetime=soon', '-identity-clock-skew-allowance=20'] });
    const before = Date.now();
    const { leaf, validUntil } = await issue(on);
    expect(validUntil - before).toBeGreaterThan(DAY_MS + 8_000);
    expect(validUntil - before).toBeLessThan(DAY_MS + 60_000);
    expect(before - Date.parse(new X509Certificate(leaf).validFrom)).toBeGreaterThan(8_000);
    for (const value of ['soon', '20']) expect(on.identity.log).toMatch(new RegExp(`duration.*${value}`));
  });
});

describe('an issuer that has expired', () => {
  test('signs nothing: the error shows the times, an event tells the cluster, and the process stays up', async () => {
    const [first, root] = await Promise.all([authority(), authority()]);
    await using on = await scene(first, { roots: roots(first, root) });
    // It is good when it comes, and not for long.
    const brief = await authority({ parent: root, validityMs: 6_000, skewMs: 0 });
    on.issuer.write(tlsSecret(brief));
    const ask = async (): Promise<number> => {
      try {
        await issue(on);
        return RpcCode.OK;
      } catch (error) {
        return error instanceof RpcError ? error.code : -1;
      }
    };
    await expect.poll(ask, SOON).toBe(RpcCode.UNKNOWN);
    const before = await on.identity.metric('grpc_server_handled_total', { grpc_method: 'Certify', grpc_code: 'OK' });
    const { message } = await refusalOf(certify(on.identity.channel(), await request(web)));
    // When it was good until, and the time that it is: two dates at the least.
    expect(message).toMatch(/expired/);
    expect(message.match(/\d{4}-\d{2}-\d{2}/g)?.length).toBeGreaterThanOrEqual(2);
    expect(message).toContain(new Date(brief.expiresAt).toISOString().slice(0, 10));
    expect(await on.identity.metric('grpc_server_handled_total', { grpc_method: 'Certify', grpc_code: 'OK' })).toBe(before);
    await expect.poll(() => events('IssuerValidationFailed')).not.toEqual([]);
    expect(await events('IssuerValidationFailed')).toContainEqual(
      expect.objectContaining({ type: 'Warning', involvedObject: expect.objectContaining({ kind: 'Deployment', name: 'linkerd-identity' }) }),
    );
    expect(await on.identity.metric('issuer_cert_ttl_seconds')).toBeLessThan(0);
    expect(await on.identity.admin('/ready')).toEqual({ status: 200, body: 'ok\n' });
    on.issuer.write(tlsSecret(first));
    await expect.poll(ask, SOON).toBe(RpcCode.OK);
  });
});

describe('a change of the mounted files', () => {
  test('brings a new issuer into use without a restart; one that cannot be used leaves the former', async () => {
    const [first, next, stranger] = await Promise.all([authority(), authority(), authority()]);
    await using on = await scene(first, { roots: roots(first, next) });
    expect(signedBy(await issue(on), first)).toBe(true);
    on.issuer.write(tlsSecret(next));
    await expect.poll(async () => signedBy(await issue(on), next), SOON).toBe(true);
    await expect.poll(() => events('IssuerUpdated')).not.toEqual([]);
    const skipped = (await events('IssuerUpdateSkipped')).length;
    for (const [n, bad] of [tlsSecret(stranger), { ...tlsSecret(next), 'tls.key': first.issuer.key }, { ...tlsSecret(next), 'tls.crt': 'none' }].entries()) {
      on.issuer.write(bad);
      await expect.poll(async () => (await events('IssuerUpdateSkipped')).length, SOON).toBe(skipped + n + 1);
      expect(signedBy(await issue(on), next)).toBe(true);
    }
    const last = (await events('IssuerUpdateSkipped')).at(-1);
    expect(last).toMatchObject({ type: 'Warning', involvedObject: { kind: 'Deployment', name: 'linkerd-identity', namespace: 'linkerd' } });
    if (isForeign('identity')) return;
    expect(await on.identity.metric('weft_identity_reloads_total', { result: 'skipped' })).toBe(3);
    expect(await on.identity.metric('weft_identity_reloads_total', { result: 'updated' })).toBe(1);
    expect(on.identity.log.match(/the former one stays/g)).toHaveLength(3);
  });

  test('brings new trust anchors into use, and with them an issuer that they alone vouch for', async () => {
    if (isForeign('identity')) return;
    const [first, next] = await Promise.all([authority(), authority({ validityMs: 330 * DAY_MS, clock: ago(300 * DAY_MS) })]);
    await using on = await scene(first);
    on.issuer.write(tlsSecret(next));
    await expect.poll(() => on.identity.metric('weft_identity_reloads_total', { result: 'skipped' }), SOON).toBe(1);
    expect(signedBy(await issue(on), first)).toBe(true);
    on.roots.write(roots(first, next));
    await expect.poll(async () => signedBy(await issue(on), next), SOON).toBe(true);
    const seconds = await on.identity.metric('weft_identity_trust_anchor_ttl_seconds');
    expect(seconds).toBeGreaterThan(29 * 86_400);
    expect(seconds).toBeLessThan(31 * 86_400);
    expect(on.identity.log).toMatch(/a certificate expires soon.*trust anchor|trust anchor.*a certificate expires soon/);
  });
});

describe('at the start', () => {
  const started = async (first: CreatedAuthority, options: Omit<SceneOptions, 'flags'>): Promise<{ code: number | null; stderr: string }> => {
    const mounts = { issuer: mount(cluster, options.files ?? tlsSecret(first)), roots: mount(cluster, options.roots ?? roots(first)) };
    return runController('identity', [...identityFlags({ kubeconfig: cluster.kubeconfig, ...mounts }), '-addr=127.0.0.1:0', '-admin-addr=127.0.0.1:0']);
  };

  test.each<[string, (first: CreatedAuthority, other: CreatedAuthority) => Omit<SceneOptions, 'flags'>, RegExp]>([
    ['the trust anchors do not vouch for', (_, other) => ({ roots: roots(other) }), /trust anchors|unknown authority/],
    ['has the key of another', (first, other) => ({ files: { ...tlsSecret(first), 'tls.key': other.issuer.key } }), /key/],
    ['is missing', (first) => ({ files: { 'tls.crt': first.issuer.certificates } }), /tls\.key/],
    ['is under the names of another scheme', (first) => ({ files: linkerdSecret(first) }), /tls\.(crt|key)/],
    ['is not there for want of trust anchors', () => ({ roots: { 'ca-bundle.crt': '' } }), /trust anchors|roots|anchor/],
  ])('an issuer that %s ends the process with the reason', async (_, options, why) => {
    const [first, other] = await Promise.all([authority(), authority()]);
    const { code, stderr } = await started(first, options(first, other));
    expect(code).not.toBe(0);
    expect(stderr).toMatch(why);
  });

  test('an issuer that has expired ends the process', async () => {
    const first = await authority({ validityMs: DAY_MS, clock: ago(10 * DAY_MS) });
    const { code, stderr } = await started(first, {});
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/expired/);
  });

  test('a service that may not review tokens does not begin to serve', async () => {
    await using front = await apiFront(cluster);
    front.answer = ({ path, body }) =>
      path.endsWith('/selfsubjectaccessreviews') ? { code: 201, body: { ...(body as object), status: { allowed: false, reason: 'no such role' } } } : undefined;
    const first = await authority();
    const mounts = { issuer: mount(cluster, tlsSecret(first)), roots: mount(cluster, roots(first)) };
    const flags = [...identityFlags({ kubeconfig: front.kubeconfig, ...mounts }), '-addr=127.0.0.1:0', '-admin-addr=127.0.0.1:0'];
    const { code, stderr } = await runController('identity', flags);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/token ?reviews/);
    expect(front.askedOf('/selfsubjectaccessreviews')).toContainEqual(
      expect.objectContaining({
        spec: { resourceAttributes: expect.objectContaining({ group: 'authentication.k8s.io', resource: 'tokenreviews', verb: 'create' }) },
      }),
    );
  });

  test.skipIf(isForeign('identity'))('a directory that is not there is named', async () => {
    const first = await authority();
    const mounts = { issuer: mount(cluster, tlsSecret(first)), roots: mount(cluster, roots(first)) };
    const flags = identityFlags({ kubeconfig: cluster.kubeconfig, ...mounts });
    const { code, stderr } = await runController('identity', [
      ...flags,
      `-issuer=${join(cluster.dir, 'nowhere')}`,
      '-addr=127.0.0.1:0',
      '-admin-addr=127.0.0.1:0',
    ]);
    expect(code).not.toBe(0);
    expect(stderr).toContain(join(cluster.dir, 'nowhere'));
  });
});
