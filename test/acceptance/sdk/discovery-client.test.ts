// examples/discovery-client as a program, against a destination service over gRPC and against a DNS server over UDP and TCP.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { formatSocketAddress, plainEndpoint } from '@weft/core';
import { balancedClient, discover, NoEndpointError } from '@weft/example-discovery-client';
import { expect, test } from 'vitest';
import { type DnsServer, startDnsServer } from '../../../packages/destination/test/dns-server.ts';
import { httpApplication } from '../process/applications.ts';
import { controlPlane } from '../process/control-plane.ts';
import { meshedEndpoint } from '../proxy/test-mesh.ts';

const NAME = 'web.default.svc.cluster.local:80';
const program = fileURLToPath(new URL('../../../examples/discovery-client/dist/bin/main.js', import.meta.url));

interface Running extends AsyncDisposable {
  /** The next line. */
  line(): Promise<string>;
  /** Exit code after SIGTERM. */
  stop(): Promise<number | null>;
}

function run(...args: readonly string[]): ChildProcess {
  if (!existsSync(program)) throw new Error(`${program} does not exist: build first (npm run build)`);
  return spawn(process.execPath, [program, ...args], { env: {}, stdio: ['ignore', 'pipe', 'pipe'] });
}

function start(...args: readonly string[]): Running {
  const child = run(...args);
  const exited = once(child, 'close').then(([code]) => code as number | null);
  if (!child.stdout || !child.stderr) throw new TypeError('no output');
  const errors = text(child.stderr);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async line() {
      const next = await lines.next();
      if (next.done) throw new Error(`it ended: ${await errors}`);
      return next.value;
    },
    stop() {
      child.kill('SIGTERM');
      return exited;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exited;
    },
  };
}

async function output(...args: readonly string[]): Promise<{ readonly code: number | null; readonly out: string; readonly errors: string }> {
  const child = run(...args);
  const read = async (stream: typeof child.stdout): Promise<string> => (stream ? text(stream) : '');
  const [[code], out, errors] = await Promise.all([once(child, 'close'), read(child.stdout), read(child.stderr)]);
  return { code: code as number | null, out, errors };
}

async function dns(): Promise<DnsServer & AsyncDisposable> {
  const server = await startDnsServer();
  return Object.assign(server, { [Symbol.asyncDispose]: () => server.close() });
}

test('shows endpoints and profile of a destination service as they change', async () => {
  await using control = await controlPlane()
    .endpoints(NAME, plainEndpoint({ ip: '10.42.0.1', port: 8080 }))
    .start();
  control.profileOf(NAME).set({ fullyQualifiedName: 'web.default.svc.cluster.local', opaqueProtocol: true, routes: [], overrides: [] });
  await using client = start(`--destination=${formatSocketAddress(control.address)}`, NAME);
  const first = [await client.line(), await client.line(), await client.line(), await client.line(), await client.line()];
  expect(first.sort()).toEqual([
    '+ 10.42.0.1:8080 weight=1 hint=none',
    'endpoints: 1',
    'endpoints: pending',
    'profile: pending',
    'profile: web.default.svc.cluster.local opaque=true routes=0',
  ]);
  control.endpointsOf(NAME).set([meshedEndpoint('web.default.serviceaccount.identity.linkerd.cluster.local', { ip: '10.42.0.2', port: 8080 })]);
  const lines = [await client.line(), await client.line()];
  while (lines.at(-1) !== 'endpoints: 1' || !lines.some((line) => line.startsWith('-'))) lines.push(await client.line());
  expect(lines).toContain('- 10.42.0.1:8080 weight=1 hint=none');
  expect(lines.find((line) => line.startsWith('+'))).toMatch(
    /^\+ 10\.42\.0\.2:8080 weight=\d+ hint=\w+ web\.default\.serviceaccount\.identity\.linkerd\.cluster\.local$/,
  );
  expect(await client.stop()).toBe(0);
});

test('shows what DNS knows', async () => {
  await using server = await dns();
  server.records = [{ type: 'A', name: 'web.test', ttl: 30, data: '10.0.0.1' }];
  await using client = start(`--dns-server=127.0.0.1:${server.port}`, 'web.test.:80');
  const lines = [await client.line(), await client.line(), await client.line(), await client.line()];
  expect(lines).toEqual(['endpoints: pending', 'profile: absent', '+ 10.0.0.1:80 weight=1 hint=none', 'endpoints: 1']);
  expect(await client.stop()).toBe(0);
});

test.each(['destination', 'dns'] as const)('balances requests over the endpoints of a service by %s', async (kind) => {
  await using one = await httpApplication();
  await using two = await httpApplication();
  const ports = [one.port, two.port];
  await using control = await controlPlane()
    .endpoints('_http._tcp.web.test.:80', ...ports.map((port) => plainEndpoint({ ip: '127.0.0.1', port })))
    .start();
  await using server = await dns();
  server.records = [
    ...ports.map((port) => ({ type: 'SRV' as const, name: '_http._tcp.web.test', ttl: 30, data: { target: 'host.test', port, priority: 0, weight: 1 } })),
    { type: 'A', name: 'host.test', ttl: 30, data: '127.0.0.1' },
  ];
  const source = kind === 'dns' ? `--dns-server=127.0.0.1:${server.port}` : `--destination=${formatSocketAddress(control.address)}`;
  const { code, out, errors } = await output(source, '--requests=40', '_http._tcp.web.test.:80');
  expect([code, errors]).toEqual([0, '']);
  const lines = out.trimEnd().split('\n');
  expect(lines).toHaveLength(40);
  expect(new Set(lines)).toEqual(new Set(ports.map((port) => `127.0.0.1:${port} 200`)));
});

test('who has no endpoint is told so', async () => {
  await using server = await dns();
  const { discovery, close } = discover({ kind: 'dns', servers: [{ ip: '127.0.0.1', port: server.port }] });
  const client = balancedClient(discovery, 'nowhere.test.:80');
  await expect(client.get('/')).rejects.toThrow(new NoEndpointError('nowhere.test.:80 has no endpoint: its discovery is absent'));
  client.close();
  close();
});

test('a malformed command line is described at once', async () => {
  const { code, errors } = await output('--dns-server=nowhere', '--requests=0', 'a b');
  expect(code).toBe(64);
  expect(errors.trimEnd().split('\n')).toEqual([
    'TARGET: "a b" is not host:port',
    '--dns-server: "nowhere" is not ip:port',
    '--requests: "0" is not a number from 1 to 9999999',
  ]);
});
