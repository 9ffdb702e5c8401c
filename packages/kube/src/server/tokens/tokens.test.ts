import { manualClock } from '@weft/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KubeError, kubeClient, podKind, serviceAccountKind, tokenReviewer } from '../../index.ts';
import { type TestServer, testServer } from '../test-server.ts';
import { tokenAuthority } from './token-authority.ts';

const clock = manualClock();
let server: TestServer;
beforeAll(async () => {
  server = await testServer({ clock });
});
afterAll(() => server.close());

const account = (name: string) => ({ namespace: 'default', name });
const AUDIENCE = ['identity.l5d.io'];

describe('a token', () => {
  test('says who it belongs to, with groups, pod and audience', async () => {
    const { client } = server;
    const pod = await client.create(podKind, { metadata: { namespace: 'default', name: 'p' }, spec: { containers: [{ name: 'c', image: 'x' }] } });
    const { token, expirationTimestamp } = await client.tokenRequest(account('default'), {
      audiences: AUDIENCE,
      expirationSeconds: 600,
      boundPod: { name: 'p', uid: pod.metadata.uid ?? '' },
    });
    expect(Date.parse(expirationTimestamp)).toBe(clock.wall() + 600_000);
    expect(await client.tokenReview(token, [...AUDIENCE, 'other'])).toMatchObject({
      authenticated: true,
      audiences: AUDIENCE,
      user: { username: 'system:serviceaccount:default:default', groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'] },
    });
    expect(await client.tokenReview(token, ['other'])).toMatchObject({ authenticated: false });
    await client.delete(podKind, { namespace: 'default', name: 'p' });
    expect(await client.tokenReview(token, AUDIENCE)).toMatchObject({ authenticated: false, error: expect.stringContaining('pod default/p') });
  });

  test('ends with its time, and with its account', async () => {
    const { client } = server;
    await client.create(serviceAccountKind, { metadata: account('short') });
    const { token } = await client.tokenRequest(account('short'), { audiences: AUDIENCE, expirationSeconds: 600 });
    clock.advance(599_000);
    expect((await client.tokenReview(token, AUDIENCE)).authenticated).toBe(true);
    clock.advance(1000);
    expect(await tokenReviewer(client).review(token, AUDIENCE)).toMatchObject({ kind: 'error', message: 'token has expired' });
    const next = await client.tokenRequest(account('short'), { audiences: AUDIENCE });
    await client.delete(serviceAccountKind, account('short'));
    await client.create(serviceAccountKind, { metadata: account('short') });
    // A new account of the same name is another account.
    expect((await client.tokenReview(next.token, AUDIENCE)).authenticated).toBe(false);
  });

  test('opens the API for its own audience only', async () => {
    const { client } = server;
    const own = await client.tokenRequest(account('default'));
    const { url } = await serverUrl();
    const named = kubeClient({ server: url.api.url, token: own.token });
    await expect(named.list(podKind)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    named.close();
    const there = await url.client.tokenRequest(account('default'));
    const right = kubeClient({ server: url.api.url, token: there.token });
    expect(await right.raw('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {})).toMatchObject({
      status: { userInfo: { username: 'system:serviceaccount:default:default' } },
    });
    const elsewhere = await url.client.tokenRequest(account('default'), { audiences: AUDIENCE });
    const wrong = kubeClient({ server: url.api.url, token: elsewhere.token });
    await expect(wrong.list(podKind)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    right.close();
    wrong.close();
    await url.close();
  });

  test('is refused for a short life, an unknown account or another pod', async () => {
    const { client } = server;
    await expect(client.tokenRequest(account('default'), { expirationSeconds: 10 })).rejects.toMatchObject({ code: 'INVALID' });
    await expect(client.tokenRequest(account('nobody'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(client.tokenRequest(account('default'), { boundPod: { name: 'ghost', uid: 'x' } })).rejects.toBeInstanceOf(KubeError);
  });
});

async function serverUrl(): Promise<{ url: TestServer }> {
  return { url: await testServer({ listen: {} }) };
}

describe('a token authority', () => {
  const authority = tokenAuthority({ issuer: 'me', clock });
  const { token } = authority.issue({ namespace: 'n', serviceAccount: { name: 's', uid: 'u' } }, ['a'], 60);
  const [header = '', body = '', signature = ''] = token.split('.');
  const forged = (change: object): string =>
    Buffer.from(JSON.stringify({ ...(JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as object), ...change })).toString('base64url');

  test.each([
    ['another body', `${header}.${forged({ sub: 'x' })}.${signature}`],
    ['another algorithm', `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.${signature}`],
    ['no signature', `${header}.${body}.`],
    ['half a signature', `${header}.${body}.${signature.slice(0, 40)}`],
    ['a fourth part', `${token}.x`],
    ['nothing', ''],
    ['too much', `${'x'.repeat(20_000)}.${body}.${signature}`],
  ])('refuses %s', (_name, text) => {
    expect(authority.verify(text).kind).toBe('refused');
  });

  test('refuses what another key signed', () => {
    const { token: fresh } = authority.issue({ namespace: 'n', serviceAccount: { name: 's', uid: 'u' } }, ['a'], 60);
    expect(tokenAuthority({ issuer: 'me', clock }).verify(fresh).kind).toBe('refused');
    expect(authority.verify(fresh).kind).toBe('valid');
  });
});
