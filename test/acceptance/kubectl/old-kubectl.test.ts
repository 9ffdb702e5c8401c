// A kubectl that is years old, as distributions ship it (1.20). OLD_KUBECTL_BIN names the executable; without it the suite is skipped and says so.
import { type KubeClient, podKind } from '@weft/kube';
import { linkerdDefinitions } from '@weft/kube/crds';
import { type ApiServer, startApiServer } from '@weft/kube/server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { everyKind, tableOfEveryKind } from './manifests.ts';
import { type KubectlRunner, kubectlRunner } from './runner.ts';

const bin = process.env.OLD_KUBECTL_BIN;
if (!bin) process.stderr.write('old kubectl acceptance tests are skipped: set OLD_KUBECTL_BIN to the executable of a kubectl 1.20\n');

describe.skipIf(!bin)('an old kubectl', () => {
  let api: ApiServer;
  let client: KubeClient;
  let runner: KubectlRunner;
  beforeAll(async () => {
    const podLogs = (namespace: string, pod: string): Promise<string> => Promise.resolve(`log of ${namespace}/${pod}\n`);
    api = await startApiServer({ definitions: linkerdDefinitions, podLogs });
    client = api.client();
    runner = kubectlRunner(bin ?? '', api.url);
  });
  afterAll(async () => {
    runner.close();
    await api.close();
  });
  const ns = ['-n', 'emojivoto'] as const;

  test('applies every kind, twice, and a change', async () => {
    const file = runner.manifest('all.yaml', everyKind('x:1'));
    expect(await runner.ok('apply', '--validate=false', '-f', file)).toContain('deployment.apps/web created');
    expect(await runner.ok('apply', '--validate=false', '-f', file)).toContain('deployment.apps/web unchanged');
    expect(await runner.ok('apply', '--validate=false', '-f', runner.manifest('two.yaml', everyKind('x:2')))).toContain('deployment.apps/web configured');
    expect(await runner.ok('get', 'deploy', 'web', ...ns, '-o', 'jsonpath={.spec.template.spec.containers[0].env[*].name}')).toBe('WEB_PORT B');
  });

  test('shows every kind as a table', async () => {
    for (const [resource, name, head] of tableOfEveryKind) {
      const table = await runner.ok('get', resource, '-A');
      expect(table.split('\n')[0]).toMatch(head);
      expect(await runner.ok('get', resource, '-A', '-o', 'name')).toContain(`/${name}`);
    }
  });

  test('changes, waits, describes, reads logs, creates and deletes', async () => {
    await runner.ok('create', 'ns', 'old');
    await runner.ok('create', 'cm', 'c', '--from-literal=a=b', '-n', 'old');
    await runner.ok('label', 'pod', 'p1', 'tier=front', ...ns);
    expect((await client.get(podKind, { namespace: 'emojivoto', name: 'p1' }))?.metadata.labels?.tier).toBe('front');
    expect(await runner.ok('scale', 'deploy', 'web', '--replicas=3', ...ns)).toContain('scaled');
    expect(await runner.ok('rollout', 'restart', 'deploy', 'web', ...ns)).toContain('restarted');
    expect(await runner.ok('describe', 'pod', 'p1', ...ns)).toContain('Name:');
    expect(await runner.ok('logs', 'p1', ...ns)).toBe('log of emojivoto/p1\n');
    expect(await runner.ok('auth', 'can-i', 'get', 'pods')).toContain('yes');
    expect(await runner.ok('delete', 'pod', 'p1', ...ns)).toContain('deleted');
    expect(await runner.ok('wait', 'ns/old', '--for=delete', '--timeout=1s').catch(String)).toContain('timed out');
    expect(await runner.ok('delete', 'ns', 'old')).toContain('deleted');
  });

  test('finds and changes custom resources', async () => {
    const server = 'apiVersion: policy.linkerd.io/v1beta1\nkind: Server\nmetadata: { name: web }\nspec: { podSelector: {}, port: 80 }\n';
    expect(await runner.ok('apply', '--validate=false', '-f', runner.manifest('server.yaml', server))).toContain('server.policy.linkerd.io/web created');
    expect(await runner.ok('get', 'srv')).toMatch(/^NAME +PORT +PROTOCOL/);
    await runner.ok('patch', 'srv', 'web', '--type=merge', '-p', '{"spec":{"port":81}}');
    expect(await runner.ok('get', 'srv', 'web', '-o', 'jsonpath={.spec.port}')).toBe('81');
    expect(await runner.ok('delete', 'srv', '--all')).toContain('deleted');
  });
});
