import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manualClock, memoryLogger } from '@weft/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { selfSigned } from '../../test/self-signed.ts';
import { readValues } from '../values/read-values.ts';
import { defaultValues } from '../values/values.ts';
import type { AdmissionObserver } from './admission.ts';
import { startWebhook, type WebhookServer } from './server.ts';

const values = defaultValues({ trustAnchorsPem: 'anchors', version: '1' });
const decided: Parameters<AdmissionObserver['decided']>[0][] = [];
const clock = manualClock();
const logger = memoryLogger();
const dir = mkdtempSync(join(tmpdir(), 'weft-injector-'));
const files = { certFile: join(dir, 'tls.crt'), keyFile: join(dir, 'tls.key') };
let server: WebhookServer;
let ca = '';

async function writePair(): Promise<string> {
  const pair = await selfSigned('webhook.test');
  writeFileSync(files.certFile, pair.cert);
  writeFileSync(files.keyFile, pair.key);
  return pair.cert;
}

beforeAll(async () => {
  ca = await writePair();
  server = await startWebhook({
    listen: { host: '127.0.0.1', port: 0 },
    ...files,
    clock,
    logger,
    observer: { decided: (event) => void decided.push(event) },
    lookups: {
      values: () => values,
      namespaceAnnotations: async (namespace): Promise<Record<string, string>> => {
        if (namespace === 'broken') throw new Error('the namespace cannot be read');
        return namespace === 'meshed' ? { 'linkerd.io/inject': 'enabled' } : {};
      },
      ownerOf: async () => ({ kind: 'deployment', name: 'web' }),
    },
  });
});

afterAll(async () => {
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

function post(body: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ port: server.port, host: '127.0.0.1', servername: 'webhook.test', ca, method: 'POST', agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    call.on('error', reject);
    call.end(body);
  });
}

const pod = { metadata: { generateName: 'web-' }, spec: { containers: [{ name: 'web', image: 'w' }] } };
const reviewOf = (namespace: string, kind = 'Pod', object: unknown = pod): string =>
  JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: { uid: 'u-1', kind: { kind }, namespace, object } });

test('answers a review of a pod with a base64 JSON Patch', async () => {
  const { status, body } = await post(reviewOf('meshed'));
  const review = JSON.parse(body) as {
    apiVersion: string;
    request: { uid: string };
    response: { uid: string; allowed: boolean; patchType: string; patch: string };
  };
  expect([status, review.apiVersion, review.request.uid, review.response.uid, review.response.allowed, review.response.patchType]).toEqual([
    200,
    'admission.k8s.io/v1',
    'u-1',
    'u-1',
    true,
    'JSONPatch',
  ]);
  const patch = JSON.parse(Buffer.from(review.response.patch, 'base64').toString()) as { path: string }[];
  expect(patch.map((operation) => operation.path)).toContain('/spec/initContainers/1');
  expect(decided.at(-1)).toMatchObject({ kind: 'deployment', owner: 'web', namespace: 'meshed', at: 'namespace', skipped: [] });
});

test('allows what it does not inject, without a patch, and says why', async () => {
  const { body } = await post(reviewOf('plain'));
  expect((JSON.parse(body) as { response: object }).response).toEqual({ uid: 'u-1', allowed: true });
  expect(decided.at(-1)?.skipped).toEqual(['injection_enable_annotation_absent']);
  expect(decided.at(-1)?.patched).toBe(false);
});

test('a failed look-up refuses the object with its message', async () => {
  const { status, body } = await post(reviewOf('broken'));
  expect([status, (JSON.parse(body) as { response: object }).response]).toEqual([
    200,
    { uid: 'u-1', allowed: false, status: { message: 'the namespace cannot be read' } },
  ]);
});

test.each([
  ['{', 400],
  ['{}', 400],
  ['', 200],
])('the body %j is answered with %i', async (body, status) => {
  expect((await post(body)).status).toBe(status);
});

test('a body beyond the limit is refused', async () => {
  const outcome = await post(`"${'x'.repeat(11 * 1024 * 1024)}"`).catch((error: NodeJS.ErrnoException) => ({ status: error.code }));
  expect([400, 'EPIPE', 'ECONNRESET']).toContain(outcome.status);
});

test('serves a new certificate when its files change, and keeps the old one while they cannot be read', async () => {
  writeFileSync(files.certFile, 'nonsense');
  clock.advance(10_000);
  expect((await post('')).status).toBe(200);
  expect(logger.records.at(-1)).toMatchObject({ level: 'warn', message: 'the serving certificate could not be reloaded; the old one stays' });
  const old = ca;
  ca = await writePair();
  clock.advance(10_000);
  expect((await post('')).status).toBe(200);
  ca = old;
  await expect(post('')).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
});

test('reads a values file over the defaults and names what is wrong', () => {
  const required = { trustAnchorsPem: 'x', version: '1' };
  expect(readValues('clusterDomain: mesh.test\nproxy: {image: {name: p, version: v2}, ports: {admin: 9}}\nunknown: 1', required)).toMatchObject({
    clusterDomain: 'mesh.test',
    trustDomain: 'mesh.test',
    proxy: { image: 'p', version: 'v2', adminPort: 9, inboundPort: 4143 },
  });
  expect(readValues('', required)).toEqual(defaultValues(required));
  expect(() => readValues('proxy: {uid: root}', required)).toThrow('proxy.uid: not a number');
});
