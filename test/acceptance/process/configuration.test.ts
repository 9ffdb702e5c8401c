// What the process says of its configuration. spec/proxy.md §1.2 – 1.4.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { controlPlane } from './control-plane.ts';
import { environmentOf, runProxy } from './proxy-process.ts';

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

test('bytes that are not UTF-8 are refused', async () => {
  // A process cannot be given such an environment by Node: the shell writes it.
  const { code, stderr } = await runProxy([], { LINKERD2_PROXY_DESTINATION_CONTEXT: '\uFFFD' });
  expect(code).toBe(64);
  expect(stderr).toContain('LINKERD2_PROXY_DESTINATION_CONTEXT="\uFFFD" is not UTF-8');
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
