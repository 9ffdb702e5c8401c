import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { createRegistry, type ManualClock, manualClock, memoryLogger, type Reason, seeded, valueOf } from '@weft/core';
import { RpcCode, type ScriptedChannel, scriptedChannel, type X509SVID } from '@weft/wire';
import { beforeAll, expect, test } from 'vitest';
import { issuerFiles, keyPem, RSA } from '../../../test/requests.ts';
import { type Authority, loadAuthority } from '../../authority/authority.ts';
import { createAuthority } from '../../authority/create-authority.ts';
import { createKeyAndRequest } from '../../authority/key-and-request.ts';
import type { IdentityClient } from '../identity-client.ts';
import { type SpiffeClientOptions, spiffeClient } from './spiffe-client.ts';

const ID = 'spiffe://root.linkerd.cluster.local/vm/a';
const OTHER = 'spiffe://root.linkerd.cluster.local/vm/b';
let files: Awaited<ReturnType<typeof issuerFiles>>;
let authority: Authority;

beforeAll(async () => {
  files = await issuerFiles();
  authority = await loadAuthority({ issuer: { ...files, key: await keyPem(files.key) } });
});

async function svid(id: string, by: Authority = authority): Promise<X509SVID & { readonly expiresAt: number }> {
  const { key, request } = await createKeyAndRequest(id);
  const { leaf, intermediates, expiresAt } = await by.issue(request, id);
  return { spiffeId: id, x509Svid: Buffer.concat([leaf, ...intermediates]), x509SvidKey: key, bundle: by.anchors[0] ?? Buffer.of(), expiresAt };
}

interface Bench extends Disposable {
  readonly agent: ScriptedChannel;
  readonly clock: ManualClock;
  readonly client: IdentityClient;
  readonly log: ReturnType<typeof memoryLogger>;
  /** Sends one message of the running stream and waits until it was looked at. */
  send(...svids: readonly X509SVID[]): Promise<void>;
  metric(line: string): boolean;
  readonly failure: Reason | undefined;
}

function bench(options: Partial<SpiffeClientOptions> = {}): Bench {
  const agent = scriptedChannel();
  const clock = manualClock({ wall: Date.now() });
  const log = memoryLogger();
  const metrics = createRegistry();
  const client = spiffeClient({
    agent,
    id: ID,
    serverName: 'vm-a',
    anchors: authority.anchors,
    backoff: { minMs: 100, maxMs: 400, jitter: 0 },
    clock,
    random: seeded(1),
    logger: log,
    metrics,
    ...options,
  });
  return {
    agent,
    clock,
    client,
    log,
    async send(...svids) {
      const before = log.records.length;
      agent.last.send({ svids });
      while (log.records.length === before) await new Promise((resolve) => setImmediate(resolve));
    },
    metric: (line) => metrics.render().split('\n').includes(line),
    get failure() {
      return log.records.at(-1)?.fields['reason'] as Reason | undefined;
    },
    [Symbol.dispose]: () => client.close(),
  };
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};

test('takes the identity with its id out of all that the agent offers, with its key, chain and expiry', async () => {
  using on = bench();
  expect([on.client.name, on.client.serverName, on.client.credentials.state.kind]).toEqual([ID, 'vm-a', 'pending']);
  const [own, other] = await Promise.all([svid(ID), svid(OTHER)]);
  await on.send(other, own);
  const credentials = valueOf(on.client.credentials);
  expect(on.agent.last.path).toBe('/SpiffeWorkloadAPI/FetchX509SVID');
  expect(credentials).toMatchObject({ identity: ID, serverName: 'vm-a', expiresAt: own.expiresAt, anchors: authority.anchors });
  expect(Buffer.concat(credentials?.chain ?? []).equals(Buffer.from(own.x509Svid ?? []))).toBe(true);
  expect(credentials?.chain).toHaveLength(2);
  expect(Buffer.from(credentials?.key ?? []).equals(Buffer.from(own.x509SvidKey ?? []))).toBe(true);
  expect(on.metric('control_identity_cert_refreshes_total{result="ok"} 1')).toBe(true);
  expect(on.metric(`control_identity_cert_expiration_timestamp_seconds ${own.expiresAt / 1000}`)).toBe(true);
});

test('takes each new certificate of the stream, and keeps the last one when a message is of no use', async () => {
  using on = bench();
  await on.send(await svid(ID));
  const first = valueOf(on.client.credentials);
  await on.send(await svid(ID));
  const second = valueOf(on.client.credentials);
  expect(second?.chain[0]).not.toEqual(first?.chain[0]);
  await on.send(await svid(OTHER));
  expect(on.failure).toEqual({ code: 'CERTIFY_FAILED', detail: `${ID} is not among the identities of this workload (${OTHER})` });
  await on.send();
  expect(on.failure?.detail).toContain('(it has none)');
  expect(valueOf(on.client.credentials)).toBe(second);
  expect(on.metric('control_identity_cert_refreshes_total{result="error"} 2')).toBe(true);
});

/** What no authority of ours issues. */
async function twoUris(): Promise<X509SVID> {
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const issuer = new x509.X509Certificate(files.certificates);
  const certificate = await x509.X509CertificateGenerator.create({
    issuer: issuer.subjectName,
    signingKey: files.key,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    publicKey: keys.publicKey,
    notAfter: new Date(Date.now() + 60_000),
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        { type: 'url', value: ID },
        { type: 'url', value: OTHER },
      ]),
    ],
  });
  const x509Svid = Buffer.concat([new Uint8Array(certificate.rawData), new Uint8Array(issuer.rawData)]);
  return { spiffeId: ID, x509Svid, x509SvidKey: new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)) };
}

test.each<[string, () => Promise<X509SVID>, RegExp]>([
  ['is of another id than the agent says', async () => ({ ...(await svid(OTHER)), spiffeId: ID }), /does not carry the name spiffe:/],
  ['carries the id as a DNS name', async () => ({ ...(await svid('vm.a')), spiffeId: ID }), /does not carry the name/],
  ['has two ids', twoUris, /does not carry the name/],
  ['is of an authority that only the bundle of the answer vouches for', async () => svid(ID, await createAuthority({ trustDomain: 'td' })), /no issuer of/],
  ['is for another key', async () => ({ ...(await svid(ID)), x509SvidKey: (await createKeyAndRequest(ID)).key }), /for another key/],
  ['comes without a key', async () => ({ ...(await svid(ID)), x509SvidKey: undefined }), /key cannot be read/],
  ['comes with a key that cannot sign handshakes', async () => ({ ...(await svid(ID)), x509SvidKey: await rsaKey() }), /key of type rsa/],
  ['is followed by something else', async () => ({ ...(await svid(ID)), x509Svid: Buffer.from([0x30, 0x03, 1, 1, 1, 9]) }), /not a chain of certificates/],
  ['is missing', async () => ({ spiffeId: ID }), /not a chain of certificates/],
  ['is no certificate', async () => ({ ...(await svid(ID)), x509Svid: Buffer.from([0x30, 0x03, 1, 1, 1]) }), /certificate cannot be read/],
])('refuses a certificate that %s', async (_, make, why) => {
  using on = bench();
  await on.send(await make());
  expect(on.failure?.code).toBe('CERTIFICATE_UNUSABLE');
  expect(on.failure?.detail).toMatch(why);
  expect(on.client.credentials.state.kind).toBe('pending');
});

test('refuses a certificate that has expired', async () => {
  using on = bench();
  const own = await svid(ID);
  on.clock.advance(own.expiresAt - on.clock.wall() + 1);
  await on.send(own);
  expect(on.failure?.detail).toMatch(/was valid until/);
});

test('subscribes again after the stream ends, at the pace of the backoff, and keeps its credentials', async () => {
  using on = bench();
  await on.send(await svid(ID));
  const credentials = valueOf(on.client.credentials);
  const calls = (): number => on.agent.calls.length;
  on.agent.last.end(RpcCode.OK);
  for (const [wait, code] of [
    [100, RpcCode.UNAVAILABLE],
    [200, RpcCode.PERMISSION_DENIED],
    [400, RpcCode.UNAVAILABLE],
    [400, RpcCode.OK],
  ] as const) {
    const before = calls();
    await until(() => on.clock.pending === 1);
    on.clock.advance(wait - 1);
    expect(calls()).toBe(before);
    on.clock.advance(1);
    await until(() => calls() === before + 1);
    on.agent.last.end(code);
  }
  expect(valueOf(on.client.credentials)).toBe(credentials);
  await until(() => on.clock.pending === 1);
  expect(on.log.records.filter(({ message }) => message.endsWith('is away')).map(({ level }) => level)).toEqual(['warn', 'debug', 'debug', 'debug', 'debug']);
  on.clock.advance(400);
  await until(() => calls() === 6);
  await on.send(await svid(ID));
  expect(valueOf(on.client.credentials)).not.toBe(credentials);
});

test('stops when closed, with the credentials left as they are', async () => {
  using on = bench();
  await on.send(await svid(ID));
  on.client.close();
  on.client.close();
  await until(() => on.agent.last.cancelled);
  expect([on.agent.closed, on.clock.pending, valueOf(on.client.credentials)?.identity]).toEqual([true, 0, ID]);
});

async function rsaKey(): Promise<Uint8Array> {
  const keys = (await webcrypto.subtle.generateKey(RSA as unknown as webcrypto.RsaHashedKeyGenParams, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  return new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
}
