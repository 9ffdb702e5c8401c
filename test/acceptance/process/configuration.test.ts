// What the process says of its configuration. spec/proxy.md §1.2 – 1.4.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MINIMAL_ENVIRONMENT } from '../../../packages/proxy/src/sidecar/config/minimal-environment.ts';
import { controlPlane } from './control-plane.ts';
import { runInShell, runProxy } from './launch.ts';
import { environmentOf } from './proxy-process.ts';

test('every bad variable is reported at once, with its value, and the exit code is 64', async () => {
  const { code, stderr } = await runProxy([], {
    LINKERD2_PROXY_INBOUND_CONNECT_TIMEOUT: '100',
    LINKERD2_PROXY_INGRESS_MODE: 'yes',
    LINKERD2_PROXY_OUTBOUND_LISTEN_ADDR: 'localhost:4140',
    LINKERD2_PROXY_INBOUND_PORTS: '90-80',
    LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS: 'none',
    LINKERD2_PROXY_LOG: 'linkerd=loud',
  });
  expect(code).toBe(64);
  for (const said of [
    'LINKERD2_PROXY_INBOUND_CONNECT_TIMEOUT="100" is a duration without a unit',
    'LINKERD2_PROXY_INGRESS_MODE="yes" must be exactly true or false',
    'LINKERD2_PROXY_OUTBOUND_LISTEN_ADDR="localhost:4140" is not an IP:port',
    'LINKERD2_PROXY_INBOUND_PORTS="90-80" holds "90-80"',
    'LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS="none" holds no PEM certificate',
    'LINKERD2_PROXY_LOG="linkerd=loud" is not a list of log directives',
    'LINKERD2_PROXY_DESTINATION_SVC_ADDR must be set',
    'LINKERD2_PROXY_POLICY_WORKLOAD must be set',
    'LINKERD2_PROXY_IDENTITY_LOCAL_NAME must be set',
  ]) {
    expect(stderr).toContain(said);
  }
});

test('bytes that are not UTF-8 are refused, a replacement character that was written as such is not', async () => {
  // Node cannot give a process such an environment: a shell writes the bytes.
  const bytes = await runInShell("export LINKERD2_PROXY_DESTINATION_CONTEXT=$(printf '\\377')");
  expect(bytes.code).toBe(64);
  expect(bytes.stderr).toContain('LINKERD2_PROXY_DESTINATION_CONTEXT="\uFFFD" is not UTF-8');
  const { stderr } = await runProxy([], { LINKERD2_PROXY_DESTINATION_CONTEXT: '\uFFFD' });
  expect(stderr.includes('is not UTF-8')).toBe(process.platform !== 'linux');
});

describe('--check-config', () => {
  const env = { ...MINIMAL_ENVIRONMENT, LINKERD2_PROXY_INBOUND_DEFAULT_POLICY: 'deny' };

  test('prints what is in force and where it comes from, and exits with 0', async () => {
    const { code, stdout, stderr } = await runProxy(['--check-config'], { ...env, LINKERD2_PROXY_OUTBOUND_CONNECT_TIMEOUT: '2000ms' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^LINKERD2_PROXY_OUTBOUND_CONNECT_TIMEOUT +2s +LINKERD2_PROXY_OUTBOUND_CONNECT_TIMEOUT$/m);
    expect(stdout).toMatch(/^LINKERD2_PROXY_INBOUND_CONNECT_TIMEOUT +300ms +default$/m);
    expect(stdout).toMatch(/^LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS +1 certificate: CN=root.linkerd.cluster.local until 2126-10-30 /m);
  });

  test('prints one JSON document with --json, bad configuration included, which exits with 64', async () => {
    const good = await runProxy(['--check-config', '--json'], env);
    expect({ code: good.code, report: JSON.parse(good.stdout) as unknown }).toMatchObject({ code: 0, report: { valid: true, problems: [], warnings: [] } });
    const bad = await runProxy(['--check-config', '--json'], { ...env, LINKERD2_PROXY_INGRESS_MODE: 'yes' });
    expect(bad.code).toBe(64);
    expect(JSON.parse(bad.stdout)).toMatchObject({ valid: false, settings: [], problems: [{ variable: 'LINKERD2_PROXY_INGRESS_MODE', value: 'yes' }] });
    expect((await runProxy(['--check-config', '--yaml'], env)).code).toBe(64);
  });
});

test('--help names every variable and --version the version', async () => {
  const help = await runProxy(['--help'], {});
  expect(help.code).toBe(0);
  for (const name of ['LINKERD2_PROXY_INBOUND_LISTEN_ADDR (default 0.0.0.0:4143)', 'LINKERD2_PROXY_POLICY_WORKLOAD (required)', 'WEFT_PROXY_ADDRESS_BOOK']) {
    expect(help.stdout).toContain(name);
  }
  expect(await runProxy(['--version'], {})).toMatchObject({ code: 0, stdout: expect.stringMatching(/^weft-proxy \d+\.\d+\.\d+\n$/) as string });
  expect((await runProxy(['--port=1'], {})).code).toBe(64);
});

test('a missing address book and a port that is taken are failures to start: exit code 1', async () => {
  await using control = await controlPlane().start();
  const dir = mkdtempSync(join(tmpdir(), 'weft-proxy-start-'));
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  try {
    const env = environmentOf({ control, identity: 'a.ns.serviceaccount.identity.linkerd.cluster.local', ip: '10.42.0.4', dir });
    const book = join(dir, 'book.json');
    const missing = await runProxy([], { ...env, WEFT_PROXY_ADDRESS_BOOK: book });
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('ENOENT');
    const { port } = taken.address() as { port: number };
    writeFileSync(book, JSON.stringify({ listen: { '4191': `127.0.0.1:${port}` } }));
    const occupied = await runProxy([], { ...env, WEFT_PROXY_ADDRESS_BOOK: book });
    expect(occupied.code).toBe(1);
    expect(occupied.stderr).toContain('EADDRINUSE');
    writeFileSync(book, '{"listen":[]}');
    expect((await runProxy([], { ...env, WEFT_PROXY_ADDRESS_BOOK: book })).stderr).toContain('listen is not an object');
  } finally {
    taken.close();
    rmSync(dir, { recursive: true });
  }
});
