// Traffic through one proxy process, and through two. spec/proxy.md §10.1, §10.4.
import { expect, test } from 'vitest';
import { answeringApplication, exchangeBytes, get, getHttp2, http2Application, http2Session, httpApplication, seen, sendWhole } from './applications.ts';
import { controlPlane } from './control-plane.ts';
import { readyProxy } from './proxy-process.ts';
import { alone, NAME, pair, SERVICE, scripted } from './scenes.ts';

test('an HTTP/1.1 request reaches an application without a proxy, under the name of the service', async () => {
  await using app = await httpApplication();
  await using control = await scripted().start();
  await using proxy = await alone(control, app.port);
  const answer = await get(proxy.outboundPort(SERVICE), { method: 'POST', path: '/a?b=c', headers: { 'x-own': '1' }, body: 'hello' });
  expect(answer).toMatchObject({ status: 200, version: '1.1' });
  expect(seen(answer)).toMatchObject({ version: '1.1', method: 'POST', path: '/a?b=c', body: 'hello', headers: { host: NAME, 'x-own': '1' } });
  expect(control.requests).toContain(`Watch ${SERVICE}`);
  expect(control.requests).toContain(`GetProfile ${SERVICE}`);
  expect(control.requests).toContain(`Get ${NAME}`);
  const labels = {
    direction: 'outbound',
    tls: 'no_identity',
    no_tls_reason: 'not_provided_by_service_discovery',
    dst_deployment: 'app',
    target_addr: '10.42.0.9:8080',
  };
  expect(await proxy.metric('request_total', labels)).toBe(1);
});

test('HTTP/2 and gRPC stream both ways and keep their trailers', async () => {
  await using app = await http2Application();
  await using control = await scripted().start();
  await using proxy = await alone(control, app.port);
  using session = http2Session(proxy.outboundPort(SERVICE));
  const answer = await getHttp2(session, { ':method': 'POST', ':path': '/pkg.Service/Method', 'content-type': 'application/grpc', te: 'trailers' }, [
    'one ',
    'two ',
  ]);
  expect(answer).toMatchObject({ status: 200, body: 'one two path /pkg.Service/Method', trailers: { 'grpc-status': '5', 'grpc-message': 'not here' } });
  expect(await proxy.metric('response_total', { direction: 'outbound', grpc_status: '5' })).toBe(1);
});

test('bytes that are not HTTP are relayed both ways, and an end of one side leaves the other open', async () => {
  await using app = await answeringApplication();
  await using control = await scripted().start();
  await using proxy = await alone(control, app.port);
  expect(await exchangeBytes(proxy.outboundPort(SERVICE), '\u0001\u0002 not HTTP at all')).toBe('received \u0001\u0002 not HTTP at all');
});

test('a destination that the control plane does not know is forwarded to as it is', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  await using proxy = await readyProxy({
    control,
    name: 'client',
    ip: '10.42.0.4',
    connectsTo: { '10.99.0.1:80': 'elsewhere:80' },
    dial: { '10.99.0.1:80': `127.0.0.1:${app.port}` },
  });
  expect((await get(proxy.outboundPort('10.99.0.1:80'))).status).toBe(200);
});

test('two proxies carry HTTP/1.1 over mutual TLS and know each other', async () => {
  await using app = await httpApplication();
  await using control = await scripted().start();
  await using both = await pair(control, app.port);
  const { client, server } = both;
  const answer = await get(client.outboundPort(SERVICE), { path: '/x', headers: { 'l5d-client-id': 'forged' } });
  expect(answer).toMatchObject({ status: 200, version: '1.1' });
  expect(seen(answer)).toMatchObject({ version: '1.1', path: '/x', headers: { host: NAME, 'l5d-client-id': client.identity } });
  expect(seen(answer).headers['l5d-orig-proto']).toBeUndefined();
  expect(answer.headers['l5d-orig-proto']).toBeUndefined();
  expect(await client.metric('request_total', { direction: 'outbound', tls: 'true', server_id: server.identity, dst_pod: 'server' })).toBe(1);
  expect(await server.metric('request_total', { direction: 'inbound', tls: 'true', client_id: client.identity, target_port: '8080' })).toBe(1);
  expect(await server.metric('response_total', { direction: 'inbound', target_port: '8080', status_code: '200', classification: 'success' })).toBe(1);
  expect(await client.metric('tcp_open_total', { direction: 'outbound', peer: 'dst', tls: 'true', server_id: server.identity })).toBe(1);
  expect(await server.metric('tcp_open_total', { direction: 'inbound', peer: 'src', tls: 'true', client_id: client.identity })).toBe(1);
  expect(await server.metric('response_latency_ms_count', { direction: 'inbound', target_port: '8080', status_code: '200' })).toBe(1);
  expect(await server.metric('control_identity_cert_refreshes_total', { result: 'ok' })).toBe(1);
});

test('two proxies carry gRPC over mutual TLS', async () => {
  await using app = await http2Application();
  await using control = await scripted().start();
  await using both = await pair(control, app.port);
  using session = http2Session(both.client.outboundPort(SERVICE));
  const headers = { ':method': 'POST', ':path': '/pkg.Service/Method', 'content-type': 'application/grpc', te: 'trailers' };
  const answers = await Promise.all([getHttp2(session, headers, ['a']), getHttp2(session, headers, ['b', 'c'])]);
  expect(answers.map(({ body }) => body).sort()).toEqual(['apath /pkg.Service/Method', 'bcpath /pkg.Service/Method']);
  expect(answers.every(({ trailers }) => trailers['grpc-status'] === '5')).toBe(true);
  expect(await both.server.metric('request_total', { direction: 'inbound', tls: 'true', target_port: '8080' })).toBe(2);
});

test('a unary call, whose request comes whole and at once, is answered through both proxies', async () => {
  await using app = await http2Application();
  await using control = await scripted().start();
  await using both = await pair(control, app.port);
  using session = http2Session(both.client.outboundPort(SERVICE));
  const headers = { ':method': 'POST', ':path': '/pkg.Service/Unary', 'content-type': 'application/grpc', te: 'trailers' };
  const bodies = await Promise.all(['a', 'b', ''].map(async (body) => (await sendWhole(session, headers, body)).body));
  expect(bodies).toEqual(['apath /pkg.Service/Unary', 'bpath /pkg.Service/Unary', 'path /pkg.Service/Unary']);
});

test('a control plane behind a proxy of its own is reached by mutual TLS', async () => {
  await using control = await controlPlane().start();
  await using front = await readyProxy({ control, name: 'control', ip: '10.42.0.3', ports: { 8080: control.address.port } });
  const host = 'linkerd-identity-headless.linkerd.svc.cluster.local';
  const services = ['IDENTITY', 'DESTINATION', 'POLICY'].flatMap((service) => [
    [`LINKERD2_PROXY_${service}_SVC_ADDR`, `${host}.:8080`],
    [`LINKERD2_PROXY_${service}_SVC_NAME`, front.identity],
  ]);
  await using client = await readyProxy({
    control,
    name: 'client',
    ip: '10.42.0.4',
    env: Object.fromEntries(services) as Record<string, string>,
    hosts: { [host]: ['10.42.0.3'] },
    dial: { '10.42.0.3:8080': front.inboundAddress(8080) },
  });
  expect(control.requests).toContain(`Certify ${client.identity}`);
  expect(await front.metric('request_total', { direction: 'inbound', target_port: '8080', tls: 'true', client_id: '' })).toBeGreaterThan(0);
});

test('two proxies carry opaque bytes over mutual TLS', async () => {
  await using app = await answeringApplication();
  await using control = await scripted().start();
  await using both = await pair(control, app.port);
  expect(await exchangeBytes(both.client.outboundPort(SERVICE), '\u0001 bytes')).toBe('received \u0001 bytes');
  const meshed = { direction: 'inbound', peer: 'src', tls: 'true', client_id: both.client.identity };
  expect(await both.server.metric('tcp_open_total', meshed)).toBeGreaterThan(0);
  expect(await both.server.metric('tcp_read_bytes_total', meshed)).toBeGreaterThanOrEqual('\u0001 bytes'.length);
});
