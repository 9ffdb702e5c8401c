import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configMapKind, deploymentKind, endpointSliceKind, KubeError, type Pod, podKind, secretKind, serviceAccountKind, serviceKind } from '../../index.ts';
import { type TestServer, testServer } from '../test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

const refusalOf = async (promise: Promise<unknown>): Promise<KubeError> => {
  try {
    await promise;
  } catch (error) {
    if (error instanceof KubeError) return error;
    throw error;
  }
  throw new Error('a refusal was expected');
};
const pods = '/api/v1/namespaces/default/pods';
const post = (path: string, body: unknown): Promise<unknown> => server.client.raw('POST', path, body);
const fieldsOf = async (promise: Promise<unknown>): Promise<(string | undefined)[]> => (await refusalOf(promise)).causes.map((cause) => cause.field);

describe('a pod', () => {
  test('is completed as a cluster completes it', async () => {
    const pod = await server.client.create(podKind, {
      metadata: { namespace: 'default', name: 'complete' },
      spec: {
        containers: [{ name: 'c', image: 'x', ports: [{ containerPort: 80 }], readinessProbe: { httpGet: { port: 80 } }, resources: { limits: { cpu: '1' } } }],
      },
    });
    expect(pod.spec).toMatchObject({
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      serviceAccountName: 'default',
      terminationGracePeriodSeconds: 30,
      enableServiceLinks: true,
    });
    expect(pod.spec.containers[0]).toMatchObject({
      imagePullPolicy: 'Always',
      ports: [{ containerPort: 80, protocol: 'TCP' }],
      readinessProbe: { httpGet: { path: '/', scheme: 'HTTP' }, periodSeconds: 10, timeoutSeconds: 1, successThreshold: 1, failureThreshold: 3 },
      resources: { limits: { cpu: '1' }, requests: { cpu: '1' } },
    });
    const [mount] = pod.spec.containers[0]?.volumeMounts ?? [];
    expect(mount).toMatchObject({ mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true });
    expect(pod.spec.volumes?.find((volume) => volume.name === mount?.name)?.projected?.sources).toHaveLength(3);
    expect(pod.status).toEqual({ phase: 'Pending', qosClass: 'Burstable' });
    expect(pod.metadata.generation).toBe(1);
  });

  test('gets no token where its service account says so', async () => {
    await server.client.create(serviceAccountKind, { metadata: { namespace: 'default', name: 'silent' }, automountServiceAccountToken: false });
    const pod = await server.client.create(podKind, {
      metadata: { namespace: 'default', name: 'silent' },
      spec: { serviceAccountName: 'silent', containers: [{ name: 'c', image: 'x' }] },
    });
    expect(pod.spec.volumes).toBeUndefined();
    const error = await refusalOf(post(pods, { metadata: { name: 'none' }, spec: { serviceAccountName: 'absent', containers: [{ name: 'c', image: 'x' }] } }));
    expect(error.message).toContain('service account default/absent');
  });

  test('is refused with every problem at once', async () => {
    const error = await refusalOf(
      post(pods, {
        metadata: { name: 'Bad_Name', labels: { 'a b': 'x'.repeat(64) } },
        spec: {
          restartPolicy: 'Sometimes',
          containers: [
            {
              name: 'c',
              ports: [{ containerPort: 70000 }, { containerPort: 80, name: 'toolongportname1' }],
              resources: { limits: { cpu: 'much' } },
              volumeMounts: [{ name: 'nope', mountPath: '/x' }],
            },
            { name: 'c', image: 'x', livenessProbe: {}, env: [{ name: '' }] },
          ],
          volumes: [{ name: 'v' }, { name: 'v' }],
        },
      }),
    );
    expect(error.status).toMatchObject({ code: 422, reason: 'Invalid', details: { name: 'Bad_Name', kind: 'Pod' } });
    expect(new Set(error.causes.map((cause) => `${cause.field} ${cause.reason}`))).toEqual(
      new Set([
        'metadata.name FieldValueInvalid',
        'metadata.labels FieldValueInvalid',
        'metadata.labels.a b FieldValueInvalid',
        'spec.restartPolicy FieldValueNotSupported',
        'spec.containers[0].image FieldValueRequired',
        'spec.containers[0].ports[0].containerPort FieldValueInvalid',
        'spec.containers[0].ports[1].name FieldValueInvalid',
        'spec.containers[0].resources.limits.cpu FieldValueInvalid',
        'spec.containers[0].resources.requests.cpu FieldValueInvalid',
        'spec.containers[0].volumeMounts[0].name FieldValueNotFound',
        'spec.containers[1].name FieldValueDuplicate',
        'spec.containers[1].livenessProbe FieldValueRequired',
        'spec.containers[1].env[0].name FieldValueRequired',
        'spec.volumes[1].name FieldValueDuplicate',
      ]),
    );
    expect(error.message).toContain('spec.containers[0].image: Required value');
  });

  test.each([
    ['no spec', {}, ['spec.containers']],
    ['containers of a wrong type', { spec: { containers: 'x' } }, ['spec.containers']],
    ['a container that is no object', { spec: { containers: [3] } }, ['spec.containers[0].name', 'spec.containers[0].image']],
    ['a name that is a number', { spec: { containers: [{ name: 5, image: 'x' }] } }, ['spec.containers[0].name']],
    [
      'a port that is a text',
      { spec: { containers: [{ name: 'c', image: 'x', ports: [{ containerPort: '80' }] }] } },
      ['spec.containers[0].ports[0].containerPort'],
    ],
  ])('with %s is refused by field', async (_name, more, fields) => {
    expect(await fieldsOf(post(pods, { metadata: { name: 'wrong' }, ...more }))).toEqual(expect.arrayContaining(fields));
  });

  test('keeps its spec but for the image', async () => {
    const ref = { namespace: 'default', name: 'fixed' };
    await server.client.create(podKind, { metadata: ref, spec: { containers: [{ name: 'c', image: 'x:1' }] } });
    const changed = await server.client.patch(podKind, ref, { kind: 'strategic', value: { spec: { containers: [{ name: 'c', image: 'x:2' }] } } });
    expect(changed.spec.containers[0]?.image).toBe('x:2');
    expect(changed.metadata.generation).toBe(2);
    expect(await fieldsOf(server.client.patch(podKind, ref, { kind: 'merge', value: { spec: { hostNetwork: true } } }))).toEqual(['spec']);
  });

  test('takes its status only through the subresource', async () => {
    const ref = { namespace: 'default', name: 'status' };
    const pod = await server.client.create(podKind, { metadata: ref, spec: { containers: [{ name: 'c', image: 'x' }] }, status: { phase: 'Running' } });
    expect(pod.status?.phase).toBe('Pending');
    const ignored = await server.client.update(podKind, { ...pod, status: { phase: 'Running' } });
    expect(ignored).toEqual(pod);
    const running = await server.client.updateStatus(podKind, { ...pod, spec: { containers: [] }, status: { phase: 'Running', podIP: '10.42.0.2' } });
    expect(running.status).toEqual({ phase: 'Running', podIP: '10.42.0.2' });
    expect(running.spec).toEqual(pod.spec);
    const patched = await server.client.patch(
      podKind,
      ref,
      { kind: 'strategic', value: { status: { conditions: [{ type: 'Ready', status: 'True' }] } } },
      { subresource: 'status' },
    );
    expect(patched.status).toMatchObject({ phase: 'Running', conditions: [{ type: 'Ready' }] });
    expect(patched.metadata.generation).toBe(1);
  });

  test('is bound to a node once', async () => {
    const path = `${pods}/bound`;
    await post(pods, { metadata: { name: 'bound' }, spec: { containers: [{ name: 'c', image: 'x' }] } });
    await post(`${path}/binding`, { target: { kind: 'Node', name: 'n1' } });
    expect(((await server.client.raw('GET', path)) as Pod).spec.nodeName).toBe('n1');
    expect((await refusalOf(post(`${path}/binding`, { target: { name: 'n2' } }))).code).toBe('CONFLICT');
  });
});

describe('a service', () => {
  const create = (name: string, spec: Parameters<typeof server.client.create<never>>[1] | object) =>
    server.client.create(serviceKind, { metadata: { namespace: 'default', name }, spec: spec as object });

  test('gets an address of its own, and target ports', async () => {
    const a = await create('a', { ports: [{ port: 80 }] });
    const b = await create('b', { ports: [{ port: 80, targetPort: 'http' }] });
    expect(a.spec).toMatchObject({
      type: 'ClusterIP',
      clusterIP: expect.stringMatching(/^10\.43\.0\.\d+$/),
      clusterIPs: [a.spec.clusterIP],
      ipFamilies: ['IPv4'],
      ports: [{ port: 80, targetPort: 80, protocol: 'TCP' }],
    });
    expect(b.spec.clusterIP).not.toBe(a.spec.clusterIP);
    expect(b.spec.ports?.[0]?.targetPort).toBe('http');
    const kept = await server.client.update(serviceKind, { metadata: a.metadata, spec: { ports: [{ port: 81 }] } });
    expect(kept.spec.clusterIP).toBe(a.spec.clusterIP);
    expect(
      await fieldsOf(server.client.patch(serviceKind, { namespace: 'default', name: 'a' }, { kind: 'merge', value: { spec: { clusterIP: '10.43.9.9' } } })),
    ).toEqual(['spec.clusterIP']);
  });

  test('may be headless, external, or have the address it asks for', async () => {
    expect((await create('headless', { clusterIP: 'None', selector: { a: 'b' } })).spec).toMatchObject({ clusterIP: 'None', clusterIPs: ['None'] });
    expect((await create('external', { type: 'ExternalName', externalName: 'example.com' })).spec.clusterIP).toBeUndefined();
    expect((await create('wanted', { clusterIP: '10.43.7.7', ports: [{ port: 1 }] })).spec.clusterIP).toBe('10.43.7.7');
    expect(await fieldsOf(create('taken', { clusterIP: '10.43.7.7', ports: [{ port: 1 }] }))).toEqual(['spec.clusterIP']);
    expect(await fieldsOf(create('outside', { clusterIP: '10.99.0.1', ports: [{ port: 1 }] }))).toEqual(['spec.clusterIP']);
    expect((await create('node', { type: 'NodePort', ports: [{ port: 1 }] })).spec.ports?.[0]?.nodePort).toBeGreaterThanOrEqual(30_000);
  });

  test('is refused with every problem of its ports', async () => {
    expect(
      await fieldsOf(
        create('bad', {
          ports: [
            { port: 0, targetPort: 1 },
            { port: 80, name: 'UP' },
            { port: 80, name: 'b', protocol: 'ICMP', targetPort: 'way-too-long-name' },
          ],
        }),
      ),
    ).toEqual(['spec.ports[0].name', 'spec.ports[0].port', 'spec.ports[1].name', 'spec.ports[2].protocol', 'spec.ports[2].targetPort']);
    expect(await fieldsOf(create('1st', {}))).toEqual(['metadata.name', 'spec.ports']);
  });
});

describe('other kinds', () => {
  const template = (labels: Record<string, string>) => ({ metadata: { labels }, spec: { containers: [{ name: 'c', image: 'x:1' }] } });

  test('a deployment is completed, must select its template, and keeps its selector', async () => {
    const ref = { namespace: 'default', name: 'web' };
    const made = await server.client.create(deploymentKind, { metadata: ref, spec: { selector: { matchLabels: { a: 'b' } }, template: template({ a: 'b' }) } });
    expect(made.spec).toMatchObject({
      replicas: 1,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%' } },
      template: { spec: { restartPolicy: 'Always' } },
    });
    expect(
      await fieldsOf(
        post('/apis/apps/v1/namespaces/default/deployments', {
          metadata: { name: 'x' },
          spec: { selector: { matchLabels: { a: 'b' } }, template: template({ a: 'c' }) },
        }),
      ),
    ).toEqual(['spec.template.metadata.labels']);
    const moved = { selector: { matchLabels: { a: 'c' } }, template: template({ a: 'c' }) };
    expect(await fieldsOf(server.client.update(deploymentKind, { metadata: ref, spec: moved }))).toEqual(['spec.selector']);
    const scale = await server.client.raw('GET', '/apis/apps/v1/namespaces/default/deployments/web/scale');
    expect(scale).toMatchObject({ kind: 'Scale', spec: { replicas: 1 }, status: { selector: 'a=b' } });
    const scaled = await server.client
      .patch(deploymentKind, ref, { kind: 'merge', value: { spec: { replicas: 4 } } }, { subresource: 'scale' })
      .catch((error: unknown) => error);
    expect(scaled).toMatchObject({ spec: { replicas: 4 } });
    expect((await server.client.get(deploymentKind, ref))?.spec.replicas).toBe(4);
  });

  test('a secret takes text and keeps base64', async () => {
    const made = await server.client.create(secretKind, { metadata: { namespace: 'default', name: 's' }, stringData: { a: 'ä' } });
    expect(made).toMatchObject({ type: 'Opaque', data: { a: Buffer.from('ä').toString('base64') } });
    expect(made.stringData).toBeUndefined();
    expect(await fieldsOf(post('/api/v1/namespaces/default/secrets', { metadata: { name: 't' }, type: 'kubernetes.io/tls', data: { x: '***' } }))).toEqual([
      'data.x',
      'data.tls.crt',
      'data.tls.key',
    ]);
  });

  test('an endpoint slice has addresses of its family', async () => {
    const path = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
    expect(await fieldsOf(post(path, { metadata: { name: 'e' }, addressType: 'IPv4', endpoints: [{ addresses: ['fd00::1'] }, { addresses: [] }] }))).toEqual([
      'endpoints[0].addresses[0]',
      'endpoints[1].addresses',
    ]);
    const made = await server.client.create(endpointSliceKind, {
      metadata: { namespace: 'default', name: 'e' },
      addressType: 'IPv4',
      endpoints: [],
      ports: [{ port: 80 }],
    });
    expect(made.ports).toEqual([{ name: '', port: 80, protocol: 'TCP' }]);
  });
});

describe('a write', () => {
  test('in a dry run changes nothing', async () => {
    const ref = { namespace: 'default', name: 'dry' };
    const made = await server.client.create(configMapKind, { metadata: ref }, { dryRun: true });
    expect(made.metadata.uid).toBeDefined();
    expect(await server.client.get(configMapKind, ref)).toBeUndefined();
  });

  test('without a difference makes no version', async () => {
    const ref = { namespace: 'default', name: 'same' };
    const made = await server.client.create(configMapKind, { metadata: ref, data: { a: '1' } });
    expect(await server.client.update(configMapKind, { metadata: ref, data: { a: '1' } })).toEqual(made);
  });

  test('by many at once loses none', async () => {
    const ref = { namespace: 'default', name: 'race' };
    await server.client.create(configMapKind, { metadata: ref });
    await Promise.all(Array.from({ length: 20 }, (_, i) => server.client.patch(configMapKind, ref, { kind: 'merge', value: { data: { [`k${i}`]: 'v' } } })));
    expect(Object.keys((await server.client.get(configMapKind, ref))?.data ?? {})).toHaveLength(20);
  });

  test('whose type is not that of its path is refused', async () => {
    expect((await refusalOf(post(pods, { kind: 'Service', apiVersion: 'v1', metadata: { name: 'x' } }))).code).toBe('BAD_REQUEST');
    expect((await refusalOf(post(pods, { metadata: { name: 'x', namespace: 'other' } }))).code).toBe('BAD_REQUEST');
    expect((await refusalOf(post(pods, [1]))).code).toBe('BAD_REQUEST');
  });
});
