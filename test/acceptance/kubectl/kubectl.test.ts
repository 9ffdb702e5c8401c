// kubectl against the embedded API server. KUBECTL_BIN names the executable; without it the suite is skipped and says so.
import { spawn } from 'node:child_process';
import { deploymentKind, eventKind, type KubeClient, podKind } from '@weft/kube';
import { type ApiServer, startApiServer } from '@weft/kube/server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { everyKind, tableOfEveryKind } from './manifests.ts';
import { type KubectlRunner, kubectlRunner } from './runner.ts';

const bin = process.env.KUBECTL_BIN;
if (!bin) process.stderr.write('kubectl acceptance tests are skipped: set KUBECTL_BIN to the executable of a current kubectl\n');

describe.skipIf(!bin)('kubectl', () => {
  let api: ApiServer;
  let client: KubeClient;
  let runner: KubectlRunner;
  beforeAll(async () => {
    api = await startApiServer({ podLogs: (namespace, pod, container) => Promise.resolve(`log of ${namespace}/${pod}/${container}\n`) });
    client = api.client();
    runner = kubectlRunner(bin ?? '', api.url);
  });
  afterAll(async () => {
    runner.close();
    await api.close();
  });
  const kubectl: KubectlRunner['run'] = (...args) => runner.run(...args);
  const ok: KubectlRunner['ok'] = (...args) => runner.ok(...args);
  const manifest: KubectlRunner['manifest'] = (name, text) => runner.manifest(name, text);
  const ns = ['-n', 'emojivoto'] as const;

  test('sees the version and every kind', async () => {
    expect(await ok('version')).toContain('Server Version');
    const resources = await ok('api-resources');
    for (const kind of ['Pod', 'Deployment', 'EndpointSlice', 'MutatingWebhookConfiguration', 'TokenReview']) expect(resources).toContain(kind);
    expect(await ok('get', 'ns')).toMatch(/^default\s+Active/m);
  });

  test('applies every kind, finds nothing to change, then changes one', async () => {
    const file = manifest('all.yaml', everyKind('x:1'));
    const created = await ok('apply', '-f', file);
    expect(
      created
        .trim()
        .split('\n')
        .every((line) => line.endsWith('created')),
    ).toBe(true);
    expect(await ok('apply', '-f', file)).toContain('deployment.apps/web unchanged');
    expect(await ok('apply', '-f', manifest('changed.yaml', everyKind('x:2')))).toContain('deployment.apps/web configured');
    const container = JSON.parse(await ok('get', 'deploy', 'web', ...ns, '-o', 'jsonpath={.spec.template.spec.containers[0]}')) as object;
    // A strategic merge that knows no merge keys would lose these without a word.
    expect(container).toMatchObject({ image: 'x:2', env: [{ name: 'WEB_PORT' }, { name: 'B' }], ports: [{ containerPort: 8080 }] });
  });

  test.each(tableOfEveryKind)('gets %s as a table, wide, by name, as YAML and as JSON', async (resource, name, columns) => {
    const table = await ok('get', resource, '-A');
    expect(table.split('\n')[0]).toMatch(columns);
    expect((await ok('get', resource, '-A', '-o', 'wide')).split('\n')[0]?.length).toBeGreaterThanOrEqual((table.split('\n')[0] ?? '').trimEnd().length);
    expect(await ok('get', resource, '-A', '-o', 'name')).toContain(`/${name}`);
    expect(await ok('get', resource, '-A', '-o', 'yaml')).toContain(`name: ${name}`);
    expect((JSON.parse(await ok('get', resource, '-A', '-o', 'json')) as { items: object[] }).items.length).toBeGreaterThan(0);
  });

  test('watches', async () => {
    const watching = spawn(bin ?? '', [...runner.common, 'get', 'pods', ...ns, '-w'], { env: runner.env });
    let text = '';
    /** Whole lines: a chunk may end anywhere. */
    const rows = (): readonly string[] => text.split('\n').slice(0, -1);
    const arrived = (wanted: () => boolean): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!wanted()) return;
          watching.stdout.off('data', look);
          resolve();
        };
        watching.stdout.on('data', look);
        look();
      });
    watching.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await arrived(() => rows().some((row) => row.startsWith('p1')));
    await ok('run', 'seen', '--image=x:1', ...ns);
    await ok('label', 'pod', 'seen', 'a=b', ...ns);
    await ok('delete', 'pod', 'seen', ...ns);
    await arrived(() => rows().filter((row) => row.startsWith('seen')).length === 3);
    watching.kill();
    expect(rows()[0]).toMatch(/^NAME +READY +STATUS/);
  });

  test('changes objects in every way it knows', async () => {
    await ok('label', 'pod', 'p1', 'tier=front', ...ns);
    await ok('annotate', 'pod', 'p1', 'note=x', ...ns);
    expect(await ok('scale', 'deploy', 'web', '--replicas=3', ...ns)).toContain('scaled');
    expect(await ok('rollout', 'restart', 'deploy', 'web', ...ns)).toContain('restarted');
    expect(await ok('set', 'image', 'deploy/web', 'web=x:3', ...ns)).toContain('image updated');
    await ok('patch', 'deploy', 'web', ...ns, '-p', '{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"B","value":"9"}]}]}}}}');
    await ok('patch', 'deploy', 'web', ...ns, '--type=merge', '-p', '{"spec":{"minReadySeconds":1}}');
    await ok('patch', 'deploy', 'web', ...ns, '--type=json', '-p', '[{"op":"remove","path":"/spec/minReadySeconds"}]');
    const spec = await ok('get', 'deploy', 'web', ...ns, '-o', 'jsonpath={.spec.replicas} {.spec.minReadySeconds} {.spec.template.spec.containers[0].env}');
    expect(spec).toBe('3  [{"name":"WEB_PORT","value":"8080"},{"name":"B","value":"9"}]');
    expect((await client.get(podKind, { namespace: 'emojivoto', name: 'p1' }))?.metadata).toMatchObject({
      labels: { tier: 'front' },
      annotations: { note: 'x' },
    });
    expect(await ok('expose', 'deploy', 'web', '--port=80', '--name=exposed', ...ns)).toContain('exposed');
  });

  test('describes, waits, reads logs and events', async () => {
    const pod = await client.get(podKind, { namespace: 'emojivoto', name: 'p1' });
    const involvedObject = { kind: 'Pod', namespace: 'emojivoto', name: 'p1', uid: pod?.metadata.uid ?? '' };
    await client.create(eventKind, { metadata: { namespace: 'emojivoto', name: 'p1.2' }, involvedObject, reason: 'Pulled', message: 'there', type: 'Normal' });
    expect(await ok('describe', 'pod', 'p1', ...ns)).toMatch(/Pulled.*there/);
    expect(await ok('describe', 'deploy', 'web', ...ns)).toContain('Replicas:               3 desired');
    expect(await ok('describe', 'svc', 'web-svc', ...ns)).toContain('10.42.0.5:8080');
    expect(await ok('wait', 'pod', 'p1', '--for=jsonpath={.status.phase}=Pending', '--timeout=5s', ...ns)).toContain('condition met');
    expect(await ok('logs', 'p1', ...ns)).toBe('log of emojivoto/p1/c\n');
    expect(await ok('events', ...ns)).toContain('hello');
    expect(await ok('explain', 'pod')).toContain('Pod');
    expect(await ok('get', 'all', ...ns)).toContain('deployment.apps/web');
  });

  test('applies on the server, with owners and conflicts', async () => {
    const file = manifest('ssa.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ssa, namespace: emojivoto }\ndata: { a: "1", b: "2" }\n');
    await ok('apply', '--server-side', '-f', file);
    await ok('patch', 'cm', 'ssa', ...ns, '--field-manager=other', '-p', '{"data":{"a":"9"}}');
    const conflict = await kubectl('apply', '--server-side', '-f', file);
    expect(conflict.err).toContain('conflict with "other" using v1: .data.a');
    await ok('apply', '--server-side', '--force-conflicts', '-f', file);
    await ok(
      'apply',
      '--server-side',
      '-f',
      manifest('less.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ssa, namespace: emojivoto }\ndata: { a: "1" }\n'),
    );
    expect(await ok('get', 'cm', 'ssa', ...ns, '-o', 'jsonpath={.data}')).toBe('{"a":"1"}');
    // What was applied from the client side is taken over.
    await ok('apply', '-f', manifest('csa.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: csa, namespace: emojivoto }\ndata: { a: "1", b: "2" }\n'));
    await ok(
      'apply',
      '--server-side',
      '-f',
      manifest('csa2.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: csa, namespace: emojivoto }\ndata: { a: "3" }\n'),
    );
    expect(await ok('get', 'cm', 'csa', ...ns, '-o', 'jsonpath={.data}')).toBe('{"a":"3"}');
    // What others have added since stays.
    const mixed = manifest('mixed.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: mixed, namespace: emojivoto }\ndata: { a: "1" }\n');
    await ok('apply', '-f', mixed);
    await ok('patch', 'cm', 'mixed', ...ns, '-p', '{"data":{"x":"9"}}');
    await ok('apply', '--server-side', '-f', mixed);
    expect(await ok('get', 'cm', 'mixed', ...ns, '-o', 'jsonpath={.data}')).toBe('{"a":"1","x":"9"}');
  });

  test('prints every problem of a manifest', async () => {
    const file = manifest(
      'bad.yaml',
      'apiVersion: v1\nkind: Pod\nmetadata: { name: bad }\nspec: { containers: [ { name: "Bad_Name", ports: [ { containerPort: 70000 } ] } ] }\n',
    );
    const { code, err } = await kubectl('apply', '-f', file);
    expect(code).toBe(1);
    expect(err).toContain('spec.containers[0].name: Invalid value');
    expect(err).toContain('spec.containers[0].image: Required value');
    expect(err).toContain('spec.containers[0].ports[0].containerPort: Invalid value');
  });

  test('creates without a manifest, in protobuf', async () => {
    await ok('create', 'ns', 'direct');
    const here = ['-n', 'direct'] as const;
    await ok('create', 'cm', 'settings', '--from-literal=a=1', ...here);
    await ok('create', 'secret', 'generic', 'key', '--from-literal=k=v', ...here);
    await ok('create', 'sa', 'robot', ...here);
    await ok('create', 'deploy', 'web', '--image=x:1', '--replicas=0', '--port=80', ...here);
    await ok('create', 'svc', 'clusterip', 'web', '--tcp=80:8080', ...here);
    await ok('create', 'job', 'once', '--image=x:1', ...here, '--', 'true');
    await ok('create', 'cronjob', 'often', '--image=x:1', '--schedule=*/5 * * * *', ...here);
    await ok('create', 'role', 'reader', '--verb=get', '--resource=pods', ...here);
    await ok('create', 'rolebinding', 'reads', '--role=reader', '--serviceaccount=direct:robot', ...here);
    await ok('create', 'pdb', 'some', '--selector=app=web', '--min-available=1', ...here);
    expect(await ok('get', 'cm', 'settings', ...here, '-o', 'jsonpath={.data}')).toBe('{"a":"1"}');
    expect(await ok('get', 'secret', 'key', ...here, '-o', 'jsonpath={.data}')).toBe('{"k":"dg=="}');
    expect(await ok('get', 'deploy', 'web', ...here, '-o', 'jsonpath={.spec.replicas} {.spec.template.spec.containers[0].ports}')).toBe(
      '0 [{"containerPort":80,"protocol":"TCP"}]',
    );
    expect(await ok('get', 'svc', 'web', ...here, '-o', 'jsonpath={.spec.ports[0].targetPort}')).toBe('8080');
    expect(await ok('get', 'jobs,cronjobs,pdb,rolebindings', ...here)).toMatch(/Running[^]*\*\/5 \* \* \* \*[^]*N\/A[^]*Role\/reader/);
    expect((await ok('create', 'token', 'robot', ...here)).split('.')).toHaveLength(3);
    expect(await ok('auth', 'can-i', 'create', 'pods', ...here)).toBe('yes\n');
    expect(await ok('auth', 'whoami')).toContain('kubernetes-admin');
  });

  test('explains built-in kinds by their fields', async () => {
    expect(await ok('explain', 'pod.spec.containers.env')).toMatch(/valueFrom\s+<EnvVarSource>/);
    expect(await ok('explain', 'deployment.spec.strategy.rollingUpdate')).toContain('maxSurge');
  });

  test('removes list elements and keys when it applies a manifest without them', async () => {
    const deployment = (containers: string): string =>
      `apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: lists, namespace: direct }\nspec: { selector: { matchLabels: { a: b } }, template: { metadata: { labels: { a: b } }, spec: { containers: [${containers}] } } }\n`;
    await ok(
      'apply',
      '-f',
      manifest('l1.yaml', deployment('{ name: a, image: "x:1", env: [{ name: A, value: "1" }, { name: B, value: "2" }] }, { name: b, image: "x:1" }')),
    );
    await ok('set', 'env', 'deploy/lists', 'C=3', '-c', 'a', '-n', 'direct');
    await ok('apply', '-f', manifest('l2.yaml', deployment('{ name: a, image: "x:2", env: [{ name: B, value: "2" }] }')));
    const containers = JSON.parse(await ok('get', 'deploy', 'lists', '-n', 'direct', '-o', 'jsonpath={.spec.template.spec.containers}')) as object[];
    expect(containers).toEqual([
      expect.objectContaining({
        name: 'a',
        image: 'x:2',
        env: [
          { name: 'B', value: '2' },
          { name: 'C', value: '3' },
        ],
      }),
    ]);
  });

  test('waits for a rollout that a controller reports', async () => {
    const waiting = ok('rollout', 'status', 'deploy/web', '-n', 'direct', '--timeout=20s');
    const { metadata } = (await client.get(deploymentKind, { namespace: 'direct', name: 'web' })) ?? {};
    await client.patch(deploymentKind, { namespace: 'direct', name: 'web' }, { kind: 'merge', value: { spec: { replicas: 1 } } });
    const status = { observedGeneration: (metadata?.generation ?? 0) + 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
    await client.patch(deploymentKind, { namespace: 'direct', name: 'web' }, { kind: 'merge', value: { status } }, { subresource: 'status' });
    expect(await waiting).toContain('successfully rolled out');
  });

  test('deletes what a file names, and waits until it is gone', async () => {
    const deleted = await ok('delete', '-f', manifest('all.yaml', everyKind('x:1')));
    expect(deleted).toContain('namespace "emojivoto" deleted');
    expect((await kubectl('get', 'ns', 'emojivoto')).code).toBe(1);
    expect((await client.list(podKind)).items).toEqual([]);
  });
});
