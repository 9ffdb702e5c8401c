// Targets that are named rather than redirected to: ingress mode and the gateway, by environment. spec/proxy.md §2.3, §2.6.
import { expect, test } from 'vitest';
import { balanced, detectPolicy } from '../proxy/policies.ts';
import { exchangeBytes, get, httpApplication, seen, tcpApplication } from './applications.ts';
import { controlPlane } from './control-plane.ts';
import { readyProxy } from './proxy-process.ts';

const WEB = 'web.ns.svc.cluster.local:80';
const POD = '10.42.0.5:8080';
const PROFILE = { fullyQualifiedName: 'web.ns.svc.cluster.local', opaqueProtocol: false, routes: [], overrides: [] };

test('an ingress sends each request to the target that it names', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane()
    .outbound(WEB, detectPolicy(balanced(WEB)))
    .profile(WEB, PROFILE)
    .start();
  await using server = await readyProxy({ control, name: 'server', ip: '10.42.0.5', ports: { 8080: app.port } });
  control.endpointsOf(WEB).set([server.endpoint(8080)]);
  await using ingress = await readyProxy({
    control,
    name: 'ingress',
    ip: '10.42.0.4',
    connectsTo: { [POD]: POD },
    dial: { [POD]: server.inboundAddress(8080) },
    env: { LINKERD2_PROXY_INGRESS_MODE: 'true' },
  });
  const port = ingress.outboundPort(POD);
  const answer = await get(port, { headers: { host: 'public.example', 'l5d-dst-override': WEB } });
  expect(seen(answer)).toMatchObject({ version: '1.1', headers: { host: 'public.example', 'l5d-client-id': ingress.identity } });
  expect(seen(answer).headers['l5d-dst-override']).toBeUndefined();
  expect(control.requests).toContain(`Watch ${WEB}`);
  expect(control.requests).toContain(`GetProfile ${WEB}`);
  expect(control.requests).not.toContain(`Watch ${POD}`);
  expect((await get(port)).status).toBe(200);
  expect(control.requests).toContain(`Watch ${POD}`);
  expect(await ingress.metric('request_total', { direction: 'outbound', no_tls_reason: 'ingress_without_override' })).toBe(1);
  const refused = await get(port, { headers: { 'l5d-dst-override': 'not an authority' } });
  expect([refused.status, refused.headers['l5d-proxy-error']]).toEqual([400, undefined]);
});

test('a gateway passes on what names a service below its suffixes, and nothing else', async () => {
  await using app = await httpApplication();
  await using bytes = await tcpApplication((socket) => socket.pipe(socket));
  const TCP = 'tcp.ns.svc.cluster.local:9000';
  await using control = await controlPlane()
    .profile(WEB, PROFILE)
    .profile(TCP, { ...PROFILE, fullyQualifiedName: 'tcp.ns.svc.cluster.local' })
    .outbound('10.43.0.7:80', detectPolicy(balanced('web-east.ns.svc.cluster.local:80')))
    .outbound('10.43.0.8:9000', detectPolicy(balanced('tcp-east.ns.svc.cluster.local:9000')))
    .outbound('10.43.0.9:80', detectPolicy(balanced('other-east.ns.svc.cluster.local:80')))
    .start();
  await using server = await readyProxy({ control, name: 'server', ip: '10.42.0.5', ports: { 8080: app.port, 9000: bytes.port } });
  control.endpointsOf(WEB).set([server.endpoint(8080)]);
  control.endpointsOf(TCP).set([server.endpoint(9000)]);
  const dial = { '10.42.0.5:8080': server.inboundAddress(8080), '10.42.0.5:9000': server.inboundAddress(9000) };
  const env = { LINKERD2_PROXY_INBOUND_GATEWAY_SUFFIXES: 'svc.cluster.local.' };
  await using gateway = await readyProxy({ control, name: 'gateway', ip: '10.42.0.9', dial, env });
  const through = (authorityOverride: string) => [gateway.endpoint(4143, { authorityOverride })];
  control.endpointsOf('web-east.ns.svc.cluster.local:80').set(through(WEB));
  control.endpointsOf('tcp-east.ns.svc.cluster.local:9000').set(through(TCP));
  control.endpointsOf('other-east.ns.svc.cluster.local:80').set(through('other.example:80'));
  await using client = await readyProxy({
    control,
    name: 'client',
    ip: '10.42.0.4',
    connectsTo: { '10.43.0.7:80': 'web-east:80', '10.43.0.8:9000': 'tcp-east:9000', '10.43.0.9:80': 'other-east:80' },
    dial: { '10.42.0.9:4143': gateway.inboundAddress(4143) },
  });
  const answer = await get(client.outboundPort('10.43.0.7:80'), { path: '/x' });
  expect(seen(answer)).toMatchObject({ version: '1.1', path: '/x', headers: { host: WEB, 'l5d-client-id': gateway.identity } });
  expect(seen(answer).headers['forwarded']).toBe(`by=${gateway.identity};for=${client.identity};host=${WEB};proto=https`);
  expect(control.requests).toContain('WatchPort 4143');
  expect(await exchangeBytes(client.outboundPort('10.43.0.8:9000'), '\x01 bytes that are not HTTP')).toBe('\x01 bytes that are not HTTP');
  expect((await get(client.outboundPort('10.43.0.9:80'))).status).toBe(404);
  const header = { target_name: 'web.ns.svc.cluster.local', target_port: '80', session_protocol: 'http/2', client_id: client.identity };
  expect(await gateway.metric('inbound_tcp_transport_header_connections_total', header)).toBe(1);
  expect(await gateway.metric('inbound_http_errors_total', { error: 'gateway domain invalid' })).toBe(1);
});
