// kubectl against the embedded API server. KUBECTL_BIN names the executable; without it the suite is skipped and says so.
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventKind, type KubeClient, podKind } from '@weft/kube';
import { type ApiServer, startApiServer } from '@weft/kube/server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { everyKind, tableOfEveryKind } from './manifests.ts';

const bin = process.env.KUBECTL_BIN;
if (!bin) process.stderr.write('kubectl acceptance tests are skipped: set KUBECTL_BIN to the executable of a current kubectl\n');

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

describe.skipIf(!bin)('kubectl', () => {
  let api: ApiServer;
  let client: KubeClient;
  let directory = '';
  beforeAll(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'weft-kubectl-'));
    api = await startApiServer({ podLogs: (namespace, pod, container) => Promise.resolve(`log of ${namespace}/${pod}/${container}\n`) });
    client = api.client();
  });
  afterAll(async () => {
    await api.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const kubectl = (...args: readonly string[]): Promise<Run> =>
    new Promise((resolve) => {
      const all = ['--server', api.url, '--cache-dir', path.join(directory, 'cache'), '--request-timeout', '20s', ...args];
      execFile(bin ?? '', all, { env: { HOME: directory, PATH: process.env.PATH }, timeout: 60_000 }, (error, out, err) => {
        resolve({ code: error ? Number(error.code ?? 1) : 0, out, err });
      });
    });
  /** Fails with what kubectl said. */
  const ok = async (...args: readonly string[]): Promise<string> => {
    const run = await kubectl(...args);
    if (run.code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${run.code}: ${run.err}`);
    return run.out;
  };
  const manifest = (name: string, text: string): string => {
    const file = path.join(directory, name);
    writeFileSync(file, text);
    return file;
  };
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
    const watching = spawn(bin ?? '', ['--server', api.url, '--cache-dir', path.join(directory, 'cache'), 'get', 'pods', ...ns, '-w'], {
      env: { HOME: directory, PATH: process.env.PATH },
    });
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

  test('creates by command, for which it sends protobuf', async () => {
    await ok('create', 'ns', 'direct');
    const there = ['-n', 'direct'] as const;
    await ok(...there, 'create', 'cm', 'c', '--from-literal=a=b', '--from-literal=empty=');
    await ok(...there, 'create', 'secret', 'generic', 's', '--from-literal=p=q');
    await ok(...there, 'create', 'sa', 'bot');
    await ok(...there, 'create', 'deployment', 'web', '--image=x:1', '--port=80', '--replicas=0');
    await ok(...there, 'create', 'service', 'clusterip', 'web', '--tcp=80:http');
    await ok(...there, 'run', 'p', '--image=x:1', '--env=A=B', '--port=99');
    expect(await ok(...there, 'get', 'cm/c', '-o', 'jsonpath={.data}')).toBe('{"a":"b","empty":""}');
    expect(await ok(...there, 'get', 'secret/s', '-o', 'jsonpath={.data.p}')).toBe('cQ==');
    expect(await ok(...there, 'get', 'deploy/web', '-o', 'jsonpath={.spec.replicas} {.spec.template.spec.containers[0].ports[0].containerPort}')).toBe('0 80');
    expect(await ok(...there, 'get', 'svc/web', '-o', 'jsonpath={.spec.ports[0].targetPort}')).toBe('http');
    expect(await ok(...there, 'get', 'pod/p', '-o', 'jsonpath={.spec.containers[0].env[0].value}')).toBe('B');
    expect(await ok('auth', 'can-i', 'create', 'pods')).toContain('yes');
    expect((await kubectl('create', 'ns', 'direct')).err).toContain('already exists');
    await ok('delete', 'ns', 'direct');
  });

  test('deletes what a file names, and waits until it is gone', async () => {
    const deleted = await ok('delete', '-f', manifest('all.yaml', everyKind('x:1')));
    expect(deleted).toContain('namespace "emojivoto" deleted');
    expect((await kubectl('get', 'ns', 'emojivoto')).code).toBe(1);
    expect((await client.list(podKind)).items).toEqual([]);
  });
});
