// Files in YAML: kubeconfig and manifests. Refused with KubeError only.
import { readFileSync } from 'node:fs';
import { KubeError, loadKubeconfig, parseManifest } from '@weft/kube';
import { attempt, type FuzzTarget, hold, kindOf, texts } from '../target.ts';

const tokens = [
  '---\n',
  '- ',
  ': ',
  '&a ',
  '*a',
  '<<: *a',
  '!!binary ',
  '!!js/function ',
  '|\n',
  '>-\n',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '? ',
  '#',
  '%YAML 1.1\n',
  '\t',
  '\u2028',
  '__proto__',
  '~',
];

const KUBECONFIG = `apiVersion: v1
kind: Config
current-context: a
contexts: [{ name: a, context: { cluster: c, user: u, namespace: n } }]
clusters: [{ name: c, cluster: { server: 'https://127.0.0.1:6443', certificate-authority-data: LS0tLS1CRUdJTiBBLS0tLS0K } }]
users: [{ name: u, user: { token: t, client-certificate-data: LS0tLS1CRUdJTiBBLS0tLS0K, client-key-data: LS0tLS1CRUdJTiBBLS0tLS0K } }]
`;
const WITH_PLUGIN = KUBECONFIG.replace(
  'token: t',
  'exec: { apiVersion: client.authentication.k8s.io/v1, command: c, args: [a], env: [{ name: n, value: v }], interactiveMode: Never, provideClusterInfo: true }',
);

/** Aliases that grow to 10^9 elements, and nesting: each document is some hundred bytes. */
export const HOSTILE_YAML = [
  `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
    .split('')
    .map((key, index) => `${key}: &${key} [${Array(10).fill(`*${'abcdefgh'[index]}`).join(',')}]`)
    .join('\n')}\n`,
  `${'['.repeat(3000)}\n`,
  `a: &a\n  b: *a\n`,
  `${'- '.repeat(3000)}x\n`,
];

const kubeconfig: FuzzTarget = {
  name: 'kubeconfig',
  tokens: [...tokens, 'current-context', 'clusters', 'server', 'exec: {}', 'username: a', 'tokenFile: a'],
  seeds: () => texts(KUBECONFIG, WITH_PLUGIN, ...HOSTILE_YAML),
  run(input) {
    // A path has no line break.
    const result = attempt(() => loadKubeconfig(`${input.toString('utf8')}\n`), KubeError);
    if ('error' in result) {
      hold(result.error.code === 'CONFIG', `the code is ${result.error.code}`);
      return kindOf(result.error);
    }
    hold(typeof result.value.server === 'string' && typeof result.value.namespace === 'string', 'server or namespace is no text');
    return Object.keys(result.value).sort().join(' ');
  },
};

const manifest: FuzzTarget = {
  name: 'manifest',
  tokens: [...tokens, 'apiVersion: v1\nkind: List\nitems:\n', 'metadata: {name: a}', 'kind: Pod', 'items'],
  seeds: () => [
    ...texts(...HOSTILE_YAML),
    ...texts(
      'apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n---\n---\n{"apiVersion":"v1","kind":"Service","metadata":{"name":"b"}}\n',
    ),
    readFileSync(new URL('../../../examples/emojivoto/k8s/emojivoto.yml', import.meta.url)).subarray(0, 1500),
  ],
  run(input) {
    const result = attempt(() => parseManifest(input.toString('utf8')), KubeError);
    if ('error' in result) {
      hold(result.error.code === 'BAD_REQUEST', `the code is ${result.error.code}`);
      return kindOf(result.error);
    }
    for (const object of result.value) hold(typeof object.metadata === 'object' && object.metadata !== null, 'an object has no metadata');
    return `${Math.min(result.value.length, 4)}`;
  },
};

export const yamlTargets = [kubeconfig, manifest];
