// The loopback runtime with real processes: Services by environment, scaling, crashes, logs, volumes, deletion.
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kill } from 'node:process';
import { configMapKind, deploymentKind, type Pod, podKind, secretKind } from '@weft/kube';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Mesh, startMesh } from './mesh.ts';

/** Answers with what it was asked for about itself; `/crash` ends it; `/ask?url=` asks another server. */
const SERVER = `
import { createServer, get } from 'node:http';
import { readFileSync } from 'node:fs';
const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://x');
  const text = (value) => response.end(String(value));
  if (url.pathname === '/crash') process.exit(3);
  else if (url.pathname === '/env') text(process.env[url.searchParams.get('name')] ?? '(unset)');
  else if (url.pathname === '/file') text(readFileSync(url.searchParams.get('path') ?? process.env[url.searchParams.get('env')], 'utf8'));
  else if (url.pathname === '/ask') get('http://' + process.env[url.searchParams.get('env')], (answer) => answer.pipe(response)).on('error', (error) => { response.statusCode = 502; text(error.message); });
  else text(process.env.ANSWER ?? process.env.HOSTNAME);
});
server.listen(Number(process.env.PORT), '127.0.0.1', () => console.log('listening'));
process.on('SIGTERM', () => { console.log('leaving'); server.close(); server.closeAllConnections(); });
`;

function deployment(name: string, env: readonly object[], extra: object = {}, container: object = {}): string {
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'shop' },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [
            {
              name: 'app',
              image: 'shop/server:1',
              command: ['server'],
              ports: [{ name: 'http', containerPort: 8080 }],
              env: [{ name: 'PORT', value: '8080' }, ...env],
              readinessProbe: { httpGet: { path: '/', port: 'http' } },
              ...container,
            },
          ],
          ...extra,
        },
      },
    },
  });
}

function service(name: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop' },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
  });
}

let directory: string;
let mesh: Mesh;
const lines: string[] = [];

beforeAll(async () => {
  directory = await fs.mkdtemp(join(tmpdir(), 'mesh-test-'));
  await fs.writeFile(join(directory, 'server.mjs'), SERVER);
  mesh = await startMesh({
    programs: { files: { server: join(directory, 'server.mjs') } },
    restartBackoffMs: 50,
    onLine: (pod, _container, line) => lines.push(`${pod.metadata.labels?.['app'] ?? ''}: ${line}`),
  });
  await mesh.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }]);
  await mesh.apply(`${service('back')}\n---\n${service('front')}`);
  await mesh.apply(deployment('back', [{ name: 'ANSWER', value: 'from back' }]));
  await mesh.apply(
    deployment('front', [
      { name: 'BY_VARIABLES', value: '$(BACK_SERVICE_HOST):$(BACK_SERVICE_PORT_HTTP)' },
      { name: 'BY_NAME', value: 'back.shop.svc.cluster.local:80' },
    ]),
  );
  await mesh.waitReady({ timeoutMs: 15_000 });
});

afterAll(async () => {
  await mesh?.close();
  await fs.rm(directory, { recursive: true, force: true });
});

async function ask(name: string, path: string): Promise<string> {
  const { host, port } = await mesh.forward({ namespace: 'shop', name, port: 80 });
  return (await fetch(`http://${host}:${port}${path}`)).text();
}

function podOf(app: string): Pod {
  const pod = mesh.pods('shop').find((one) => one.metadata.labels?.['app'] === app && one.metadata.deletionTimestamp === undefined);
  if (!pod) throw new Error(`no pod of ${app}`);
  return pod;
}

async function eventually(check: () => boolean | Promise<boolean>): Promise<void> {
  await expect.poll(check, { timeout: 10_000, interval: 25 }).toBe(true);
}

test('a server that asks HOST where to listen is told the loopback interface', async () => {
  expect(await ask('front', '/env?name=HOST')).toBe('127.0.0.1');
});

test('two Deployments talk by the variables of a Service', async () => {
  expect(await ask('front', '/ask?env=BY_VARIABLES')).toBe('from back');
});

test('a Service name with its port in the environment reaches the Service', async () => {
  expect(await ask('front', '/ask?env=BY_NAME')).toBe('from back');
});

test('pods have virtual addresses and a status', () => {
  const { status } = podOf('back');
  expect(status?.podIP).toMatch(/^10\.42\./);
  expect(status?.phase).toBe('Running');
  expect(status?.containerStatuses?.[0]).toMatchObject({ name: 'app', ready: true, restartCount: 0 });
});

test('a Deployment scales up and down', async () => {
  const ready = (): number | undefined => mesh.pods('shop').filter((pod) => pod.metadata.labels?.['app'] === 'back').length;
  await mesh.client.patch(deploymentKind, { namespace: 'shop', name: 'back' }, { kind: 'merge', value: { spec: { replicas: 3 } } });
  await mesh.waitReady({ timeoutMs: 15_000 });
  expect(ready()).toBe(3);
  await mesh.client.patch(deploymentKind, { namespace: 'shop', name: 'back' }, { kind: 'merge', value: { spec: { replicas: 1 } } });
  await eventually(() => ready() === 1);
});

test('a changed template replaces the pods without a gap', async () => {
  const before = podOf('back').metadata.uid;
  await mesh.apply(deployment('back', [{ name: 'ANSWER', value: 'from new back' }]));
  await mesh.waitReady({ timeoutMs: 15_000 });
  expect(await ask('back', '/')).toBe('from new back');
  await eventually(() => mesh.pods('shop').every((pod) => pod.metadata.uid !== before));
});

test('a crashed container is started again', async () => {
  await mesh.apply(`${service('weak')}\n---\n${deployment('weak', [])}`);
  await mesh.waitReady({ timeoutMs: 15_000 });
  await ask('weak', '/crash').catch(() => undefined);
  await eventually(() => podOf('weak').status?.containerStatuses?.[0]?.restartCount === 1);
  await eventually(() => podOf('weak').status?.containerStatuses?.[0]?.ready === true);
  expect(podOf('weak').status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode).toBe(3);
});

test('the log of a container can be read', async () => {
  expect(await mesh.client.podLog({ namespace: 'shop', name: podOf('front').metadata.name }, 'app')).toContain('listening');
});

test('ConfigMaps, Secrets, tokens and pod fields arrive as files and variables', async () => {
  await mesh.client.create(configMapKind, { metadata: { namespace: 'shop', name: 'settings' }, data: { greeting: 'hello' } });
  await mesh.client.create(secretKind, { metadata: { namespace: 'shop', name: 'password' }, stringData: { word: 'sesame' } });
  const volumes = [
    { name: 'settings', configMap: { name: 'settings' } },
    { name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token', audience: 'somebody', expirationSeconds: 3600 } }] } },
    { name: 'about', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
  ];
  const volumeMounts = [
    { name: 'settings', mountPath: '/etc/settings' },
    { name: 'token', mountPath: '/var/run/secrets/tokens' },
    { name: 'about', mountPath: '/about' },
  ];
  const env = [
    { name: 'WORD', valueFrom: { secretKeyRef: { name: 'password', key: 'word' } } },
    { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'SENTENCE', value: '$(POD) says $(WORD) not $$(WORD)' },
    { name: 'GREETING_FILE', value: '/etc/settings/greeting' },
    { name: 'TOKEN_FILE', value: '/var/run/secrets/tokens/token' },
    { name: 'LABELS_FILE', value: '/about/labels' },
  ];
  await mesh.apply(`${service('reader')}\n---\n${deployment('reader', env, { volumes }, { volumeMounts })}`);
  await mesh.waitReady({ timeoutMs: 15_000 });
  const pod = podOf('reader').metadata.name;
  expect(await ask('reader', '/env?name=SENTENCE')).toBe(`${pod} says sesame not $(WORD)`);
  expect(await ask('reader', '/file?env=GREETING_FILE')).toBe('hello');
  expect(await ask('reader', '/file?env=LABELS_FILE')).toContain('app="reader"');
  const review = await mesh.client.tokenReview(await ask('reader', '/file?env=TOKEN_FILE'), ['somebody']);
  expect(review.user?.username).toBe('system:serviceaccount:shop:default');
  expect(await ask('reader', '/env?name=HOME')).not.toBe(process.env['HOME']);
});

test('a native sidecar starts before the containers and ends after them', async () => {
  const order: string[] = [];
  const sidecar = {
    name: 'sidecar',
    image: 'shop/server:1',
    command: ['server'],
    restartPolicy: 'Always',
    ports: [{ containerPort: 9000 }],
    env: [{ name: 'PORT', value: '9000' }],
    startupProbe: { httpGet: { path: '/', port: 9000 }, periodSeconds: 1, failureThreshold: 30 },
  };
  const setup = { name: 'setup', image: 'shop/server:1', command: ['sh', '-c', 'echo prepared'] };
  await mesh.apply(deployment('assisted', [], { initContainers: [setup, sidecar] }));
  await mesh.waitReady({ timeoutMs: 15_000 });
  const pod = podOf('assisted');
  const init = pod.status?.initContainerStatuses ?? [];
  expect(init[0]?.state?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
  const since = (status: (typeof init)[number] | undefined): number => Date.parse(status?.state?.running?.startedAt ?? '');
  expect(since(init[1])).toBeLessThanOrEqual(since(pod.status?.containerStatuses?.[0]));
  order.push(...lines.filter((line) => line.startsWith('assisted: ')));
  expect(order[0]).toBe('assisted: prepared');
});

test('a deleted pod gets SIGTERM, goes, and is replaced', async () => {
  const pod = podOf('front');
  await mesh.client.delete(podKind, { namespace: 'shop', name: pod.metadata.name });
  await eventually(() => mesh.pods('shop').every((one) => one.metadata.uid !== pod.metadata.uid));
  await mesh.waitReady({ timeoutMs: 15_000 });
  expect(podOf('front').metadata.uid).not.toBe(pod.metadata.uid);
  expect(lines.filter((line) => line === 'front: leaving').length).toBeGreaterThan(0);
});

test('a container whose program is unknown says so', async () => {
  await mesh.apply(deployment('odd', [], {}, { command: ['no-such-program'] }));
  await eventually(() => podOf('odd').status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError');
  expect(podOf('odd').status?.containerStatuses?.[0]?.state?.waiting?.message).toContain('no-such-program');
});

test('closing ends every process', async () => {
  const own = await startMesh({ programs: { files: { server: join(directory, 'server.mjs') } } });
  await own.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }]);
  await own.apply(deployment('single', []));
  await own.waitReady({ timeoutMs: 15_000 });
  const [child] = own.processes();
  expect(child?.container).toBe('app');
  await own.close();
  await own.close();
  expect(() => kill(child?.pid ?? 0, 0)).toThrow('ESRCH');
});
