import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { inClusterConfig } from './in-cluster.ts';
import { loadKubeconfig } from './kubeconfig.ts';

const directories: string[] = [];
const temporary = (name: string): string => {
  const directory = mkdtempSync(path.join(tmpdir(), `${name}-`));
  directories.push(directory);
  return directory;
};
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const config = `
apiVersion: v1
kind: Config
current-context: one
contexts:
  - { name: one, context: { cluster: c, user: u, namespace: n } }
  - { name: two, context: { cluster: c, user: certs } }
clusters:
  - { name: c, cluster: { server: "https://k:6443", certificate-authority-data: ${base64('CA')}, tls-server-name: kube } }
users:
  - { name: u, user: { token: secret } }
  - { name: certs, user: { client-certificate-data: ${base64('CERT')}, client-key: key.pem } }
`;

test('reads the current context with token and authority', () => {
  expect(loadKubeconfig(config)).toEqual({ server: 'https://k:6443', namespace: 'n', ca: 'CA', token: 'secret', tlsServerName: 'kube' });
});

test('reads files relative to the kubeconfig', () => {
  const directory = temporary('kubeconfig');
  writeFileSync(path.join(directory, 'config'), config);
  writeFileSync(path.join(directory, 'key.pem'), 'KEY');
  expect(loadKubeconfig(path.join(directory, 'config'), { context: 'two' })).toMatchObject({ namespace: 'default', cert: 'CERT', key: 'KEY' });
});

test.each([
  ['no-such-file', 'cannot read'],
  ['a: [\n', 'kubeconfig: '],
  ['kind: Config\n', 'no current-context'],
  ['current-context: x\ncontexts: []\n', 'there is no context x'],
  [config.replace('token: secret', 'exec: { command: x }'), 'exec plug-in'],
])('says what is wrong with %j', (text, message) => {
  expect(() => loadKubeconfig(text)).toThrow(message);
});

test('reads the files of a pod, the token again for each request', () => {
  const directory = temporary('serviceaccount');
  for (const [name, text] of [
    ['token', 't1'],
    ['ca.crt', 'CA'],
    ['namespace', 'ns'],
  ] as const)
    writeFileSync(path.join(directory, name), text);
  const found = inClusterConfig({ directory, env: { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' } });
  expect(found).toMatchObject({ server: 'https://[fd00::1]:443', namespace: 'ns', ca: 'CA' });
  const token = (): unknown => (typeof found.token === 'function' ? found.token() : undefined);
  expect(token()).toBe('t1');
  writeFileSync(path.join(directory, 'token'), 't2');
  expect(token()).toBe('t2');
  expect(() => inClusterConfig({ env: {} })).toThrow('not in a pod');
});
