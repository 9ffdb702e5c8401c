import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { manualClock } from '@weft/core';
import { afterAll, expect, test } from 'vitest';
import { clusterConfig } from './cluster-config.ts';
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

const pem = (name: string): string => `-----BEGIN ${name}-----\n`;
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const config = `
apiVersion: v1
kind: Config
current-context: one
contexts:
  - { name: one, context: { cluster: c, user: u, namespace: n } }
  - { name: two, context: { cluster: c, user: certs } }
clusters:
  - { name: c, cluster: { server: "https://k:6443", certificate-authority-data: ${base64(pem('CA'))}, tls-server-name: kube } }
users:
  - { name: u, user: { token: secret } }
  - { name: certs, user: { client-certificate-data: ${base64(pem('CERT'))}, client-key: key.pem } }
`;

test('reads the current context with token and authority', () => {
  expect(loadKubeconfig(config)).toEqual({ server: 'https://k:6443', namespace: 'n', ca: pem('CA'), token: 'secret', tlsServerName: 'kube' });
});

test('reads files relative to the kubeconfig', () => {
  const directory = temporary('kubeconfig');
  writeFileSync(path.join(directory, 'config'), config);
  writeFileSync(path.join(directory, 'key.pem'), pem('KEY'));
  const found = loadKubeconfig(path.join(directory, 'config'), { context: 'two' });
  expect(found.namespace).toBe('default');
  expect(found.credentials?.current()).toEqual({ cert: pem('CERT'), key: pem('KEY').trim() });
});

test.each([
  ['no-such-file', 'cannot read'],
  ['a: [\n', 'kubeconfig: '],
  ['kind: Config\n', 'no current-context'],
  ['current-context: x\ncontexts: []\n', 'there is no context x'],
  [config.replace('token: secret', 'exec: { command: x }'), 'user u: exec.apiVersion'],
  [config.replace('token: secret', 'auth-provider: { name: x }'), 'user u: auth-provider: is not supported'],
  [config.replace('token: secret', 'token: secret, username: me'), 'user u: token, username: only one of them'],
  [config.replace('tls-server-name: kube', 'proxy-url: "http://p:3128"'), 'cluster c: proxy-url: proxies are not supported'],
  [config.replace('tls-server-name: kube', 'insecure-skip-tls-verify: true'), 'insecure-skip-tls-verify: contradicts certificate-authority'],
  [config.replace('https://k', 'k'), 'cluster c: server: k:6443 is not an http or https URL'],
])('says what is wrong, case %#: $1', (text, message) => {
  expect(() => loadKubeconfig(text)).toThrow(message);
});

test('names everything that is wrong at once, with file and field', () => {
  const directory = temporary('bad');
  const file = path.join(directory, 'config');
  writeFileSync(
    file,
    `current-context: x
contexts: [{ name: x, context: { cluster: c, user: u, namespace: 7 } }]
clusters: [{ name: c, cluster: { server: "gopher://k", certificate-authority: missing.pem } }]
users: [{ name: u, user: { client-certificate-data: "bm8=", token: 5 } }]
`,
  );
  const thrown = (): string => {
    try {
      return JSON.stringify(loadKubeconfig(file));
    } catch (error) {
      return String(error);
    }
  };
  for (const part of [
    `${file}: context x: namespace: a text is expected`,
    `${file}: cluster c: server: gopher://k is not`,
    `${file}: cluster c: certificate-authority: cannot read ${directory}/missing.pem (ENOENT)`,
    `${file}: user u: client-certificate-data: PEM in base64 is expected`,
    `${file}: user u: token: a text is expected`,
  ])
    expect(thrown()).toContain(part);
});

test('merges several files: the first that names a thing has it, and missing ones are no harm', () => {
  const directory = temporary('merged');
  const write = (name: string, text: string): string => {
    writeFileSync(path.join(directory, name), text);
    return path.join(directory, name);
  };
  const a = write('a', 'contexts: [{ name: x, context: { cluster: c, user: u } }]\nusers: [{ name: u, user: { token: from-a } }]\n');
  const b = write('b', 'current-context: x\nclusters: [{ name: c, cluster: { server: "http://b" } }]\nusers: [{ name: u, user: { token: from-b } }]\n');
  const listed = [path.join(directory, 'none'), a, b];
  expect(loadKubeconfig(listed)).toEqual({ server: 'http://b', namespace: 'default', token: 'from-a' });
  expect(clusterConfig('', { KUBECONFIG: listed.join(path.delimiter) })).toMatchObject({ server: 'http://b' });
  expect(clusterConfig(write('c', config), { KUBECONFIG: listed.join(path.delimiter) })).toMatchObject({ token: 'secret' });
  expect(() => loadKubeconfig([listed[0] ?? ''])).toThrow('cannot read');
});

test('authenticates with name and password, and with a token file that is read again', () => {
  const directory = temporary('token');
  const clock = manualClock();
  expect(loadKubeconfig(config.replace('token: secret', 'username: me, password: "p:w"')).credentials?.current()).toEqual({ authorization: 'Basic bWU6cDp3' });
  writeFileSync(path.join(directory, 'token'), 't1\n');
  const found = loadKubeconfig(config.replace('token: secret', `tokenFile: ${path.join(directory, 'token')}`), { clock });
  expect(found.credentials?.current()).toEqual({ authorization: 'Bearer t1' });
  writeFileSync(path.join(directory, 'token'), 't2\n');
  clock.advance(59_999);
  expect(found.credentials?.current()).toEqual({ authorization: 'Bearer t1' });
  clock.advance(1);
  expect(found.credentials?.current()).toEqual({ authorization: 'Bearer t2' });
});

test('reads the files of a pod, again each minute and the token after a refusal', () => {
  const directory = temporary('serviceaccount');
  const write = (name: string, text: string): void => writeFileSync(path.join(directory, name), text);
  const clock = manualClock();
  const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
  expect(() => inClusterConfig({ directory, env })).toThrow(/namespace.*ca\.crt.*token/);
  for (const [name, text] of [
    ['token', 't1'],
    ['ca.crt', 'CA'],
    ['namespace', 'ns'],
  ] as const)
    write(name, text);
  const found = inClusterConfig({ directory, env, clock });
  expect(found).toMatchObject({ server: 'https://[fd00::1]:443', namespace: 'ns' });
  const shown = (): unknown => [found.credentials?.current(), typeof found.ca === 'function' && found.ca()];
  expect(shown()).toEqual([{ authorization: 'Bearer t1' }, 'CA']);
  write('token', 't2');
  write('ca.crt', 'CA2');
  expect(shown()).toEqual([{ authorization: 'Bearer t1' }, 'CA']);
  expect(found.credentials?.refused({})).toBe(true);
  expect(found.credentials?.refused({})).toBe(false);
  expect(shown()).toEqual([{ authorization: 'Bearer t2' }, 'CA']);
  clock.advance(60_000);
  expect(shown()).toEqual([{ authorization: 'Bearer t2' }, 'CA2']);
  // While they are replaced, files may be gone or empty.
  rmSync(path.join(directory, 'token'));
  write('ca.crt', '');
  clock.advance(60_000);
  expect(shown()).toEqual([{ authorization: 'Bearer t2' }, 'CA2']);
  expect(() => inClusterConfig({ env: {} })).toThrow('not in a pod');
});
