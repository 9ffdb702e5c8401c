// A proxy beside an ingress controller: requests name their targets by l5d-dst-override. spec/proxy.md §2.3.
import { Agent, createServer } from 'node:http';
import { type Profile, plainEndpoint } from '@weft/core';
import { expect, test } from 'vitest';
import { ask, firstBytes, tcp } from './pair.ts';
import { balanced, clientPolicy, detectPolicy, firstOf, opaqueProtocol } from './policies.ts';
import { addressOf, sample, TestMesh, type Workload } from './test-mesh.ts';

const POD = '10.42.0.5:8080';
const WEB = 'web.ns.svc.cluster.local:80';
const INGRESS = { outbound: { ingress: true } } as const;
const EMPTY: Profile = { fullyQualifiedName: '', opaqueProtocol: false, routes: [], overrides: [] };

interface Scene {
  readonly ingress: Workload;
  readonly server: Workload;
  readonly port: number;
}

/** The ingress balances by itself and connects to pods; the server answers with the headers it saw. */
async function scene(mesh: TestMesh): Promise<Scene> {
  const app = await mesh.listenOn(createServer((message, response) => response.end(JSON.stringify({ httpVersion: message.httpVersion, ...message.headers }))));
  const server = await mesh.workload('server', { ip: '10.42.0.5', ports: { 8080: app } });
  const ingress = await mesh.workload('ingress', { ip: '10.42.0.4', connectsTo: [POD], settings: INGRESS });
  mesh.control.endpointsOf(WEB).set([server.endpoint(8080)]);
  return { ingress, server, port: ingress.outboundPort(POD) };
}

test('sends a request to the target that it names, which the application does not see', async () => {
  await using mesh = await TestMesh.start();
  const { ingress, server, port } = await scene(mesh);
  mesh.control.outboundOf(WEB).set(detectPolicy(balanced(WEB)));
  const answer = await ask(port, { headers: { 'l5d-dst-override': WEB, host: 'public.example' } });
  expect(JSON.parse(answer.body)).toEqual(expect.objectContaining({ httpVersion: '1.1', host: 'public.example', 'l5d-client-id': ingress.identity }));
  expect(answer.body).not.toContain('l5d-dst-override');
  expect(sample(ingress.metrics, 'request_total', `authority="${WEB}"`, `server_id="${server.identity}"`)).toBe(1);
});

test('takes port 80 where the name has none, and keeps apart what one connection names', async () => {
  await using mesh = await TestMesh.start();
  const { server, port } = await scene(mesh);
  const api = await mesh.workload('api', { ip: '10.42.0.6', ports: { 8080: await mesh.listenOn(createServer((_m, response) => response.end('api'))) } });
  mesh.control.profileOf(WEB).set({ ...EMPTY, fullyQualifiedName: 'web.ns.svc.cluster.local' });
  mesh.control.profileOf('api.ns.svc.cluster.local:8080').set({ ...EMPTY, endpoint: api.endpoint(8080) });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const body = async (override: string): Promise<string> => (await ask(port, { agent, headers: { 'l5d-dst-override': override } })).body;
  expect(await body('web.ns.svc.cluster.local')).toContain('httpVersion');
  expect(await body('api.ns.svc.cluster.local:8080')).toBe('api');
  expect(await body(POD)).toContain('httpVersion');
  agent.destroy();
  expect(sample(server.metrics, 'tcp_open_total', 'peer="src"', 'tls="true"')).toBe(1);
});

test('refuses a target that is no authority, or that nobody knows', async () => {
  await using mesh = await TestMesh.start();
  const { ingress, port } = await scene(mesh);
  mesh.control.profileOf('empty.ns.svc.cluster.local:80').set(EMPTY);
  const status = async (override: string): Promise<number> => (await ask(port, { headers: { 'l5d-dst-override': override } })).status;
  expect(await status('http://web/')).toBe(400);
  expect(await status('unknown.ns.svc.cluster.local')).toBe(502);
  expect(await status('empty.ns.svc.cluster.local')).toBe(502);
  // No profile may be asked for outside of the suffixes.
  mesh.control.profileOf('elsewhere.example:80').set({ ...EMPTY, fullyQualifiedName: 'elsewhere.example' });
  expect(await status('elsewhere.example')).toBe(502);
  mesh.control.outboundOf(WEB).set(clientPolicy({ kind: 'opaque', ...opaqueProtocol(firstOf(balanced(WEB))) }));
  expect(await status(WEB)).toBe(404);
  expect(sample(ingress.metrics, 'weft_refusals_total', 'reason="DISCOVERY_REJECTED"')).toBe(3);
  // An ingress talks to the outside: it does not say why.
  const answer = await ask(port, { headers: { 'l5d-dst-override': 'unknown.ns.svc.cluster.local' } });
  expect(answer.headers['l5d-proxy-error']).toBeUndefined();
});

test('without a name goes where the connection was going, in plaintext where nobody says otherwise', async () => {
  await using mesh = await TestMesh.start();
  const { ingress, server, port } = await scene(mesh);
  expect((await ask(port)).status).toBe(200);
  expect(sample(ingress.metrics, 'request_total', `target_addr="${POD}"`, 'no_tls_reason="ingress_without_override"')).toBe(1);
  expect(sample(server.metrics, 'request_total', 'no_tls_reason="no_tls_from_remote"')).toBe(1);
});

test('without a name speaks TLS where discovery has an identity', async () => {
  await using mesh = await TestMesh.start();
  const { ingress, server, port } = await scene(mesh);
  mesh.control.profileOf(POD).set({ ...EMPTY, endpoint: server.endpoint(8080) });
  expect((await ask(port)).status).toBe(200);
  expect(sample(ingress.metrics, 'request_total', `server_id="${server.identity}"`)).toBe(1);
});

test('sends bytes that are not HTTP where the connection was going', async () => {
  await using mesh = await TestMesh.start();
  const app = await mesh.listen((socket) => socket.pipe(socket));
  mesh.addresses.set('192.0.2.7:9000', { ip: '127.0.0.1', port: app });
  const ingress = await mesh.workload('ingress', { ip: '10.42.0.4', connectsTo: ['192.0.2.7:9000'], settings: INGRESS });
  mesh.control.outboundOf('192.0.2.7:9000').set(detectPolicy({ kind: 'forward', endpoint: plainEndpoint(addressOf('192.0.2.7:9000')) }));
  const socket = await tcp(ingress.outboundPort('192.0.2.7:9000'));
  socket.write('\x00 bytes of whatever');
  expect(await firstBytes(socket)).toBe('\x00 bytes of whatever');
  socket.destroy();
});

test('follows a change of the target between two requests of one connection', async () => {
  await using mesh = await TestMesh.start();
  const { port } = await scene(mesh);
  mesh.control.outboundOf(WEB).set(detectPolicy(balanced(WEB)));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const again = async (): Promise<number> => (await ask(port, { agent, headers: { 'l5d-dst-override': WEB } })).status;
  expect(await again()).toBe(200);
  mesh.control.outboundOf(WEB).set(detectPolicy({ kind: 'fail', message: 'taken away' }));
  expect(await again()).toBe(502);
  agent.destroy();
});
