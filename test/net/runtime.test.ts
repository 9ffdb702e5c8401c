// The netns runtime without a mesh: addresses, names, users, mounts, redirect by the real rules, and nothing left afterwards.
import { execFile } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { configMapKind } from '@weft/kube';
import { type Mesh, netnsObstacle, startMesh } from '@weft/mesh';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const obstacle = netnsObstacle();
if (obstacle !== undefined && process.env['CI'] === 'true') throw new Error(`network namespaces are needed: ${obstacle}`);

/** `/run?code=` evaluates a function body that may await, with `fetchText` at hand; everything else tells who asked. */
const AGENT = `
import { createServer, get } from 'node:http';
import * as dns from 'node:dns/promises';
import * as fs from 'node:fs';
import * as net from 'node:net';
const fetchText = (url) => new Promise((resolve, reject) => {
  get(url, { agent: false }, (response) => { let text = ''; response.setEncoding('utf8').on('data', (chunk) => { text += chunk; }).on('end', () => resolve(text)); }).on('error', reject);
});
const Body = Object.getPrototypeOf(async () => {}).constructor;
createServer((request, response) => {
  const url = new URL(request.url, 'http://x');
  if (url.pathname !== '/run') return response.end(process.env.HOSTNAME + ' asked by ' + request.socket.remoteAddress.replace('::ffff:', ''));
  new Body('fetchText', 'dns', 'fs', 'net', url.searchParams.get('code'))(fetchText, dns, fs, net).then((value) => response.end(JSON.stringify(value ?? null)), (error) => response.end(JSON.stringify({ error: error.code ?? error.message })));
}).listen(Number(process.env.PORT));
process.on('SIGTERM', () => process.exit(0));
`;

let directory: string;
let mesh: Mesh;

function manifest(name: string, pod: object, container: object = {}): string {
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'lab' },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [
            {
              name: 'agent',
              image: 'lab/agent:1',
              command: ['agent'],
              env: [{ name: 'PORT', value: '80' }],
              ports: [{ name: 'http', containerPort: 80 }],
              readinessProbe: { httpGet: { path: '/', port: 'http' } },
              ...container,
            },
          ],
          ...pod,
        },
      },
    },
  });
}

function service(name: string, app: string, spec: object = {}): string {
  const ports = [{ name: 'http', port: 8080, targetPort: 'http' }];
  return JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'lab' }, spec: { selector: { app }, ports, ...spec } });
}

beforeAll(async () => {
  if (obstacle !== undefined) return;
  directory = await fs.mkdtemp(join(tmpdir(), 'netns-test-'));
  await fs.writeFile(join(directory, 'agent.mjs'), AGENT);
  mesh = await startMesh({ runtime: 'netns', programs: { files: { agent: join(directory, 'agent.mjs') } } });
  await mesh.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'lab' } }]);
  await mesh.apply([service('one', 'one'), service('two', 'two'), service('two-headless', 'two', { clusterIP: 'None' })].join('\n---\n'));
  await mesh.client.create(configMapKind, { metadata: { name: 'settings', namespace: 'lab' }, data: { word: 'sesame' } });
  const volumes = [{ name: 'settings', configMap: { name: 'settings' } }];
  const volumeMounts = ['/etc/lab/settings', '/lab', '/var/run/lab'].map((mountPath) => ({ name: 'settings', mountPath, readOnly: true }));
  await mesh.apply(manifest('one', { volumes }, { volumeMounts }));
  await mesh.apply(manifest('two', { securityContext: { runAsUser: 4711, runAsGroup: 4712 } }));
  await mesh.waitReady({ timeoutMs: 30_000 });
});

afterAll(async () => {
  await mesh?.close();
  if (directory !== undefined) await fs.rm(directory, { recursive: true, force: true });
});

/** Runs code in the pod of a Deployment. */
async function inPod(app: string, code: string): Promise<unknown> {
  const { host, port } = await mesh.forward({ namespace: 'lab', name: app, port: 8080 });
  return (await fetch(`http://${host}:${port}/run?code=${encodeURIComponent(code)}`)).json();
}

function podIp(app: string): string {
  return mesh.pods('lab').find((pod) => pod.metadata.labels?.['app'] === app)?.status?.podIP ?? '';
}

describe.skipIf(obstacle !== undefined)('the netns runtime', () => {
  test('a pod reaches another by ClusterIP, by every form of its name, and is seen with its own address', async () => {
    const expected = `${mesh.pods('lab').find((pod) => pod.metadata.labels?.['app'] === 'two')?.metadata.name ?? ''} asked by ${podIp('one')}`;
    for (const host of ['process.env.TWO_SERVICE_HOST', "'two'", "'two.lab'", "'two.lab.svc.cluster.local'", "'two-headless'"]) {
      const port = host.includes('headless') ? 80 : 8080;
      expect(await inPod('one', `return fetchText('http://' + ${host} + ':${port}/')`)).toBe(expected);
    }
  });

  test('a pod reaches itself through its Service', async () => {
    expect(await inPod('one', "return fetchText('http://one:8080/')")).toMatch(/^one-.* asked by /);
  });

  test('names have A and SRV records, an empty AAAA answer, and NXDOMAIN where there is nothing', async () => {
    expect(await inPod('one', "return dns.resolve4('two-headless.lab.svc.cluster.local')")).toEqual([podIp('two')]);
    expect(await inPod('one', "return dns.resolveSrv('_http._tcp.two-headless.lab.svc.cluster.local')")).toMatchObject([{ port: 80 }]);
    expect(await inPod('one', "return dns.resolve6('two.lab.svc.cluster.local')")).toEqual({ error: 'ENODATA' });
    expect(await inPod('one', "return dns.resolve4('three.lab.svc.cluster.local')")).toEqual({ error: 'ENOTFOUND' });
    expect(await inPod('one', "return dns.lookup('example.com')")).toEqual({ error: 'ENOTFOUND' });
  });

  test('there is no way out, and an unknown ClusterIP fails at once', async () => {
    const connect = (host: string): string =>
      `return new Promise((resolve, reject) => net.connect(80, '${host}', () => resolve('connected')).on('error', reject))`;
    expect(await inPod('one', connect('1.1.1.1'))).toEqual({ error: 'ENETUNREACH' });
    expect(await inPod('one', connect('10.43.255.254'))).toEqual({ error: 'ENETUNREACH' });
  });

  test('containers run as the user asked for, without capabilities, and see the pod’s resolver', async () => {
    const who = "return [process.getuid(), process.getgid(), process.getgroups(), /CapEff:\\s*(\\w+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]]";
    expect(await inPod('two', who)).toEqual([4711, 4712, [4712], '0000000000000000']);
    expect(await inPod('one', who)).toEqual([65532, 65532, [65532], '0000000000000000']);
    expect(await inPod('one', "return fs.readFileSync('/etc/resolv.conf', 'utf8')")).toContain('search lab.svc.cluster.local');
  });

  test('volumes appear at paths that the machine does not have, read-only, and not on the machine', async () => {
    for (const path of ['/etc/lab/settings', '/lab', '/var/run/lab']) {
      expect(await inPod('one', `return fs.readFileSync('${path}/word', 'utf8')`)).toBe('sesame');
      expect(await inPod('one', `fs.writeFileSync('${path}/word', 'x')`)).toMatchObject({ error: expect.stringMatching(/EROFS|EACCES/) as string });
      await expect(fs.access(path)).rejects.toThrow('ENOENT');
    }
  });

  test('a mesh that closes leaves no namespace, no process and no directory', async () => {
    const before = new Set(await fs.readdir('/run/netns'));
    const own = await startMesh({ runtime: 'netns', programs: { files: { agent: join(directory, 'agent.mjs') } } });
    await own.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'lab' } }]);
    await own.apply(manifest('one', {}));
    await own.waitReady({ timeoutMs: 30_000 });
    const made = (await fs.readdir('/run/netns')).filter((name) => !before.has(name));
    expect(made).toHaveLength(2);
    const [pod = ''] = made.filter((name) => !name.endsWith('node'));
    const pids = (await run('ip', ['netns', 'pids', pod])).stdout.trim().split('\n');
    const directories = (await fs.readdir('/tmp')).filter((name) => name.startsWith('weft-'));
    await own.close();
    const left = await fs.readdir('/run/netns');
    expect(made.filter((name) => left.includes(name))).toEqual([]);
    for (const pid of pids) await expect(fs.access(`/proc/${pid}/cwd`)).rejects.toThrow('ENOENT');
    expect((await fs.readdir('/tmp')).filter((name) => directories.includes(name)).length).toBeLessThan(directories.length);
  });
});
