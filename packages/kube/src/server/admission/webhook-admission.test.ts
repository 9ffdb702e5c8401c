import { readFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { linkerdDefinitions } from '../../crds/index.ts';
import {
  type AdmissionRequest,
  type AdmissionReview,
  configMapKind,
  customResourceDefinitionKind,
  KubeError,
  type MutatingWebhook,
  mutatingWebhookConfigurationKind,
  namespaceKind,
  podKind,
  resourceKind,
  validatingWebhookConfigurationKind,
} from '../../index.ts';
import type { ServiceTarget } from '../index.ts';
import { type TestServer, testServer } from '../test-server.ts';

const fixture = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');
const caBundle = Buffer.from(fixture('webhook-ca.pem')).toString('base64');

type Answer = Partial<NonNullable<AdmissionReview['response']>> | 'garbage' | 'silence' | 'broken';
let answer: (request: AdmissionRequest) => Answer;
const calls: AdmissionRequest[] = [];
const dialed: ServiceTarget[] = [];

const hook = https.createServer({ cert: fixture('webhook-cert.pem'), key: fixture('webhook-key.pem') }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const review = JSON.parse(Buffer.concat(chunks).toString('utf8')) as AdmissionReview;
    if (!review.request) return response.destroy();
    calls.push(review.request);
    const given = answer(review.request);
    if (given === 'silence') return undefined;
    if (given === 'broken') return response.destroy();
    if (given === 'garbage') return response.end('{}');
    const body = { apiVersion: review.apiVersion, kind: review.kind, response: { uid: review.request.uid, allowed: true, ...given } };
    return response.end(JSON.stringify(body));
  });
});
const jsonPatch = (...operations: unknown[]): Answer => ({ patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') });

let port = 0;
let server: TestServer;
beforeAll(async () => {
  hook.listen(0, '127.0.0.1');
  await new Promise((resolve) => hook.once('listening', resolve));
  const address = hook.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
});
afterAll(() => {
  hook.closeAllConnections();
  hook.close();
});
beforeEach(async () => {
  calls.length = 0;
  dialed.length = 0;
  answer = () => ({});
  server = await testServer({
    dialService: async (target) => {
      dialed.push(target);
      return net.connect(port, '127.0.0.1');
    },
  });
});
afterEach(() => server.close());

const webhook = (more: Partial<MutatingWebhook> = {}): MutatingWebhook => ({
  name: 'linkerd-proxy-injector.linkerd.io',
  clientConfig: { service: { namespace: 'linkerd', name: 'injector', path: '/mutate' }, caBundle },
  rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], scope: 'Namespaced' }],
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  failurePolicy: 'Fail',
  timeoutSeconds: 1,
  ...more,
});
const install = (more: Partial<MutatingWebhook> = {}): Promise<unknown> =>
  server.client.create(mutatingWebhookConfigurationKind, { metadata: { name: 'injector' }, webhooks: [webhook(more)] });
const createPod = (labels: Record<string, string> = {}, namespace = 'default') =>
  server.client.create(podKind, { metadata: { namespace, generateName: 'p-', labels }, spec: { containers: [{ name: 'app', image: 'x:1' }] } });
const refusalOf = async (promise: Promise<unknown>): Promise<KubeError> => {
  try {
    await promise;
  } catch (error) {
    if (error instanceof KubeError) return error;
    throw error;
  }
  throw new Error('a refusal was expected');
};

describe('a mutating webhook', () => {
  test('is dialed by its service, verified by its name, and its patch is stored', async () => {
    await install();
    answer = () =>
      jsonPatch(
        { op: 'add', path: '/metadata/annotations', value: { injected: 'yes' } },
        { op: 'add', path: '/spec/containers/-', value: { name: 'linkerd-proxy', image: 'proxy:1' } },
      );
    const pod = await createPod();
    expect(dialed).toEqual([{ namespace: 'linkerd', name: 'injector', port: 443 }]);
    expect(pod.metadata.annotations).toEqual({ injected: 'yes' });
    expect(pod.spec.containers.map((container) => container.name)).toEqual(['app', 'linkerd-proxy']);
    // What the webhook adds is completed like the rest.
    expect(pod.spec.containers[1]?.imagePullPolicy).toBe('IfNotPresent');
  });

  test('sees the pod as admitted so far, with its namespace and who asked', async () => {
    await install();
    await createPod({ app: 'web' });
    const [request] = calls;
    expect(request).toMatchObject({
      operation: 'CREATE',
      namespace: 'default',
      resource: { group: '', version: 'v1', resource: 'pods' },
      oldObject: null,
      dryRun: false,
    });
    expect(request?.userInfo?.username).toBe('kubernetes-admin');
    expect(request?.object).toMatchObject({ kind: 'Pod', apiVersion: 'v1', spec: { serviceAccountName: 'default' } });
    expect(JSON.stringify(request?.object)).toContain('/var/run/secrets/kubernetes.io/serviceaccount');
  });

  test('is only asked about what its rules and selectors name', async () => {
    await server.client.create(namespaceKind, { metadata: { name: 'quiet', labels: { 'config.linkerd.io/admission-webhooks': 'disabled' } } });
    await install({
      namespaceSelector: { matchExpressions: [{ key: 'config.linkerd.io/admission-webhooks', operator: 'NotIn', values: ['disabled'] }] },
      objectSelector: { matchLabels: { mesh: 'yes' } },
    });
    await server.client.create(configMapKind, { metadata: { namespace: 'default', name: 'c' } });
    await createPod({ mesh: 'no' });
    expect(calls).toHaveLength(0);
    await createPod({ mesh: 'yes' });
    expect(calls).toHaveLength(1);
    for await (const event of server.client.watch(configMapKind, { namespace: 'quiet' })) if (event.type === 'ADDED') break;
    await createPod({ mesh: 'yes' }, 'quiet').catch(() => undefined);
    expect(calls).toHaveLength(1);
  });

  test('that denies is quoted with its status', async () => {
    await install();
    answer = () => ({ allowed: false, status: { code: 418, message: 'not today' } });
    const error = await refusalOf(createPod());
    expect(error.status).toMatchObject({ code: 418, message: 'admission webhook "linkerd-proxy-injector.linkerd.io" denied the request: not today' });
  });

  test.each(['garbage', 'silence', 'broken'] as const)('that answers with %s fails the write, or is passed over, by its policy', async (kind) => {
    answer = () => kind;
    await install();
    const error = await refusalOf(createPod());
    expect(error.status?.code).toBe(500);
    expect(error.message).toContain('failed calling webhook "linkerd-proxy-injector.linkerd.io"');
    await server.client.patch(
      mutatingWebhookConfigurationKind,
      { name: 'injector' },
      { kind: 'strategic', value: { webhooks: [{ name: webhook().name, failurePolicy: 'Ignore' }] } },
    );
    expect((await createPod()).spec.containers).toHaveLength(1);
  });

  test('whose certificate has another name or authority is not trusted', async () => {
    await install({ clientConfig: { service: { namespace: 'other', name: 'injector' }, caBundle } });
    expect((await refusalOf(createPod())).message).toMatch(/altnames|Hostname/);
    await server.client.delete(mutatingWebhookConfigurationKind, { name: 'injector' });
    await install({ clientConfig: { service: { namespace: 'linkerd', name: 'injector' } } });
    expect((await refusalOf(createPod())).message).toMatch(/self-signed|unable to (verify|get)/);
    expect(calls).toHaveLength(0);
  });

  test('is reached by url too', async () => {
    await install({ clientConfig: { url: `https://127.0.0.1:${port}/x`, caBundle } });
    await createPod();
    expect(calls).toHaveLength(1);
    expect(dialed).toHaveLength(0);
  });

  test('whose patch breaks the object is refused with the field', async () => {
    await install();
    answer = () => jsonPatch({ op: 'remove', path: '/spec/containers/0/image' });
    expect((await refusalOf(createPod())).causes.map((cause) => cause.field)).toEqual(['spec.containers[0].image']);
    answer = () => jsonPatch({ op: 'add', path: '/__proto__/polluted', value: 1 });
    expect((await refusalOf(createPod())).message).toContain('not allowed');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('is asked again when a later one changed the object and it wants that', async () => {
    await server.client.create(mutatingWebhookConfigurationKind, {
      metadata: { name: 'a-first' },
      webhooks: [webhook({ name: 'first.linkerd.io', reinvocationPolicy: 'IfNeeded' })],
    });
    await server.client.create(mutatingWebhookConfigurationKind, { metadata: { name: 'b-second' }, webhooks: [webhook({ name: 'second.linkerd.io' })] });
    const names: (string | undefined)[] = [];
    answer = (request) => {
      const injected = JSON.stringify(request.object).includes('"second"');
      names.push(injected ? 'sees it' : 'does not');
      return names.length === 2 ? jsonPatch({ op: 'add', path: '/metadata/annotations', value: { by: 'second' } }) : {};
    };
    await createPod();
    expect(names).toEqual(['does not', 'does not', 'sees it']);
  });
});

test('a validating webhook sees updates and deletions and changes nothing', async () => {
  await server.client.create(validatingWebhookConfigurationKind, {
    metadata: { name: 'v' },
    webhooks: [
      webhook({ name: 'v.linkerd.io', rules: [{ operations: ['UPDATE', 'DELETE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }] }),
    ],
  });
  const ref = { namespace: 'default', name: 'c' };
  await server.client.create(configMapKind, { metadata: ref });
  expect(calls).toHaveLength(0);
  answer = () => ({ allowed: false, warnings: ['mind the gap'] });
  expect((await refusalOf(server.client.patch(configMapKind, ref, { kind: 'merge', value: { data: { a: '1' } } }))).code).toBe('FORBIDDEN');
  expect((await refusalOf(server.client.delete(configMapKind, ref))).code).toBe('FORBIDDEN');
  expect(calls.map((call) => [call.operation, call.object === null])).toEqual([
    ['UPDATE', false],
    ['DELETE', true],
  ]);
  answer = () => ({});
  expect(await server.client.delete(configMapKind, ref)).toBe(true);
});

test('a webhook that names another version of a custom kind sees that version, unless it asks for exactness', async () => {
  const definition = linkerdDefinitions.find(({ metadata }) => metadata.name === 'servers.policy.linkerd.io');
  if (!definition) throw new Error('the definition is missing');
  await server.client.create(customResourceDefinitionKind, definition);
  const rules = [{ operations: ['CREATE'], apiGroups: ['policy.linkerd.io'], apiVersions: ['v1beta3'], resources: ['servers'] }];
  await server.client.create(validatingWebhookConfigurationKind, {
    metadata: { name: 'policy' },
    webhooks: [
      webhook({ name: 'equivalent.linkerd.io', rules } as Partial<MutatingWebhook>),
      webhook({ name: 'exact.linkerd.io', rules, matchPolicy: 'Exact' } as Partial<MutatingWebhook>),
    ],
  });
  const oldServer = resourceKind({ group: 'policy.linkerd.io', version: 'v1beta1', kind: 'Server', plural: 'servers', namespaced: true });
  await server.client.create(oldServer, { metadata: { namespace: 'default', name: 'web' }, spec: { podSelector: {}, port: 80 } } as never);
  expect(calls).toHaveLength(1);
  expect(calls[0]).toMatchObject({
    kind: { version: 'v1beta3' },
    requestKind: { version: 'v1beta1' },
    requestResource: { version: 'v1beta1', resource: 'servers' },
    object: { apiVersion: 'policy.linkerd.io/v1beta3', spec: { port: 80 } },
  });
});
