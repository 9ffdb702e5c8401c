// Certify, check by check and in order, with the answers of the token review that each needs. spec/control-plane.md §3, §6 (45).
import { createAuthority } from '@weft/identity/authority';
import { RpcCode } from '@weft/wire';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ApiAnswer, type ApiFront, apiFront } from './api-front.ts';
import { startCluster, type TestCluster } from './cluster.ts';
import { type Controller, isForeign, startController, stopControllers } from './controller.ts';
import { certify, csrOf, identityFlags, mount, request, roots, tlsSecret, type Workload, workload } from './identity-scene.ts';
import { refusalOf } from './stream.ts';

const REVIEWS = '/tokenreviews';

let cluster: TestCluster;
let front: ApiFront;
let identity: Controller;
let web: Workload;

beforeAll(async () => {
  cluster = await startCluster();
  front = await apiFront(cluster);
  const authority = await createAuthority({ trustDomain: 'cluster.local' });
  const mounts = { issuer: mount(cluster, tlsSecret(authority)), roots: mount(cluster, roots(authority)) };
  identity = await startController('identity', identityFlags({ kubeconfig: front.kubeconfig, ...mounts }));
});

beforeEach(async () => {
  web = await workload(cluster);
  front.answer = () => undefined;
});

afterAll(async () => {
  await stopControllers();
  await front?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

/** Every token review is answered so. */
function reviewsAnswer(...statuses: readonly object[]): void {
  let n = 0;
  front.answer = ({ path, body }): ApiAnswer | undefined => {
    if (!path.endsWith(REVIEWS)) return undefined;
    return { code: 201, body: { ...(body as object), status: statuses[Math.min(n++, statuses.length - 1)] } };
  };
}

const username = (name: string) => ({ authenticated: true, user: { username: name }, audiences: ['identity.l5d.io'] });

/** What the review was asked, from now on. */
async function reviewsOf(what: () => Promise<unknown>): Promise<readonly unknown[]> {
  const before = front.askedOf(REVIEWS).length;
  await what();
  return front.askedOf(REVIEWS).slice(before);
}

describe('the token review', () => {
  test('is asked for the audience of the mesh, with the token as it came', async () => {
    const asked = await request(web);
    const reviews = await reviewsOf(() => certify(identity.channel(), asked));
    expect(reviews).toEqual([expect.objectContaining({ kind: 'TokenReview', spec: { token: asked.token, audiences: ['identity.l5d.io'] } })]);
  });

  test('is asked once more without audiences where the audience is what was wrong, and a token of the API server passes', async () => {
    const token = await web.token(['https://kubernetes.default.svc.cluster.local']);
    const asked = await request(web, { token });
    const reviews = await reviewsOf(() => certify(identity.channel(), asked));
    expect(reviews).toHaveLength(2);
    expect(reviews[1]).toEqual(expect.objectContaining({ spec: { token } }));
  });

  test.each<[string, readonly object[], number, RegExp, number]>([
    ['names another error', [{ authenticated: false, error: 'webhook failed' }], RpcCode.INVALID_ARGUMENT, /webhook failed/, 1],
    [
      'complains of the audiences both times',
      [{ authenticated: false, error: 'token audiences ["x"] is invalid for the target audiences' }],
      RpcCode.INVALID_ARGUMENT,
      /audiences/,
      2,
    ],
    ['does not accept the token', [{ authenticated: false }], RpcCode.FAILED_PRECONDITION, /./, 1],
    ['does not accept the token the second time', [{ error: 'token audiences' }, { authenticated: false }], RpcCode.FAILED_PRECONDITION, /./, 2],
    ['names a user', [username('kubernetes-admin')], RpcCode.INVALID_ARGUMENT, /./, 1],
    ['names a node', [username('system:node:n1')], RpcCode.INVALID_ARGUMENT, /./, 1],
    ['names too much', [username('system:serviceaccount:ns:web:more')], RpcCode.INVALID_ARGUMENT, /./, 1],
    ['names what is no DNS label', [username('system:serviceaccount:ns:we.b')], RpcCode.INVALID_ARGUMENT, /./, 1],
    ['names another account', [username('system:serviceaccount:ns:other')], RpcCode.FAILED_PRECONDITION, /./, 1],
    ['names another type of account', [username('system:user:ns:web')], RpcCode.FAILED_PRECONDITION, /./, 1],
  ])('that %s ends in a refusal', async (_, statuses, code, why, reviews) => {
    const asked = await request(web);
    reviewsAnswer(...statuses);
    let refused: Awaited<ReturnType<typeof refusalOf>> | undefined;
    const made = await reviewsOf(async () => {
      refused = await refusalOf(certify(identity.channel(), asked));
    });
    expect([refused?.code, made.length]).toEqual([code, reviews]);
    expect(refused?.message).toMatch(why);
  });

  test.each([
    [500, RpcCode.INTERNAL],
    [403, RpcCode.INTERNAL],
    [429, RpcCode.INTERNAL],
  ])('that the API server answers with %i is an internal error', async (status, code) => {
    const asked = await request(web);
    const body = { kind: 'Status', apiVersion: 'v1', status: 'Failure', message: 'not now', code: status };
    front.answer = ({ path }) => (path.endsWith(REVIEWS) ? { code: status, body } : undefined);
    expect((await refusalOf(certify(identity.channel(), asked))).code).toBe(code);
  });
});

test.skipIf(isForeign('identity'))('requests to the API server keep to the rate of the flags, and what would wait too long is refused at once', async () => {
  const authority = await createAuthority({ trustDomain: 'cluster.local' });
  const mounts = { issuer: mount(cluster, tlsSecret(authority)), roots: mount(cluster, roots(authority)) };
  // The access review at the start is the first of three; the event of the first certificate is the third.
  const slow = ['-kube-apiclient-qps=0.001', '-kube-apiclient-burst=3'];
  await using other = await startController('identity', [...identityFlags({ kubeconfig: front.kubeconfig, ...mounts }), ...slow]);
  const asked = await request(web);
  const reviews = await reviewsOf(async () => {
    await certify(other.channel(), asked);
    expect((await refusalOf(certify(other.channel(), asked))).code).toBe(RpcCode.INTERNAL);
  });
  expect(reviews).toHaveLength(1);
});

describe('the checks come in order', () => {
  test('what is missing is refused before the names are looked at, and these before the token is', async () => {
    const csr = await csrOf(web.identity.replace('web.', 'admin.'));
    const reviews = await reviewsOf(async () => {
      expect((await refusalOf(certify(identity.channel(), await request(web, { csr, token: '' })))).code).toBe(RpcCode.INVALID_ARGUMENT);
      expect((await refusalOf(certify(identity.channel(), await request(web, { csr, identity: '' })))).code).toBe(RpcCode.INVALID_ARGUMENT);
      expect((await refusalOf(certify(identity.channel(), await request(web, { csr: Buffer.from('x') })))).code).toBe(RpcCode.INVALID_ARGUMENT);
      expect((await refusalOf(certify(identity.channel(), await request(web, { csr, token: 'nobody' })))).code).toBe(RpcCode.FAILED_PRECONDITION);
    });
    expect(reviews).toEqual([]);
  });

  test('a SPIFFE id is nothing this service certifies', async () => {
    const id = `spiffe://cluster.local/${web.identity}`;
    const { code } = await refusalOf(certify(identity.channel(), await request(web, { identity: id, csr: await csrOf(id) })));
    expect(code).toBe(RpcCode.FAILED_PRECONDITION);
  });

  test('an identity of another control plane, trust domain or case is not the one of the token', async () => {
    for (const [from, to] of [
      ['linkerd', 'other'],
      ['cluster.local', 'cluster.example'],
      ['web', 'WEB'],
    ] as const) {
      const name = web.identity.replace(from, to);
      const { code } = await refusalOf(certify(identity.channel(), await request(web, { identity: name, csr: await csrOf(name) })));
      expect(code).toBe(RpcCode.FAILED_PRECONDITION);
    }
  });
});
