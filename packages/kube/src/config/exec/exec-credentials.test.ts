// Real programs as plug-ins: this Node running a script that appends to a log what it was told.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { manualClock } from '@weft/core';
import { afterAll, expect, test } from 'vitest';
import { kubeClient, loadKubeconfig, namespaceKind } from '../../index.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'exec-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const log = path.join(directory, 'log');
const script = path.join(directory, 'plugin.cjs');
writeFileSync(
  script,
  `const fs = require('node:fs');
const info = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
const before = fs.existsSync(process.env.LOG) ? fs.readFileSync(process.env.LOG, 'utf8').trim().split('\\n').length : 0;
fs.appendFileSync(process.env.LOG, JSON.stringify({ info, args: process.argv.slice(2), home: process.env.HOME }) + '\\n');
const status = process.argv[2] === 'cert'
  ? { clientCertificateData: 'CERT', clientKeyData: 'KEY' }
  : { token: 't' + (before + 1), ...(process.argv[3] ? { expirationTimestamp: process.argv[3] } : {}) };
if (process.argv[2] === 'fail') process.exit(3);
process.stdout.write(process.argv[2] === 'garbage' ? 'hello' : JSON.stringify({ apiVersion: info.apiVersion, kind: 'ExecCredential', status }));
`,
);

interface Plugin {
  readonly args?: readonly string[];
  readonly version?: string;
  readonly more?: string;
  readonly server?: string;
  readonly command?: string;
}

const kubeconfig = ({
  args = ['token'],
  version = 'v1',
  more = 'interactiveMode: Never',
  server = 'https://k:6443',
  command = process.execPath,
}: Plugin): string => `
current-context: x
contexts: [{ name: x, context: { cluster: c, user: u } }]
clusters:
  - name: c
    cluster:
      server: "${server}"
      tls-server-name: kube
      extensions: [{ name: client.authentication.k8s.io/exec, extension: { audience: mine } }]
users:
  - name: u
    user:
      exec:
        apiVersion: client.authentication.k8s.io/${version}
        command: ${command}
        args: ${JSON.stringify([script, ...args])}
        env: [{ name: LOG, value: ${log} }]
        ${more}
`;
const logged = (): { info: unknown; args: string[]; home: string }[] =>
  readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { info: unknown; args: string[]; home: string });

test('runs the program once for many requests, and again when its answer has expired', async () => {
  rmSync(log, { force: true });
  const clock = manualClock({ wall: Date.parse('2026-01-01T00:00:00Z') });
  const more = 'interactiveMode: Never\n        provideClusterInfo: true';
  const { credentials } = loadKubeconfig(kubeconfig({ args: ['token', '2026-01-01T00:10:00Z'], more }), { clock, env: { HOME: '/home/me' } });
  const both = await Promise.all([credentials?.current(), credentials?.current()]);
  expect(both).toEqual([{ authorization: 'Bearer t1' }, { authorization: 'Bearer t1' }]);
  expect(logged()).toEqual([
    {
      info: {
        apiVersion: 'client.authentication.k8s.io/v1',
        kind: 'ExecCredential',
        spec: { interactive: false, cluster: { server: 'https://k:6443', 'tls-server-name': 'kube', config: { audience: 'mine' } } },
      },
      args: ['token', '2026-01-01T00:10:00Z'],
      home: '/home/me',
    },
  ]);
  clock.advance(599_999);
  expect(await credentials?.current()).toEqual({ authorization: 'Bearer t1' });
  clock.advance(1);
  expect(await credentials?.current()).toEqual({ authorization: 'Bearer t2' });
});

test('gives client certificates, in v1beta1 without interactiveMode too', async () => {
  const { credentials } = loadKubeconfig(kubeconfig({ args: ['cert'], version: 'v1beta1', more: '' }));
  expect(await credentials?.current()).toEqual({ cert: 'CERT', key: 'KEY' });
  expect(JSON.stringify(logged().at(-1)?.info)).not.toContain('cluster');
});

test('is asked again after a 401, and the request is sent once more', async () => {
  rmSync(log, { force: true });
  const seen: string[] = [];
  const server = http.createServer((request, response) => {
    seen.push(request.headers.authorization ?? '');
    const good = request.headers.authorization === 'Bearer t2';
    response.writeHead(good ? 200 : 401, { 'content-type': 'application/json' });
    response.end(JSON.stringify(good ? { metadata: { name: 'a' } } : { kind: 'Status', code: 401, reason: 'Unauthorized', message: 'no' }));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const client = kubeClient(loadKubeconfig(kubeconfig({ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })));
  expect((await client.get(namespaceKind, { name: 'a' }))?.metadata.name).toBe('a');
  expect(seen).toEqual(['Bearer t1', 'Bearer t2']);
  // Refused for good: asked once more each time, never for ever.
  writeFileSync(log, `${'{}\n'.repeat(5)}`);
  await client.get(namespaceKind, { name: 'a' });
  client.close();
  server.close();
});

test.each([
  [{ args: ['fail'] }, 'ended with exit status 3'],
  [{ args: ['garbage'] }, 'printed no JSON'],
  [{ args: ['token', 'tomorrow'] }, 'which is no time'],
  [{ command: 'no-such-plugin', more: 'interactiveMode: Never\n        installHint: apt install it' }, /cannot be run.*: apt install it/],
])('says what is wrong with %j', async (plugin, message) => {
  const { credentials } = loadKubeconfig(kubeconfig(plugin));
  const asked = Promise.resolve(credentials?.current());
  await expect(asked).rejects.toThrow('kubeconfig: user u: exec');
  await expect(asked).rejects.toThrow(message);
  await expect(asked).rejects.toMatchObject({ code: 'CONFIG' });
});

test('names every field of exec that is wrong', () => {
  const bad = kubeconfig({ version: 'v2', more: 'interactiveMode: Sometimes' })
    .replace(`command: ${process.execPath}`, 'command: ""')
    .replace('name: LOG, value', 'name: LOG, valu');
  const fields = ['exec.apiVersion', 'exec.command', 'exec.env[0]', 'exec.interactiveMode'];
  for (const field of fields) expect(() => loadKubeconfig(bad)).toThrow(`user u: ${field}: `);
  expect(() => loadKubeconfig(kubeconfig({ more: '' }))).toThrow('exec.interactiveMode: is needed');
});
