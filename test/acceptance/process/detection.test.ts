// How our process tells connections apart, and says why: detection by race, TLS routes. What any proxy does there: ../cases.
import { expect, test, vi } from 'vitest';
import { balanced, clientPolicy, detectPolicy, firstOf, onlyFor } from '../proxy/policies.ts';
import { answeringApplication, exchangeBytes, get, httpApplication, tcpApplication } from './applications.ts';
import { clientHelloFor } from './client-hello.ts';
import { controlPlane } from './control-plane.ts';
import { greeted, greetingApplication } from './greeting.ts';
import { firstBytes, tcpTo, untilClosed } from './meshed-peer.ts';
import { readyProxy } from './proxy-process.ts';
import { alone, NAME, pair, SERVICE, scripted } from './scenes.ts';

test('a server that speaks first needs no declaration where a race is asked for, and its port is remembered', async () => {
  await using app = await greetingApplication();
  await using control = await controlPlane().start();
  const targets = Array.from({ length: 4 }, (_, i) => `10.99.0.${i + 1}:3306`);
  await using proxy = await readyProxy({
    control,
    name: 'client',
    ip: '10.42.0.4',
    connectsTo: Object.fromEntries(targets.map((target) => [target, target])),
    dial: Object.fromEntries(targets.map((target) => [target, `127.0.0.1:${app.port}`])),
    env: { WEFT_PROXY_DETECT: 'race', LINKERD2_PROXY_OUTBOUND_DETECT_TIMEOUT: '60s' },
  });
  const addresses = targets.map((target) => proxy.outboundAddress(target));
  for (const address of [...addresses, ...addresses]) await greeted(address);
  expect(await proxy.metric('weft_detect_server_first_targets', { direction: 'outbound', target_addr: '10.99.0.1:3306' })).toBe(1);
  expect(await proxy.metric('weft_detect_verdicts_total', { reason: 'DETECTED_SERVER_FIRST' })).toBe(4);
  expect(await proxy.metric('weft_detect_verdicts_total', { reason: 'DETECTED_REMEMBERED' })).toBe(4);
});

test('a server that speaks first needs no declaration behind two proxies either', async () => {
  await using app = await greetingApplication();
  // Only the meshed client is admitted: nobody is taken for a plaintext client whose server speaks first.
  await using control = await scripted().inbound(8080, onlyFor('client.ns.serviceaccount.identity.linkerd.cluster.local')).start();
  const env = { WEFT_PROXY_DETECT: 'race', LINKERD2_PROXY_OUTBOUND_DETECT_TIMEOUT: '60s', LINKERD2_PROXY_INBOUND_DETECT_TIMEOUT: '60s' };
  await using both = await pair(control, app.port, env, { ...env, LINKERD2_PROXY_INBOUND_PORTS: '8080' });
  await vi.waitFor(() => expect(control.requests).toContain('WatchPort 8080'));
  await both.server.admin('/live');
  await greeted(both.client.outboundAddress(SERVICE));
  const meshed = { direction: 'inbound', peer: 'src', tls: 'true', client_id: both.client.identity };
  expect(await both.server.metric('tcp_open_total', meshed)).toBe(1);
  expect(await both.server.metric('weft_detect_verdicts_total', { direction: 'inbound', reason: 'DETECTED_SERVER_FIRST' })).toBe(1);
});

test('a server that speaks first needs no declaration for a client without a proxy', async () => {
  await using app = await greetingApplication();
  await using control = await controlPlane().start();
  const env = { WEFT_PROXY_DETECT: 'race', LINKERD2_PROXY_INBOUND_DETECT_TIMEOUT: '60s' };
  await using proxy = await readyProxy({ control, name: 'server', ip: '10.42.0.5', ports: { 8080: app.port }, env });
  for (let i = 0; i < 4; i++) await greeted(proxy.inboundAddress(8080));
  expect(await proxy.metric('weft_detect_verdicts_total', { direction: 'inbound', reason: 'DETECTED_SERVER_FIRST' })).toBe(4);
});

test('what a protocol was found to be is logged with its reason', async () => {
  await using app = await answeringApplication();
  await using control = await scripted().start();
  await using proxy = await alone(control, app.port);
  await exchangeBytes(proxy.outboundAddress(SERVICE), '\x01 hello, this is not HTTP');
  expect(await proxy.log(/^protocol found$/)).toMatchObject({ direction: 'outbound', reason: 'DETECTED_OPAQUE', target: SERVICE });
});

test('a connection to the proxy itself is refused with its reason', async () => {
  await using control = await controlPlane().start();
  await using proxy = await readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo: { '127.0.0.1:4140': 'itself:80' } });
  expect((await get(proxy.outboundAddress('127.0.0.1:4140'))).headers['l5d-proxy-error']).toMatch(/^CONNECT_LOOPBACK_REFUSED: /);
});

test('outbound TLS is routed by server name and never terminated; without one, or too late, it is refused', async () => {
  await using app = await tcpApplication((socket) => socket.pipe(socket));
  await using control = await scripted()
    .outbound(
      SERVICE,
      clientPolicy({
        kind: 'tls',
        routes: [
          {
            metadata: { kind: 'default', name: 'bank' },
            snis: [{ kind: 'exact', host: 'bank.example' }],
            rules: [{ filters: [], distribution: firstOf(balanced(NAME)) }],
          },
        ],
      }),
    )
    .start();
  await using proxy = await alone(control, app.port, { LINKERD2_PROXY_OUTBOUND_DETECT_TIMEOUT: '300ms' });
  const address = proxy.outboundAddress(SERVICE);
  const hello = clientHelloFor('bank.example');
  const good = await tcpTo(address);
  good.write(hello);
  expect(Buffer.from(await firstBytes(good), 'latin1').equals(hello)).toBe(true);
  for (const bytes of [clientHelloFor('other.example'), Buffer.from('GET / HTTP/1.1\r\n\r\n'), hello.subarray(0, 40)]) {
    const bad = await tcpTo(address);
    bad.write(bytes);
    expect(await untilClosed(bad)).toBe('');
  }
  for (const reason of ['ROUTE_NOT_FOUND', 'REQUEST_INVALID', 'DETECT_TIMEOUT']) {
    expect(await proxy.metric('weft_refusals_total', { direction: 'outbound', reason })).toBe(1);
  }
  expect(await proxy.metric('outbound_tcp_protocol_connections_total', { protocol: 'tls' })).toBe(4);
  good.destroy();
});

test('bytes that come late are served as HTTP when they are HTTP', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane()
    .outbound(SERVICE, detectPolicy(balanced(NAME)))
    .start();
  await using proxy = await alone(control, app.port, { WEFT_PROXY_DETECT: 'race' });
  const socket = await tcpTo(proxy.outboundAddress(SERVICE));
  await proxy.admin('/live');
  socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
  expect(await untilClosed(socket)).toMatch(/^HTTP\/1\.1 200 /);
});
