// kubectl and the mesh's custom resources. KUBECTL_BIN names the executable; without it the suite is skipped and says so.
import { gatewayDefinitions, linkerdDefinitions } from '@weft/kube/crds';
import { type ApiServer, startApiServer } from '@weft/kube/server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KubectlRunner, kubectlRunner } from './runner.ts';

const bin = process.env.KUBECTL_BIN;
if (!bin) process.stderr.write('kubectl tests of custom resources are skipped: set KUBECTL_BIN to the executable of a current kubectl\n');

const PROFILE = `
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: { name: web-svc.default.svc.cluster.local, namespace: default }
spec:
  routes:
    - name: GET /list
      condition: { all: [ { method: GET }, { pathRegex: /list } ] }
      responseClasses: [ { condition: { status: { min: 500, max: 599 } }, isFailure: true } ]
      timeout: 300ms
  retryBudget: { retryRatio: 0.2, minRetriesPerSecond: 10, ttl: 10s }
  dstOverrides: [ { authority: a.default.svc.cluster.local:80, weight: 900m }, { authority: b.default.svc.cluster.local:80, weight: 1 } ]
`;
const SERVER = `
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: { name: web, namespace: default }
spec: { podSelector: { matchLabels: { app: web } }, port: http }
`;

describe.skipIf(!bin)('kubectl and custom resources', () => {
  let api: ApiServer;
  let runner: KubectlRunner;
  beforeAll(async () => {
    api = await startApiServer();
    runner = kubectlRunner(bin ?? '', api.url);
  });
  afterAll(async () => {
    runner.close();
    await api.close();
  });

  test('applies a definition and an object of it in one file', async () => {
    const [definition] = linkerdDefinitions.filter(({ metadata }) => metadata.name === 'serviceprofiles.linkerd.io');
    const file = runner.manifest('profile.yaml', `${JSON.stringify(definition)}\n---${PROFILE}`);
    await runner.ok('apply', '-f', runner.manifest('definition.json', JSON.stringify(definition)));
    expect(await runner.ok('apply', '-f', file)).toContain('serviceprofile.linkerd.io/web-svc.default.svc.cluster.local created');
    expect(await runner.ok('apply', '-f', file)).toMatch(/serviceprofile.linkerd.io\/\S+ unchanged/);
    expect(await runner.ok('wait', '--for=condition=Established', 'crd/serviceprofiles.linkerd.io', '--timeout=10s')).toContain('condition met');
  });

  test('applies every other definition of the mesh', async () => {
    const items = [...linkerdDefinitions, ...gatewayDefinitions];
    await runner.ok('apply', '--server-side', '-f', runner.manifest('all.json', JSON.stringify({ apiVersion: 'v1', kind: 'List', items })));
    const resources = await runner.ok('api-resources', '--api-group=policy.linkerd.io');
    expect(resources).toMatch(/servers +srv +policy.linkerd.io\/v1beta3 +true +Server/);
    expect((await runner.ok('get', 'crd', '-o', 'name')).trim().split('\n')).toHaveLength(items.length);
  });

  test('explains, shows, describes and patches', async () => {
    await runner.ok('apply', '-f', runner.manifest('server.yaml', SERVER));
    expect(await runner.ok('explain', 'sp.spec.retryBudget')).toMatch(/retryRatio\s+<number> -required-/);
    expect(await runner.ok('explain', 'server.spec', '--api-version=policy.linkerd.io/v1beta2')).not.toContain('accessPolicy');
    expect(await runner.ok('get', 'srv')).toMatch(/NAME +PORT +PROTOCOL +ACCESS POLICY\nweb +http +unknown +deny/);
    expect(await runner.ok('get', 'servers.v1beta1.policy.linkerd.io', 'web', '-o', 'jsonpath={.apiVersion}')).toBe('policy.linkerd.io/v1beta1');
    expect(await runner.ok('describe', 'srv', 'web')).toMatch(/Access Policy: +deny/);
    await runner.ok('patch', 'srv', 'web', '--type=merge', '-p', '{"spec":{"proxyProtocol":"HTTP/2"}}');
    expect(await runner.ok('wait', 'srv/web', '--for=jsonpath={.spec.proxyProtocol}=HTTP/2', '--timeout=10s')).toContain('condition met');
  });

  test('prints what is wrong with an object, and what is not known', async () => {
    const both = 'spec: { podSelector: {}, externalWorkloadSelector: {}, port: 80, proxyProtocol: HTTP/9 }';
    const bad = await runner.run('apply', '-f', runner.manifest('bad.yaml', SERVER.replace(/spec:.*/, both)));
    expect(bad.err).toContain('spec.proxyProtocol: Unsupported value: "HTTP/9"');
    expect(bad.err).toContain('must validate one and only one schema (oneOf)');
    const typo = await runner.run('apply', '-f', runner.manifest('typo.yaml', SERVER.replace('port: http', 'prot: http, port: http')));
    expect(typo.err).toContain('unknown field "spec.prot"');
  });

  test('deletes a definition with its objects', async () => {
    expect(await runner.ok('delete', 'crd', 'serviceprofiles.linkerd.io', '--timeout=20s')).toContain('deleted');
    expect((await runner.run('get', 'sp')).err).toContain('the server could not find the requested resource');
  });
});
