// Proxies whose certificates come from a SPIFFE Workload API instead of the identity service. spec/proxy.md §1.3, §3.3.
import { connect, type PeerCertificate } from 'node:tls';
import { status } from '@grpc/grpc-js';
import type { Endpoint } from '@weft/core';
import { certificatesToPem, createAuthority } from '@weft/identity/authority';
import type { X509SVID } from '@weft/wire';
import { expect, test } from 'vitest';
import { get, httpApplication, seen } from './applications.ts';
import type { ControlPlane } from './control-plane.ts';
import { runProxy } from './launch.ts';
import { type ProxyProcess, type ProxyProcessOptions, readyProxy, startProxy } from './proxy-process.ts';
import { NAME, SERVICE, scripted } from './scenes.ts';
import { svidOf, type WorkloadApi, workloadApi } from './workload-api.ts';

const P = 'LINKERD2_PROXY_';
const idOf = (name: string): string => `spiffe://root.linkerd.cluster.local/${name}`;
const CLIENT = idOf('client');
const SERVER = idOf('server');
/** Requests to a target without a usable endpoint fail soon. */
const FAILFAST = { [`${P}OUTBOUND_HTTP_FAILFAST_TIMEOUT`]: '300ms' };

/** What replaces the identity service: no token, no directory, no address of it. */
function environment(api: WorkloadApi, name: string): Readonly<Record<string, string | undefined>> {
  return {
    [`${P}IDENTITY_SVC_ADDR`]: undefined,
    [`${P}IDENTITY_DIR`]: undefined,
    [`${P}IDENTITY_TOKEN_FILE`]: undefined,
    [`${P}IDENTITY_LOCAL_NAME`]: undefined,
    [`${P}IDENTITY_SERVER_ID`]: idOf(name),
    [`${P}IDENTITY_SERVER_NAME`]: `${name}.vm`,
    [`${P}IDENTITY_SPIRE_WORKLOAD_API_ADDRESS`]: `unix://${api.path}`,
    // The doubled prefix is how Linkerd spells it.
    [`${P}${P}IDENTITY_SPIRE_EXP_BACKOFF_MIN`]: '10ms',
    [`${P}IDENTITY_SPIRE_EXP_BACKOFF_MAX`]: '20ms',
  };
}

const workload = (control: ControlPlane, api: WorkloadApi, name: string, more: Partial<ProxyProcessOptions> = {}): ProxyProcessOptions => ({
  control,
  name,
  ip: name === 'server' ? '10.42.0.5' : '10.42.0.4',
  ...more,
  env: { ...environment(api, name), ...more.env },
});

const endpointOf = (server: ProxyProcess, uri = SERVER): Endpoint => server.endpoint(8080, { identity: { id: { kind: 'uri', uri }, serverName: 'server.vm' } });

interface Pair extends AsyncDisposable {
  readonly client: ProxyProcess;
  readonly server: ProxyProcess;
}

async function pair(control: ControlPlane, api: WorkloadApi, port: number): Promise<Pair> {
  const server = await readyProxy(workload(control, api, 'server', { ports: { 8080: port } }));
  control.endpointsOf(NAME).set([endpointOf(server)]);
  const dial = { '10.42.0.5:8080': server.inboundAddress(8080) };
  const client = await readyProxy(workload(control, api, 'client', { connectsTo: { [SERVICE]: NAME }, dial, env: FAILFAST }));
  return {
    client,
    server,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const offers = (control: ControlPlane): Promise<X509SVID[]> => Promise.all([svidOf(control.authority, CLIENT), svidOf(control.authority, SERVER)]);

/** The certificate that a proxy shows to whoever comes. */
async function certificateOf(proxy: ProxyProcess, control: ControlPlane): Promise<PeerCertificate> {
  const [host = '', port = ''] = proxy.inboundAddress(8080).split(':');
  const ca = certificatesToPem(control.authority.anchors);
  const socket = connect({ host, port: Number(port), servername: 'server.vm', ca, checkServerIdentity: () => undefined });
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  const certificate = socket.getPeerCertificate();
  socket.destroy();
  return certificate;
}

test('two proxies know each other by their SPIFFE ids over mutual TLS', async () => {
  await using app = await httpApplication();
  await using control = await scripted().start();
  await using api = await workloadApi(...(await offers(control)));
  await using both = await pair(control, api, app.port);
  const { client, server } = both;
  const answer = await get(client.outboundPort(SERVICE), { path: '/x', headers: { 'l5d-client-id': 'forged' } });
  expect(answer.status).toBe(200);
  expect(seen(answer).headers['l5d-client-id']).toBe(CLIENT);
  expect(await client.metric('request_total', { direction: 'outbound', tls: 'true', server_id: SERVER })).toBe(1);
  expect(await server.metric('tcp_open_total', { direction: 'inbound', peer: 'src', tls: 'true', client_id: CLIENT })).toBe(1);
  expect(await server.metric('control_identity_cert_refreshes_total', { result: 'ok' })).toBe(1);
  expect((await certificateOf(server, control)).subjectaltname).toBe(`URI:${SERVER}`);
  expect(await server.metric('control_identity_cert_expiration_timestamp_seconds')).toBe(Date.parse((await certificateOf(server, control)).valid_to) / 1000);
  // Nobody asked the identity service, and nobody called the agent without its metadata.
  expect(control.requests.filter((request) => request.startsWith('Certify'))).toEqual([]);
  expect(api.subscriptions).toEqual({ good: 2, bad: 0 });
});

test('a server with another SPIFFE id than discovery said gets no request', async () => {
  let requests = 0;
  await using app = await httpApplication((_message, response) => {
    requests++;
    response.end();
  });
  await using control = await scripted().start();
  await using api = await workloadApi(...(await offers(control)));
  await using both = await pair(control, api, app.port);
  control.endpointsOf(NAME).set([endpointOf(both.server, idOf('server/2'))]);
  const answer = await get(both.client.outboundPort(SERVICE));
  expect([502, 503, 504]).toContain(answer.status);
  expect(answer.headers['l5d-proxy-error']).toContain('carries another identity than expected');
  expect(requests).toBe(0);
});

test('a certificate that comes on the stream serves the next connections, and open ones go on', async () => {
  await using app = await httpApplication();
  await using control = await scripted().start();
  await using api = await workloadApi(...(await offers(control)));
  await using both = await pair(control, api, app.port);
  const { client, server } = both;
  expect((await get(client.outboundPort(SERVICE))).status).toBe(200);
  const before = await certificateOf(server, control);
  api.offer(...(await offers(control)));
  await expect.poll(() => server.metric('control_identity_cert_refreshes_total', { result: 'ok' })).toBe(2);
  const after = await certificateOf(server, control);
  expect(after.fingerprint256).not.toBe(before.fingerprint256);
  expect((await get(client.outboundPort(SERVICE))).status).toBe(200);
  expect(await server.metric('tcp_open_total', { direction: 'inbound', peer: 'src', tls: 'true', client_id: CLIENT })).toBe(1);
});

test('an identity of another workload, of another authority or of another id than it says is never taken', async () => {
  await using control = await scripted().start();
  const stranger = await createAuthority({ trustDomain: 'root.linkerd.cluster.local' });
  await using api = await workloadApi(await svidOf(control.authority, CLIENT));
  await using server = await startProxy(workload(control, api, 'server'));
  const failures = (): Promise<number> => server.metric('control_identity_cert_refreshes_total', { result: 'error' });
  await expect.poll(failures).toBe(1);
  for (const [n, svid] of [
    await svidOf(stranger, SERVER),
    await svidOf(control.authority, CLIENT, SERVER),
    await svidOf(control.authority, 'server.vm', SERVER),
  ].entries()) {
    api.offer(svid);
    await expect.poll(failures).toBe(n + 2);
  }
  const reasons = server.logs.filter(({ message }) => message === 'could not certify').map(({ reason }) => JSON.stringify(reason));
  expect(reasons.map((text) => /CERTIFY_FAILED|CERTIFICATE_UNUSABLE/.exec(text)?.[0])).toEqual([
    'CERTIFY_FAILED',
    'CERTIFICATE_UNUSABLE',
    'CERTIFICATE_UNUSABLE',
    'CERTIFICATE_UNUSABLE',
  ]);
  expect((await server.admin('/ready')).status).toBe(503);
  api.offer(await svidOf(control.authority, SERVER));
  await server.log(/^Ready$/);
  expect((await server.admin('/ready')).status).toBe(200);
});

test('the last certificate serves while the agent is away, and the agent is found again when it is back', async () => {
  await using app = await httpApplication();
  await using control = await scripted().start();
  await using api = await workloadApi(...(await offers(control)));
  await using both = await pair(control, api, app.port);
  const { client, server } = both;
  const before = await certificateOf(server, control);
  api.stop();
  await server.log(/^the SPIFFE Workload API is away$/);
  await client.log(/^the SPIFFE Workload API is away$/);
  expect((await get(client.outboundPort(SERVICE))).status).toBe(200);
  expect((await certificateOf(server, control)).fingerprint256).toBe(before.fingerprint256);
  expect((await server.admin('/ready')).status).toBe(200);
  api.offer(...(await offers(control)));
  await api.start();
  await expect.poll(() => server.metric('control_identity_cert_refreshes_total', { result: 'ok' })).toBe(2);
  expect((await certificateOf(server, control)).fingerprint256).not.toBe(before.fingerprint256);
});

test('a subscription that the agent ends, well or not, is made anew', async () => {
  await using control = await scripted().start();
  await using api = await workloadApi(await svidOf(control.authority, SERVER));
  await using server = await readyProxy(workload(control, api, 'server'));
  for (const [n, code] of [status.OK, status.PERMISSION_DENIED, status.UNAVAILABLE].entries()) {
    api.endAll(code);
    await expect.poll(() => server.metric('control_identity_cert_refreshes_total', { result: 'ok' })).toBe(n + 2);
  }
});

test('an agent that is not there yet is waited for', async () => {
  await using control = await scripted().start();
  await using api = await workloadApi(await svidOf(control.authority, SERVER));
  api.stop();
  // Under the deprecated name.
  const env = { [`${P}IDENTITY_SPIRE_WORKLOAD_API_ADDRESS`]: undefined, [`${P}IDENTITY_SPIRE_SOCKET`]: api.path };
  await using server = await startProxy(workload(control, api, 'server', { env }));
  const { detail } = await server.log(/^the SPIFFE Workload API is away$/);
  expect(String(detail)).toContain(api.path);
  expect((await server.admin('/ready')).status).toBe(503);
  await api.start();
  await server.log(/^Ready$/);
});

test('an id that is no SPIFFE id is a configuration error', async () => {
  await using api = await workloadApi();
  const { code, stderr } = await runProxy([], { ...environment(api, 'server'), [`${P}IDENTITY_SERVER_ID`]: 'server.vm' });
  expect(code).toBe(64);
  expect(stderr).toContain('must be a spiffe:// identity');
  expect(api.subscriptions).toEqual({ good: 0, bad: 0 });
});
