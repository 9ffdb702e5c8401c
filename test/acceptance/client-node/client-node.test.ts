// The embedded API server as the client library of the Kubernetes project for JavaScript sees it.

import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import {
  ApisApi,
  AppsV1Api,
  AuthenticationV1Api,
  AuthorizationV1Api,
  CoordinationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  KubernetesObjectApi,
  Log,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  type V1ConfigMap,
  V1MicroTime,
  Watch,
} from '@kubernetes/client-node';
import { linkerdDefinitions } from '@weft/kube/crds';
import { type ApiServer, startApiServer } from '@weft/kube/server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let api: ApiServer;
let config: KubeConfig;
let core: CoreV1Api;
beforeAll(async () => {
  api = await startApiServer({
    definitions: linkerdDefinitions,
    maxHistory: 50,
    podLogs: (_namespace, pod, container) => Promise.resolve(`${pod}/${container} says\nhello\n`),
  });
  config = new KubeConfig();
  // Without that the library speaks no plain HTTP.
  config.loadFromClusterAndUser({ name: 'weft', server: api.url, skipTLSVerify: true }, { name: 'nobody' });
  core = config.makeApiClient(CoreV1Api);
  await core.createNamespace({ body: { metadata: { name: 'shop' } } });
});
afterAll(() => api.close());

const namespace = 'shop';
const settings = (name: string, data: Record<string, string> = {}): V1ConfigMap => ({ metadata: { name, namespace, labels: { suite: 'client-node' } }, data });
const codeOf = async (work: Promise<unknown>): Promise<number | undefined> =>
  work.then(
    () => undefined,
    (error: { code?: number }) => error.code,
  );

describe('the client library for JavaScript', () => {
  test('finds the groups, and creates, reads, replaces and deletes', async () => {
    const { groups } = await config.makeApiClient(ApisApi).getAPIVersions();
    expect(groups.map(({ name }) => name)).toContain('policy.linkerd.io');
    const made = await core.createNamespacedConfigMap({ namespace, body: settings('one', { a: '1' }) });
    expect(made.metadata?.creationTimestamp).toBeInstanceOf(Date);
    made.data = { a: '2' };
    expect((await core.replaceNamespacedConfigMap({ namespace, name: 'one', body: made })).data).toEqual({ a: '2' });
    expect(await codeOf(core.replaceNamespacedConfigMap({ namespace, name: 'one', body: made }))).toBe(409);
    expect(await codeOf(core.createNamespacedConfigMap({ namespace, body: settings('one') }))).toBe(409);
    await core.deleteNamespacedConfigMap({ namespace, name: 'one' });
    expect(await codeOf(core.readNamespacedConfigMap({ namespace, name: 'one' }))).toBe(404);
  });

  test('patches in every way', async () => {
    await core.createNamespacedConfigMap({ namespace, body: settings('patched', { a: '1' }) });
    const patch = (body: unknown, strategy: string, manager?: string): Promise<V1ConfigMap> =>
      core.patchNamespacedConfigMap(
        { namespace, name: 'patched', body, ...(manager === undefined ? {} : { fieldManager: manager }) },
        setHeaderOptions('Content-Type', strategy),
      );
    expect((await patch([{ op: 'add', path: '/data/b', value: '2' }], PatchStrategy.JsonPatch)).data).toEqual({ a: '1', b: '2' });
    expect((await patch({ data: { a: null } }, PatchStrategy.MergePatch)).data).toEqual({ b: '2' });
    expect((await patch({ data: { c: '3' } }, PatchStrategy.StrategicMergePatch)).data).toEqual({ b: '2', c: '3' });
    const applied = await patch(
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'patched' }, data: { d: '4' } },
      PatchStrategy.ServerSideApply,
      'suite',
    );
    expect(applied.data).toEqual({ b: '2', c: '3', d: '4' });
    expect(applied.metadata?.managedFields?.map(({ manager, operation }) => `${manager ?? ''} ${operation ?? ''}`)).toContain('suite Apply');
  });

  test('lists in pages, by labels and fields', async () => {
    for (const name of ['p1', 'p2', 'p3']) await core.createNamespacedConfigMap({ namespace, body: { metadata: { name, labels: { paged: 'yes' } } } });
    const first = await core.listNamespacedConfigMap({ namespace, labelSelector: 'paged=yes', limit: 2 });
    const rest = await core.listNamespacedConfigMap({ namespace, labelSelector: 'paged=yes', limit: 2, _continue: first.metadata?._continue ?? '' });
    expect([...first.items, ...rest.items].map(({ metadata }) => metadata?.name)).toEqual(['p1', 'p2', 'p3']);
    const { items } = await core.listNamespacedConfigMap({ namespace, fieldSelector: 'metadata.name=p2' });
    expect(items).toHaveLength(1);
  });

  test('informs of what is there and of every change', async () => {
    const informer = makeInformer(
      config,
      `/api/v1/namespaces/${namespace}/configmaps`,
      () => core.listNamespacedConfigMap({ namespace, labelSelector: 'informed' }),
      'informed',
    );
    const events: string[] = [];
    const gone = new Promise<void>((resolve) => {
      informer.on('add', ({ metadata }) => void events.push(`add ${metadata?.name ?? ''}`));
      informer.on('update', ({ data }) => void events.push(`update ${data?.a ?? ''}`));
      informer.on('delete', ({ metadata }) => {
        events.push(`delete ${metadata?.name ?? ''}`);
        resolve();
      });
    });
    const body = (a: string): V1ConfigMap => ({ metadata: { name: 'seen', labels: { informed: 'yes' } }, data: { a } });
    const connected = new Promise((resolve) => informer.on('connect', resolve));
    await informer.start();
    await connected;
    await core.createNamespacedConfigMap({ namespace, body: body('1') });
    await core.replaceNamespacedConfigMap({ namespace, name: 'seen', body: body('2') });
    await core.deleteNamespacedConfigMap({ namespace, name: 'seen' });
    await gone;
    await informer.stop();
    expect(events).toEqual(['add seen', 'update 2', 'delete seen']);
  });

  test('is told on a watch that its version is too old', async () => {
    const old = (await core.listNamespacedConfigMap({ namespace })).metadata?.resourceVersion ?? '';
    const churn = await core.createNamespacedConfigMap({ namespace, body: settings('churn') });
    for (let i = 0; i < 60; i++) await core.replaceNamespacedConfigMap({ namespace, name: 'churn', body: settings('churn', { i: String(i) }) });
    expect(churn.metadata?.resourceVersion).not.toBe(old);
    const status = await new Promise<number>((resolve) => {
      const done = (error: unknown): void => resolve((error as { statusCode?: number } | null)?.statusCode ?? 0);
      const ended = new Watch(config).watch(`/api/v1/namespaces/${namespace}/configmaps`, { resourceVersion: old }, () => undefined, done);
      ended.catch(done);
    });
    expect(status).toBe(410);
  });

  test('keeps workloads and their status apart, and scales', async () => {
    const apps = config.makeApiClient(AppsV1Api);
    const labels = { app: 'web' };
    const spec = { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'x:1' }] } } };
    const made = await apps.createNamespacedDeployment({ namespace, body: { metadata: { name: 'web' }, spec } });
    expect(made.spec?.strategy?.rollingUpdate?.maxSurge).toBe('25%');
    const scale = await apps.readNamespacedDeploymentScale({ namespace, name: 'web' });
    scale.spec = { replicas: 4 };
    expect((await apps.replaceNamespacedDeploymentScale({ namespace, name: 'web', body: scale })).spec?.replicas).toBe(4);
    const status = await apps.patchNamespacedDeploymentStatus(
      { namespace, name: 'web', body: { status: { readyReplicas: 2 }, spec: { replicas: 9 } } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
    expect(status).toMatchObject({ spec: { replicas: 4 }, status: { readyReplicas: 2 } });
  });

  test('handles custom resources, and knows nothing of them beforehand', async () => {
    const custom = config.makeApiClient(CustomObjectsApi);
    const place = { group: 'policy.linkerd.io', version: 'v1beta3', namespace, plural: 'servers' };
    const body = { apiVersion: 'policy.linkerd.io/v1beta3', kind: 'Server', metadata: { name: 'web' }, spec: { podSelector: {}, port: 80 } };
    expect(await custom.createNamespacedCustomObject({ ...place, body })).toMatchObject({ spec: { accessPolicy: 'deny', proxyProtocol: 'unknown' } });
    expect(await custom.getNamespacedCustomObject({ ...place, version: 'v1beta1', name: 'web' })).toMatchObject({ apiVersion: 'policy.linkerd.io/v1beta1' });
    expect(await codeOf(custom.createNamespacedCustomObject({ ...place, body: { ...body, metadata: { name: 'bad' }, spec: { port: 80 } } }))).toBe(422);
    // By its kind alone: the library asks discovery for the rest.
    const objects = KubernetesObjectApi.makeApiClient(config);
    const found = await objects.read({ apiVersion: 'policy.linkerd.io/v1beta3', kind: 'Server', metadata: { name: 'web', namespace } });
    expect(found.metadata?.uid).toBeDefined();
  });

  test('holds a lease, asks for a token and what it may do', async () => {
    const leases = config.makeApiClient(CoordinationV1Api);
    const renewTime = new V1MicroTime('2026-01-01T00:00:00.123456Z');
    const lease = await leases.createNamespacedLease({
      namespace,
      body: { metadata: { name: 'leader' }, spec: { holderIdentity: 'me', leaseDurationSeconds: 30, renewTime } },
    });
    expect(lease.spec).toMatchObject({ holderIdentity: 'me', leaseDurationSeconds: 30 });
    await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: 'robot' } } });
    const token = await core.createNamespacedServiceAccountToken({
      namespace,
      name: 'robot',
      body: { spec: { audiences: ['identity.l5d.io'], expirationSeconds: 3600 } },
    });
    const authentication = config.makeApiClient(AuthenticationV1Api);
    const review = await authentication.createTokenReview({ body: { spec: { token: token.status?.token ?? '', audiences: ['identity.l5d.io'] } } });
    expect(review.status).toMatchObject({ authenticated: true, user: { username: 'system:serviceaccount:shop:robot' } });
    const access = await config
      .makeApiClient(AuthorizationV1Api)
      .createSelfSubjectAccessReview({ body: { spec: { resourceAttributes: { verb: 'get', resource: 'pods' } } } });
    expect(access.status?.allowed).toBe(true);
  });

  test('reads the log of a pod', async () => {
    await core.createNamespacedPod({ namespace, body: { metadata: { name: 'talker' }, spec: { containers: [{ name: 'c', image: 'x:1' }] } } });
    expect(await core.readNamespacedPodLog({ namespace, name: 'talker' })).toBe('talker/c says\nhello\n');
    const stream = new PassThrough();
    const all = text(stream);
    await new Log(config).log(namespace, 'talker', 'c', stream, { follow: true });
    expect(await all).toBe('talker/c says\nhello\n');
  });
});
