// What every binary of the control plane does alike: help, version, flags that are no good, the end. spec/control-plane.md §0.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { startCluster } from './cluster.ts';
import { type ControllerName, isForeign, runController, startController, stopControllers } from './controller.ts';

afterAll(stopControllers);

const NAMES = ['destination', 'policy', 'identity', 'injector'] as const;
const ours = NAMES.filter((name) => !isForeign(name));

test.each(NAMES)('%s explains its flags and says its version', async (name) => {
  const [help, version] = await Promise.all([runController(name, ['--help']), runController(name, ['--version'])]);
  expect([help.code, version.code]).toEqual([0, 0]);
  expect(help.stdout + help.stderr).toMatch(/log-level/);
  expect(version.stdout + version.stderr).toMatch(/\d+\.\d+/);
});

const BAD: Readonly<Record<ControllerName, readonly string[]>> = {
  destination: ['-addr=nowhere', '-log-level=loud', '-cluster-domain=no..domain', '-stream-queue-capacity=0', '-meshed-http2-client-params={"x":1}', '-nope'],
  policy: ['--grpc-addr=nowhere', '--log-level=a=b=c', '--cluster-networks=10.0.0.0/99', '--default-policy=maybe', '--default-opaque-ports=x', '--nope'],
  identity: ['-addr=nowhere', '-kube-apiclient-qps=many', '-log-format=xml', '-nope'],
  injector: ['-addr=nowhere', '-log-level=loud', '-log-format=xml', '-nope'],
};

test.each(ours)('%s reports all flags that are no good at once and exits with 64', async (name) => {
  const { code, stderr } = await runController(name, BAD[name]);
  expect(code).toBe(64);
  const lines = stderr.trim().split('\n');
  expect(lines).toHaveLength(BAD[name].length);
  for (const flag of BAD[name]) expect(stderr).toContain(flag.replace(/^-+/, '-').replace(/=.*/s, ''));
});

test.each(ours)('%s names the files that it cannot read and exits with 64', async (name) => {
  const files: Readonly<Record<ControllerName, readonly string[]>> = {
    destination: ['kubeconfig'],
    policy: ['kubeconfig'],
    identity: ['kubeconfig', 'trust-roots'],
    injector: ['values', 'trust-roots', 'tls-cert', 'tls-key'],
  };
  const required = name === 'identity' ? ['-identity-scheme=kubernetes.io/tls', '-identity-trust-domain=cluster.local'] : [];
  const { code, stderr } = await runController(name, [...required, ...files[name].map((flag) => `-${flag}=/nowhere/${flag}`)]);
  expect(code).toBe(64);
  expect(stderr.trim().split('\n')).toHaveLength(files[name].length);
  for (const flag of files[name]) expect(stderr).toContain(`/nowhere/${flag}`);
});

test.each(['destination', 'policy'] as const)('%s is not ready while the API server is away, and stops all the same', async (name) => {
  const cluster = await startCluster();
  const { kubeconfig } = cluster;
  const dir = mkdtempSync(join(tmpdir(), 'weft-kubeconfig-'));
  const copy = join(dir, 'kubeconfig');
  writeFileSync(copy, readFileSync(kubeconfig));
  await cluster[Symbol.asyncDispose]();
  try {
    const args = [`--kubeconfig=${copy}`, '--default-opaque-ports=25', ...(name === 'policy' ? ['--admission-controller-disabled'] : [])];
    await using controller = await startController(name, args, { ready: false });
    expect((await controller.admin('/ready')).status).not.toBe(200);
    expect(await controller.terminate()).toBe(0);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
