import { EventEmitter } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manualClock, memoryLogger, settled, valueOf } from '@weft/core';
import { eventKind, type KubeClient, type KubeEvent, serviceAccountKind } from '@weft/kube';
import { startApiServer } from '@weft/kube/server';
import { createShutdown, type MainWorld } from '@weft/process';
import { grpcChannel, identityService, RpcCode, RpcError } from '@weft/wire';
import { describe, expect, test } from 'vitest';
import { type CreatedAuthority, createAuthority } from '../authority/create-authority.ts';
import { createKeyAndRequest } from '../authority/key-and-request.ts';
import { identityClient } from '../client/identity-client.ts';
import { identityMain } from './identity-main.ts';
import { type RunningIdentity, startIdentity } from './start-identity.ts';

const WEB = 'web.emojivoto.serviceaccount.identity.linkerd.cluster.local';

async function issuerDir(
  authority: CreatedAuthority,
): Promise<AsyncDisposable & { readonly path: string; write(issuer: Partial<CreatedAuthority['issuer']>): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'weft-issuer-'));
  const write = async ({ certificates, key, anchors }: Partial<CreatedAuthority['issuer']>): Promise<void> => {
    if (certificates !== undefined) await writeFile(join(path, 'tls.crt'), certificates);
    if (key !== undefined) await writeFile(join(path, 'tls.key'), key);
    if (anchors !== undefined) await writeFile(join(path, 'ca-bundle.crt'), anchors);
  };
  await write(authority.issuer);
  return { path, write, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

interface Cluster extends AsyncDisposable {
  readonly api: KubeClient;
  readonly identity: RunningIdentity;
  readonly authority: CreatedAuthority;
  readonly dir: string;
  /** Lets virtual time of the API server pass: tokens expire by it. */
  advance(ms: number): void;
  token(audience: string): Promise<string>;
}

async function cluster(): Promise<Cluster> {
  const clock = manualClock({ wall: Date.now() });
  const server = await startApiServer({ namespaces: ['emojivoto', 'linkerd'], clock });
  const api = server.client();
  await api.create(serviceAccountKind, { metadata: { namespace: 'emojivoto', name: 'web' } });
  const authority = await createAuthority({ trustDomain: 'cluster.local' });
  const dir = await issuerDir(authority);
  const shutdown = createShutdown();
  const identity = await startIdentity({
    listen: { host: '127.0.0.1', port: 0 },
    adminListen: { host: '127.0.0.1', port: 0 },
    client: api,
    controlPlaneNamespace: 'linkerd',
    trustDomain: 'cluster.local',
    scheme: 'kubernetes.io/tls',
    issuerDir: dir.path,
    trustRoots: join(dir.path, 'ca-bundle.crt'),
    lifetimeMs: 3_600_000,
    skewMs: 10_000,
    shutdown,
    logger: memoryLogger(),
  });
  return {
    api,
    identity,
    authority,
    dir: dir.path,
    advance: (ms) => clock.advance(ms),
    token: async (audience) => (await api.tokenRequest({ namespace: 'emojivoto', name: 'web' }, { audiences: [audience], expirationSeconds: 3600 })).token,
    async [Symbol.asyncDispose]() {
      await shutdown.begin('test');
      await server.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

const text = async (identity: RunningIdentity, path: string): Promise<string> => (await fetch(`http://127.0.0.1:${identity.adminAddress.port}${path}`)).text();

describe('the identity process against an API server', () => {
  test('certifies a workload by its service account token, and tells the cluster', async () => {
    await using on = await cluster();
    const tokenFile = join(on.dir, 'token');
    await writeFile(tokenFile, await on.token('identity.l5d.io'));
    const client = identityClient({
      channel: grpcChannel({ target: `127.0.0.1:${on.identity.address?.port}` }),
      localName: WEB,
      dir: join(on.dir, 'end-entity'),
      tokenFile,
      anchors: on.authority.anchors,
    });
    await settled(client.credentials);
    client.close();
    expect(valueOf(client.credentials)?.identity).toBe(WEB);
    expect(await text(on.identity, '/ready')).toBe('ok\n');
    const metrics = await text(on.identity, '/metrics');
    expect(metrics).toContain('weft_identity_certify_total{outcome="issued",reason=""} 1');
    expect(Number(/^issuer_cert_ttl_seconds (.+)$/m.exec(metrics)?.[1])).toBeGreaterThan(364 * 86_400);
    expect(await eventOf(on.api, 'emojivoto')).toMatchObject({
      reason: 'IssuedLeafCertificate',
      type: 'Normal',
      involvedObject: { kind: 'ServiceAccount', name: 'web' },
    });
  });

  test.each<[string, string, (on: Cluster) => Promise<string>]>([
    ['of another audience', 'token audiences ["vault"] is invalid for the target audiences ["identity.l5d.io"]', (on) => on.token('vault')],
    [
      'that has expired',
      'the token was not accepted',
      async (on) => {
        const token = await on.token('identity.l5d.io');
        on.advance(3_601_000);
        return token;
      },
    ],
    ['that is none', 'the token was not accepted', () => Promise.resolve('x.y.z')],
  ])('refuses a token %s and signs nothing', async (_, why, makeToken) => {
    await using on = await cluster();
    const channel = grpcChannel({ target: `127.0.0.1:${on.identity.address?.port}` });
    const { request } = await createKeyAndRequest(WEB);
    const error: unknown = await channel
      .unary(identityService.Certify, { identity: WEB, token: Buffer.from(await makeToken(on)), certificateSigningRequest: request })
      .catch((cause: unknown) => cause);
    channel.close();
    if (!(error instanceof RpcError)) throw new Error('it was not refused');
    // The API server reports a reason, not just `authenticated: false`.
    expect(error.code).toBe(RpcCode.INVALID_ARGUMENT);
    expect(error.message).toContain(why);
    const metrics = await text(on.identity, '/metrics');
    expect(metrics).toContain('weft_identity_certify_total{outcome="refused",reason="TOKEN_INVALID"} 1');
    expect(metrics).toContain('weft_identity_certify_total{outcome="issued",reason=""} 0');
  });
});

test('a token for the API server itself is taken too, as Linkerd does', async () => {
  await using on = await cluster();
  const channel = grpcChannel({ target: `127.0.0.1:${on.identity.address?.port}` });
  const { request } = await createKeyAndRequest(WEB);
  const token = Buffer.from(await on.token('https://kubernetes.default.svc.cluster.local'));
  const answer = await channel.unary(identityService.Certify, { identity: WEB, token, certificateSigningRequest: request });
  channel.close();
  expect(answer.leafCertificate?.length).toBeGreaterThan(100);
});

describe('identityMain', () => {
  async function run(...argv: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
    const printed = { out: '', err: '' };
    const world: MainWorld = {
      argv,
      env: {},
      out: (part) => void (printed.out += part),
      err: (part) => void (printed.err += part),
      exit: () => undefined,
      signals: new EventEmitter(),
    };
    return { code: await identityMain(world), ...printed };
  }

  test('answers --help and --version', async () => {
    expect((await run('--help')).out).toContain('--identity-issuance-lifetime');
    expect((await run('-version')).out).toMatch(/^weft-identity \d/);
  });

  test('reports every bad flag at once with exit code 64', async () => {
    const { code, err } = await run('-identity-trust-domain=a_b', '-controller-namespace=A.b', '-log-level=loud');
    expect(code).toBe(64);
    for (const flag of ['-identity-trust-domain', '-controller-namespace', '-log-level']) expect(err).toContain(flag);
  });

  test('is disabled without scheme or trust domain', async () => {
    expect((await run('-log-level=error')).code).toBe(0);
    expect((await run('-log-level=error', '-identity-scheme=linkerd.io/tls')).code).toBe(0);
  });

  test('does not start without trust roots', async () => {
    const { code, err } = await run(
      '-log-level=error',
      '-identity-scheme=kubernetes.io/tls',
      '-identity-trust-domain=td',
      '-trust-roots=/nonexistent',
      '-kubeconfig=/nonexistent',
    );
    expect([code, err.match(/-(trust-roots|kubeconfig): .*\/nonexistent/g)?.length]).toEqual([64, 2]);
  });
});

/** The first event in a namespace; it is written after the answer. */
async function eventOf(api: KubeClient, namespace: string): Promise<KubeEvent | undefined> {
  for await (const change of api.watch(eventKind, { namespace })) if (change.type === 'ADDED') return change.object;
  return undefined;
}
