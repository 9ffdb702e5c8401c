import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Credentials, createRegistry, type ManualClock, manualClock, memoryLogger, type Reason, settled, valueOf } from '@weft/core';
import { type CertifyResponse, type RpcChannel, timestampToWire } from '@weft/wire';
import { describe, expect, test } from 'vitest';
import { type IdentityServer, identityServer } from '../../test/identity-server.ts';
import { type CreatedAuthority, createAuthority } from '../authority/create-authority.ts';
import { createKeyAndRequest } from '../authority/key-and-request.ts';
import { chainProblem } from '../certificate/verify-chain.ts';
import { type IdentityClient, type IdentityClientOptions, identityClient } from './identity-client.ts';
import { refreshDelayMs } from './refresh-delay.ts';

const WEB = 'web.emojivoto.serviceaccount.identity.linkerd.cluster.local';
const HOUR_MS = 3_600_000;

interface Bench extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly authority: CreatedAuthority;
  readonly server: IdentityServer;
  readonly dir: string;
  readonly tokenFile: string;
  start(options?: Partial<IdentityClientOptions>): IdentityClient;
}

async function bench(): Promise<Bench> {
  const clock = manualClock({ wall: Math.floor(Date.now() / 1000) * 1000 });
  const authority = await createAuthority({ trustDomain: 'cluster.local', clock, backdate: true, skewMs: 0, lifetimeMs: 10 * HOUR_MS });
  const server = await identityServer(authority);
  const dir = await mkdtemp(join(tmpdir(), 'weft-identity-'));
  const tokenFile = join(dir, 'token');
  await writeFile(tokenFile, 'emojivoto/web');
  const clients: IdentityClient[] = [];
  return {
    clock,
    authority,
    server,
    dir,
    tokenFile,
    start(options) {
      const client = identityClient({ channel: server.channel(), localName: WEB, tokenFile, anchors: authority.anchors, clock, ...options });
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.close();
      await server[Symbol.asyncDispose]();
      await rm(dir, { recursive: true });
    },
  };
}

/** Resolves once the client waits for its next refresh. */
async function idle(clock: ManualClock, log: { readonly records: readonly unknown[] }, records: number): Promise<void> {
  while (log.records.length < records || clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
}

describe('identityClient', () => {
  test('certifies with a key of its own, which it leaves in the directory', async () => {
    await using on = await bench();
    const dir = join(on.dir, 'end-entity');
    const client = on.start({ dir });
    expect([client.name, client.serverName, client.credentials.state.kind]).toEqual([WEB, WEB, 'pending']);
    await settled(client.credentials);
    const credentials = valueOf(client.credentials);
    expect(credentials).toMatchObject({ identity: WEB, serverName: WEB, expiresAt: on.clock.wall() + 10 * HOUR_MS });
    const [leaf = new Uint8Array(), ...intermediates] = credentials?.chain ?? [];
    expect(chainProblem({ leaf, intermediates, anchors: on.authority.anchors, at: Date.now() })).toBeUndefined();
    expect(Buffer.from(credentials?.key ?? []).equals(await readFile(join(dir, 'key.p8')))).toBe(true);
    for (const name of ['key.p8', 'csr.der']) expect((await stat(join(dir, name))).mode & 0o777).toBe(0o600);
  });

  test('uses the key and the request that it finds', async () => {
    await using on = await bench();
    const { key, request } = await createKeyAndRequest(WEB);
    await writeFile(join(on.dir, 'key.p8'), key);
    await writeFile(join(on.dir, 'csr.der'), request);
    const client = on.start({ dir: on.dir });
    await settled(client.credentials);
    expect(Buffer.from(valueOf(client.credentials)?.key ?? []).equals(key)).toBe(true);
    expect(Buffer.from(request).equals(await readFile(join(on.dir, 'csr.der')))).toBe(true);
  });

  test('gives the port being built to whoever makes the channel', async () => {
    await using on = await bench();
    const client = on.start({
      channel: (identity) => {
        expect([identity.name, identity.anchors, identity.credentials.state.kind]).toEqual([WEB, on.authority.anchors, 'pending']);
        return on.server.channel();
      },
    });
    await settled(client.credentials);
  });

  test('renews after seven tenths of the remaining time with the same key', async () => {
    await using on = await bench();
    const logger = memoryLogger();
    const client = on.start({ logger, metrics: on.server.metrics });
    await idle(on.clock, logger, 1);
    const first = valueOf(client.credentials);
    on.clock.advance(7 * HOUR_MS - 1);
    expect(on.clock.pending).toBe(1);
    on.clock.advance(1);
    await idle(on.clock, logger, 2);
    const second = valueOf(client.credentials);
    expect(second?.expiresAt).toBe((first?.expiresAt ?? 0) + 7 * HOUR_MS);
    expect(second?.key).toBe(first?.key);
    const text = on.server.metrics.render();
    expect(text).toContain('control_identity_cert_refreshes_total{result="ok"} 2');
    expect(text).toContain(`control_identity_cert_expiration_timestamp_seconds ${(second?.expiresAt ?? 0) / 1000}`);
    expect(text).toContain(`control_identity_cert_refresh_timestamp_seconds ${on.clock.wall() / 1000}`);
  });

  test('tries again every ten seconds until there is a first certificate', async () => {
    await using on = await bench();
    const logger = memoryLogger();
    on.server.authority = undefined;
    const client = on.start({ logger, metrics: on.server.metrics });
    await idle(on.clock, logger, 1);
    on.clock.advance(9_999);
    expect(logger.records).toHaveLength(1);
    on.server.authority = on.authority;
    on.clock.advance(1);
    await settled(client.credentials);
    expect(on.server.metrics.render()).toContain('control_identity_cert_refreshes_total{result="error"} 1');
    expect(logger.records[0]).toMatchObject({ level: 'warn', fields: { reason: { code: 'CERTIFY_FAILED', detail: 'cert issuer not ready yet' } } });
  });

  test('keeps the old certificate when renewal fails, and tries again at the pace of what is left', async () => {
    await using on = await bench();
    const logger = memoryLogger();
    const client = on.start({ logger });
    await idle(on.clock, logger, 1);
    const first = valueOf(client.credentials);
    on.server.authority = undefined;
    on.clock.advance(7 * HOUR_MS);
    await idle(on.clock, logger, 2);
    expect(valueOf(client.credentials)).toBe(first);
    // Three hours are left: the next attempt comes after 2.1 of them.
    on.clock.advance(2.1 * HOUR_MS - 1);
    expect(logger.records).toHaveLength(2);
    on.server.authority = on.authority;
    on.clock.advance(2);
    await idle(on.clock, logger, 3);
    expect(valueOf(client.credentials)?.expiresAt).toBeGreaterThan(first?.expiresAt ?? 0);
  });

  test('reads the token again for each request', async () => {
    await using on = await bench();
    const logger = memoryLogger();
    await rm(on.tokenFile);
    const client = on.start({ logger });
    await idle(on.clock, logger, 1);
    expect(logger.records[0]?.fields).toMatchObject({ reason: { code: 'CERTIFY_FAILED' } });
    await writeFile(on.tokenFile, 'emojivoto/web');
    on.clock.advance(10_000);
    await settled(client.credentials);
  });

  test('stops when closed', async () => {
    await using on = await bench();
    const logger = memoryLogger();
    const client = on.start({ logger });
    await idle(on.clock, logger, 1);
    client.close();
    client.close();
    expect(on.clock.pending).toBe(0);
    on.clock.advance(100 * HOUR_MS);
    expect([on.server.issued.length, valueOf(client.credentials)?.identity]).toEqual([1, WEB]);
  });
});

describe('an answer is not put to use', () => {
  /** A channel whose service answers what the test makes of the honest answer. */
  async function refused(change: (honest: CertifyResponse, on: Bench) => CertifyResponse | Promise<CertifyResponse>): Promise<unknown> {
    await using on = await bench();
    const honest = on.server.channel();
    const channel: RpcChannel = {
      unary: async (method, request, options) => {
        const answer = await honest.unary(method, request, options);
        return (await change(answer as CertifyResponse, on)) as typeof answer;
      },
      serverStream: honest.serverStream,
      close: () => honest.close(),
    };
    const logger = memoryLogger();
    const client = on.start({ channel, logger });
    await idle(on.clock, logger, 1);
    expect(client.credentials.state.kind).toBe('pending');
    const failure = logger.records[0]?.fields['reason'] as Reason | undefined;
    return `${failure?.code}: ${failure?.detail}`;
  }

  test('when it does not say until when it is valid, or is no longer', async () => {
    expect(await refused((answer) => ({ ...answer, validUntil: undefined }))).toBe('CERTIFICATE_UNUSABLE: it does not say until when it is valid');
    expect(await refused((answer) => ({ ...answer, validUntil: timestampToWire(1e17) }))).toContain('cannot be read');
    expect(await refused((answer, on) => ({ ...answer, validUntil: timestampToWire(on.clock.wall()) }))).toMatch(/^CERTIFICATE_UNUSABLE: it was valid until/);
  });

  test('when it does not chain to the own anchors', async () => {
    const foreign = await createAuthority({ trustDomain: 'cluster.local' });
    const { request } = await createKeyAndRequest(WEB);
    const { leaf, intermediates } = await foreign.issue(request, WEB);
    const text = await refused((answer) => ({ ...answer, leafCertificate: leaf, intermediateCertificates: intermediates }));
    expect(text).toMatch(/^CERTIFICATE_UNUSABLE: no issuer of/);
  });

  test('when it is missing or garbage', async () => {
    expect(await refused((answer) => ({ ...answer, leafCertificate: new Uint8Array([1, 2, 3]) }))).toContain('a certificate cannot be read');
    expect(await refused((answer) => ({ ...answer, leafCertificate: undefined }))).toContain('a certificate cannot be read');
  });

  test('when it carries another name', async () => {
    const other = WEB.replace('web', 'vote');
    const text = await refused(async (answer, on) => {
      const { leaf } = await on.authority.issue((await createKeyAndRequest(other)).request, other);
      return { ...answer, leafCertificate: leaf };
    });
    expect(text).toBe(`CERTIFICATE_UNUSABLE: it does not carry the name ${WEB}`);
  });

  test('when it is for another key', async () => {
    const text = await refused(async (answer, on) => {
      const { leaf } = await on.authority.issue((await createKeyAndRequest(WEB)).request, WEB);
      return { ...answer, leafCertificate: leaf };
    });
    expect(text).toBe('CERTIFICATE_UNUSABLE: it is for another key');
  });
});

test('the delay to the next refresh stays within its bounds', () => {
  const bounds = { minRefreshMs: 10_000, maxRefreshMs: 24 * HOUR_MS };
  expect(refreshDelayMs(0, Date.now(), bounds)).toBe(10_000);
  expect(refreshDelayMs(20_000, 10_000, bounds)).toBe(10_000);
  expect(refreshDelayMs(110_000, 10_000, bounds)).toBe(70_000);
  expect(refreshDelayMs(100 * HOUR_MS, 0, bounds)).toBe(24 * HOUR_MS);
});

test('metrics exist without a registry', async () => {
  await using on = await bench();
  const client = on.start({ metrics: createRegistry() });
  const credentials: Credentials | undefined = await settled(client.credentials).then(() => valueOf(client.credentials));
  expect(credentials?.anchors).toBe(on.authority.anchors);
});
