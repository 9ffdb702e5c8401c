// examples/node-sdk against the proxy as a process and a control plane over gRPC, in both directions; its server as a process too.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Endpoint, formatSocketAddress, parseSocketAddress, type SocketAddress, settled, valueOf } from '@weft/core';
import { greet, greetingAgent, join, type Membership, readEnvironment, readJoinOptions } from '@weft/example-node-sdk';
import { type Dialer, tcpDialer } from '@weft/proxy';
import { expect, test } from 'vitest';
import { get, httpApplication } from '../process/applications.ts';
import { type ControlPlane, controlPlane } from '../process/control-plane.ts';
import { environmentOf, readyProxy } from '../process/proxy-process.ts';
import { NAME, SERVICE, scripted } from '../process/scenes.ts';
import { until } from '../proxy/pair.ts';
import { onlyFor } from '../proxy/policies.ts';
import { DIRECT_PORT, meshedEndpoint } from '../proxy/test-mesh.ts';

const URL_OF_SERVICE = `http://${NAME.replace(':80', '')}/a`;
const IDENTITY = (name: string): string => `${name}.ns.serviceaccount.identity.linkerd.cluster.local`;
const POD_IP = '10.42.0.6';

interface Place extends Disposable {
  readonly env: Record<string, string>;
}

/** A token, and the variables that name it and the control plane. */
function placeOf(control: ControlPlane, name: string): Place {
  const dir = mkdtempSync(joinPath(tmpdir(), `weft-sdk-${name}-`));
  writeFileSync(joinPath(dir, 'token'), `token of ${name}`);
  const env = environmentOf({ control, identity: IDENTITY(name), ip: POD_IP, dir });
  return { env, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
}

interface Member extends Membership, Disposable {}

function member(env: NodeJS.ProcessEnv): Member {
  const membership = join(readJoinOptions(readEnvironment(env)));
  return { ...membership, [Symbol.dispose]: () => membership.close() };
}

/** Virtual addresses lead to these. Linux lets a client be another one than 127.0.0.1, which every policy of the control plane admits. */
function dialTo(real: Readonly<Record<string, string>>): Dialer {
  const dial = tcpDialer();
  return (address, options) => dial(addressOf(real[formatSocketAddress(address)] ?? '127.0.0.1:1'), { ...options, localAddress: '127.0.0.2' });
}

function addressOf(address: string): SocketAddress {
  const parsed = parseSocketAddress(address);
  if (!parsed) throw new TypeError(`not an address: ${address}`);
  return parsed;
}

const program = (name: string): string => fileURLToPath(new URL(`../../../examples/node-sdk/dist/bin/${name}.js`, import.meta.url));

function start(name: string, env: Readonly<Record<string, string>>): ChildProcess {
  if (!existsSync(program(name))) throw new Error(`${program(name)} does not exist: build first (npm run build)`);
  return spawn(process.execPath, [program(name)], { env, stdio: ['ignore', 'pipe', 'pipe'] });
}

interface ServerProcess extends AsyncDisposable {
  /** Where its direct port and its own port really are. */
  readonly direct: string;
  readonly application: string;
  endpoint(extra?: Partial<Endpoint>): Endpoint;
  /** Ends it politely; its exit code. */
  stop(): Promise<number | null>;
}

async function startServerProcess(place: Place): Promise<ServerProcess> {
  const child = start('server', { ...place.env, PORT: '8080', POD_IP, DIRECT_PORT: '0', LISTEN_PORT: '0' });
  const exited = once(child, 'close').then(([code]) => code as number | null);
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new TypeError('no output');
  const errors = text(stderr);
  const line = once(createInterface({ input: stdout }), 'line').then(([first]) => String(first));
  const listening = await Promise.race([line, exited.then(async (code) => Promise.reject(new Error(`exited with ${code}: ${await errors}`)))]);
  const [, direct = '', application = ''] = listening.replaceAll('0.0.0.0', '127.0.0.1').split(' ');
  return {
    direct,
    application,
    endpoint: (extra) => ({ ...meshedEndpoint(IDENTITY('server'), { ip: POD_IP, port: 8080 }), ...extra }),
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

test('the client asks an application behind the proxy', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  await using proxy = await readyProxy({ control, name: 'server', ip: '10.42.0.5', ports: { 8080: app.port } });
  control.endpointsOf(NAME).set([proxy.endpoint(8080)]);
  using place = placeOf(control, 'client');
  using membership = member(place.env);
  const agent = greetingAgent(membership, dialTo({ '10.42.0.5:8080': proxy.inboundAddress(8080) }));
  const { status, body } = await greet(agent, URL_OF_SERVICE);
  await agent.close();
  expect([status, JSON.parse(body)]).toMatchObject([200, { path: '/a', version: '1.1', headers: { 'l5d-client-id': IDENTITY('client') } }]);
  expect(control.requests).toEqual(expect.arrayContaining([`Certify ${IDENTITY('client')}`, `Watch ${NAME}`, `Get ${NAME}`]));
  expect(await proxy.metric('request_total', { direction: 'inbound', tls: 'true', client_id: IDENTITY('client') })).toBe(1);
});

test.each([
  ['its own port', false],
  ['the direct port, with a transport header', true],
])('an application asks the server program through its proxy, on %s', async (_name, direct) => {
  await using control = await scripted()
    .inbound(8080, onlyFor(IDENTITY('client')))
    .start();
  using place = placeOf(control, 'server');
  await using server = await startServerProcess(place);
  control.endpointsOf(NAME).set([server.endpoint(direct ? { opaqueTransportPort: DIRECT_PORT } : {})]);
  await using proxy = await readyProxy({
    control,
    name: 'client',
    ip: '10.42.0.4',
    connectsTo: { [SERVICE]: NAME },
    dial: { [`${POD_IP}:8080`]: server.application, [`${POD_IP}:${DIRECT_PORT}`]: server.direct },
  });
  const answer = await get(proxy.outboundPort(SERVICE), { path: '/a' });
  expect([answer.status, answer.body]).toEqual([200, `hello ${IDENTITY('client')}, you asked for /a\n`]);
  expect(control.requests).toContain('WatchPort 8080');
});

test('one program asks the other, as long as policy allows it', async () => {
  await using control = await controlPlane()
    .inbound(8080, onlyFor(IDENTITY('client')))
    .start();
  using place = placeOf(control, 'server');
  await using server = await startServerProcess(place);
  control.endpointsOf(NAME).set([server.endpoint()]);
  const asker = async (name: string): Promise<unknown> => {
    using own = placeOf(control, name);
    using membership = member(own.env);
    await settled(membership.identity.credentials);
    const agent = greetingAgent(membership, dialTo({ [`${POD_IP}:8080`]: server.application }));
    const { status, body } = await greet(agent, URL_OF_SERVICE);
    await agent.close();
    return [status, body];
  };
  await until(() => control.requests.includes('WatchPort 8080'));
  expect(await asker('client')).toEqual([200, `hello ${IDENTITY('client')}, you asked for /a\n`]);
  expect(await asker('stranger')).toEqual([403, '']);
  expect(await server.stop()).toBe(0);
});

test('the control plane is spoken to over mutual TLS where its identity is given', async () => {
  const name = IDENTITY('control');
  await using control = await controlPlane().tls(name).start();
  using place = placeOf(control, 'client');
  const names = ['IDENTITY', 'DESTINATION', 'POLICY'].map((service) => [`LINKERD2_PROXY_${service}_SVC_NAME`, name]);
  using membership = member({ ...place.env, ...Object.fromEntries(names) });
  await settled(membership.identity.credentials);
  expect(valueOf(membership.identity.credentials)?.identity).toBe(IDENTITY('client'));
  control.endpointsOf(NAME).set([]);
  await settled(membership.discovery.endpoints(NAME));
  expect(control.clients).toEqual([undefined, IDENTITY('client')]);
});

test('a malformed environment is described in one error', () => {
  const env = readEnvironment({ PORT: '70000', LINKERD2_PROXY_IDENTITY_SVC_ADDR: 'nowhere' });
  env.port('PORT');
  expect(() => readJoinOptions(env)).toThrow(/PORT: "70000" is not a port[^]*IDENTITY_SVC_ADDR: "nowhere" is not host:port[^]*POLICY_WORKLOAD is not set/);
});

test.each(['server', 'client'])('the %s program names everything that its environment lacks', async (name) => {
  const child = start(name, {});
  const [[code], errors] = await Promise.all([once(child, 'close'), child.stderr ? text(child.stderr) : '']);
  expect(code).toBe(64);
  for (const variable of [
    'IDENTITY_SVC_ADDR',
    'DESTINATION_SVC_ADDR',
    'POLICY_SVC_ADDR',
    'IDENTITY_LOCAL_NAME',
    'IDENTITY_TOKEN_FILE',
    'IDENTITY_TRUST_ANCHORS',
  ])
    expect(errors).toContain(`LINKERD2_PROXY_${variable} is not set`);
});
