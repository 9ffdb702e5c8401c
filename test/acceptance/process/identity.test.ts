// Certificates: who the control plane must be, failing renewals, and the reasons that a peer with a wrong one gets. What any proxy does: ../cases. spec/proxy.md §1.4, §3, §10.4.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '@weft/identity/authority';
import { expect, test, vi } from 'vitest';
import { openToAll } from '../proxy/policies.ts';
import { get, httpApplication } from './applications.ts';
import { controlPlane } from './control-plane.ts';
import { type ProxyProcessOptions, readyProxy, startProxy } from './proxy-process.ts';
import { NAME, pair, SERVICE, scripted } from './scenes.ts';

const CONTROL_NAME = 'linkerd-identity.linkerd.serviceaccount.identity.linkerd.cluster.local';
const CONTROL_HOST = 'linkerd-identity-headless.linkerd.svc.cluster.local';

/** Requests to a target without a usable endpoint fail soon. */
const FAILFAST = { LINKERD2_PROXY_OUTBOUND_HTTP_FAILFAST_TIMEOUT: '300ms' };

/** All services behind one DNS name, reached by TLS under one identity. */
function throughTls(port: number, name: string): Pick<ProxyProcessOptions, 'env' | 'hosts' | 'dial'> {
  const services = ['IDENTITY', 'DESTINATION', 'POLICY'].flatMap((service) => [
    [`LINKERD2_PROXY_${service}_SVC_ADDR`, `${CONTROL_HOST}.:8080`],
    [`LINKERD2_PROXY_${service}_SVC_NAME`, name],
  ]);
  return {
    env: Object.fromEntries(services) as Record<string, string>,
    hosts: { [CONTROL_HOST]: ['10.42.0.3'] },
    dial: { '10.42.0.3:8080': `127.0.0.1:${port}` },
  };
}

test('a token that is gone for a while fails renewals and nothing else', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-token-'));
  const tokenFile = join(dir, 'token');
  const tokens = (): string[] => control.certifications.map(({ token }) => Buffer.from(token ?? []).toString());
  writeFileSync(tokenFile, 'first');
  await using control = await controlPlane().start();
  const env = {
    LINKERD2_PROXY_IDENTITY_TOKEN_FILE: tokenFile,
    LINKERD2_PROXY_IDENTITY_MIN_REFRESH: '50ms',
    LINKERD2_PROXY_IDENTITY_MAX_REFRESH: '100ms',
  };
  await using proxy = await readyProxy({ control, name: 'client', ip: '10.42.0.4', env });
  writeFileSync(tokenFile, '');
  const failed = (): Promise<number> => proxy.metric('control_identity_cert_refreshes_total', { result: 'error' });
  await expect.poll(failed).toBeGreaterThan(0);
  expect((await proxy.admin('/ready')).status).toBe(200);
  expect(proxy.logs.some((line) => JSON.stringify(line).includes('TOKEN_INVALID'))).toBe(true);
  writeFileSync(tokenFile, 'second');
  await expect.poll(tokens).toContain('second');
  expect(tokens()).not.toContain('');
  await expect.poll(() => proxy.metric('control_identity_cert_refreshes_total', { result: 'ok' })).toBeGreaterThan(2);
  rmSync(dir, { recursive: true });
});

test('a control plane that is not local is found by name, proves its identity, and learns ours once there is one', async () => {
  await using control = await controlPlane().tls(CONTROL_NAME).start();
  await using proxy = await readyProxy({
    control,
    name: 'client',
    ip: '10.42.0.4',
    connectsTo: { [SERVICE]: NAME },
    ...throughTls(control.address.port, CONTROL_NAME),
  });
  await get(proxy.outboundPort(SERVICE));
  expect(control.clients[0]).toBeUndefined();
  expect(control.requests).toContain(`Watch ${SERVICE}`);
  // The connection for discovery is the first that is made with a certificate.
  expect(control.clients).toContain(proxy.identity);
});

test('streams of a control plane elsewhere are made anew when they have grown old, those of a local one are not', async () => {
  const limits = { LINKERD2_PROXY_CONTROL_STREAM_LIFETIME: '200ms' };
  await using near = await controlPlane().inbound(4191, openToAll()).start();
  await using local = await readyProxy({ control: near, name: 'local', ip: '10.42.0.5', env: limits });
  await using far = await controlPlane().tls(CONTROL_NAME).inbound(4191, openToAll()).start();
  const tls = throughTls(far.address.port, CONTROL_NAME);
  await using proxy = await readyProxy({ control: far, name: 'client', ip: '10.42.0.4', ...tls, env: { ...tls.env, ...limits } });
  const watches = ({ requests }: typeof far): number => requests.filter((request) => request === 'WatchPort 4191').length;
  await vi.waitFor(() => expect(watches(far)).toBeGreaterThan(3), { timeout: 5_000, interval: 20 });
  expect(watches(near)).toBe(1);
  // Renewing is not failing, and it takes no connection of its own.
  const addr = `${CONTROL_HOST}.:8080`;
  expect(await proxy.metric('control_policy_balancer_p2c_updates_total', { addr, op: 'Reset' })).toBe(1);
  expect(await proxy.metric('control_request_total', { addr, tls: 'true', server_id: CONTROL_NAME })).toBeGreaterThan(3);
  expect(await local.metric('control_policy_balancer_endpoints', { endpoint_state: 'ready' })).toBe(1);
});

test('a control plane with another identity is not believed', async () => {
  await using control = await controlPlane().tls('impostor.ns.serviceaccount.identity.linkerd.cluster.local').start();
  await using proxy = await startProxy({ control, name: 'client', ip: '10.42.0.4', ...throughTls(control.address.port, CONTROL_NAME) });
  const { error, reason } = await proxy.log(/^a control-plane service cannot be connected$/);
  expect(reason).toBe('TLS_PEER_NAME_MISMATCH');
  expect(error).toContain('impostor.ns.serviceaccount');
  expect(control.requests).toEqual([]);
  expect((await proxy.admin('/ready')).status).toBe(503);
});

test('an endpoint with another identity than discovery said gets no request, and the reason is in header, log and metric', async () => {
  let requests = 0;
  await using app = await httpApplication((_message, response) => {
    requests++;
    response.end();
  });
  await using control = await scripted().start();
  await using both = await pair(control, app.port, FAILFAST);
  const { client, server } = both;
  const name = 'other.ns.serviceaccount.identity.linkerd.cluster.local';
  control.endpointsOf(NAME).set([server.endpoint(8080, { identity: { id: { kind: 'dns', name }, serverName: server.identity } })]);
  const answer = await get(client.outboundPort(SERVICE));
  expect([502, 503, 504]).toContain(answer.status);
  expect(answer.headers['l5d-proxy-error']).toContain('carries another identity than expected');
  expect(answer.headers['l5d-proxy-connection']).toBe('close');
  expect(requests).toBe(0);
  expect(client.logs.some((line) => JSON.stringify(line).includes('TLS_PEER_NAME_MISMATCH'))).toBe(true);
  expect(await client.metric('weft_refusals_total', { direction: 'outbound', reason: 'TLS_PEER_NAME_MISMATCH' })).toBeGreaterThan(0);
  expect(await client.metric('tcp_open_total', { direction: 'outbound', peer: 'dst', tls: 'no_identity' })).toBe(0);
});

test('a peer of another mesh is refused with its reason, never in plaintext', async () => {
  let requests = 0;
  await using app = await httpApplication((_message, response) => {
    requests++;
    response.end();
  });
  await using elsewhere = await controlPlane()
    .authority(await createAuthority({ trustDomain: 'cluster.local' }))
    .start();
  await using server = await readyProxy({ control: elsewhere, name: 'server', ip: '10.42.0.5', ports: { 8080: app.port } });
  await using control = await scripted().endpoints(NAME, server.endpoint(8080)).start();
  const dial = { '10.42.0.5:8080': server.inboundAddress(8080) };
  await using client = await readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo: { [SERVICE]: NAME }, dial, env: FAILFAST });
  const answer = await get(client.outboundPort(SERVICE));
  expect([502, 503, 504]).toContain(answer.status);
  expect(answer.headers['l5d-proxy-error']).toContain('does not chain to the trust anchors');
  expect(requests).toBe(0);
  expect(client.logs.some((line) => JSON.stringify(line).includes('TLS_PEER_UNTRUSTED'))).toBe(true);
  expect(await client.metric('weft_refusals_total', { direction: 'outbound', reason: 'TLS_PEER_UNTRUSTED' })).toBeGreaterThan(0);
  expect(await client.metric('tcp_open_total', { direction: 'outbound', peer: 'dst', tls: 'no_identity' })).toBe(0);
});
