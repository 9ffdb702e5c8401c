// How protocols are found, in a pair of proxies: by the client's first bytes, or by a race with the server. spec/proxy.md §2.1, §9.4.
import { createServer } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2 } from 'node:http2';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { constantWatch, type ManualClock, manualClock } from '@weft/core';
import { tlsClient } from '@weft/tls';
import { expect, test } from 'vitest';
import { ask, firstBytes, NAME, type Pair, readAll, SERVICE, startPair, tcp, until } from './pair.ts';
import { balanced, clientPolicy, firstOf, httpProtocol, onlyMeshed, opaqueProtocol, serverPolicy } from './policies.ts';
import { identityOf, sample, TestMesh } from './test-mesh.ts';

const GREETING = 'J\x00\x00\x00\x0a8.0.36\x00';

/** As MySQL does: greets whoever connects, then waits. */
const greets = (socket: Socket): void => {
  socket.write(GREETING, 'latin1');
  socket.pipe(socket);
};

/** Detection would wait for a minute. */
const RACE = { detect: { mode: 'race' }, outbound: { detectTimeoutMs: 60_000 }, inbound: { detectTimeoutMs: 60_000 } } as const;

async function racingPair(mesh: TestMesh, app: number): Promise<Pair> {
  const pair = await startPair(mesh, app, { client: RACE, server: RACE });
  // Only meshed clients: nobody is taken for a plaintext client whose server speaks first.
  mesh.control.inboundOf(8080).set(serverPolicy({ kind: 'tls' }, 'detect', 60_000));
  return pair;
}

const verdicts = (pair: Pair, side: 'client' | 'server', code: string): number => sample(pair[side].metrics, 'weft_detect_verdicts_total', `reason="${code}"`);

test('counts connections by the protocol of their target and by what was found', async () => {
  await using mesh = await TestMesh.start();
  const app = await mesh.listenOn(createServer((_message, response) => response.end('ok')));
  const pair = await startPair(mesh, app);
  const { client, server, port } = pair;
  await ask(port);
  expect(sample(client.metrics, 'outbound_tcp_protocol_connections_total', 'protocol="detect"', 'parent_kind="default",parent_namespace=""')).toBe(1);
  expect(sample(client.metrics, 'outbound_tcp_detect_http_results_total', 'result="http/1"')).toBe(1);
  expect(sample(client.metrics, 'outbound_tcp_detect_http_duration_seconds_count')).toBe(1);
  expect(sample(server.metrics, 'inbound_tcp_detect_http_results_total', 'result="http/2"', 'srv_port="8080"')).toBe(1);
  expect(sample(server.metrics, 'inbound_tcp_detect_http_duration_seconds_count', 'srv_name="test"')).toBe(1);
  const to = firstOf(balanced(NAME));
  const protocols = [
    ['http/1', { kind: 'http1', ...httpProtocol({ to }) }],
    ['http/2', { kind: 'http2', ...httpProtocol({ to }) }],
    ['opaq', { kind: 'opaque', ...opaqueProtocol(to) }],
    ['tls', { kind: 'tls', routes: [] }],
  ] as const;
  for (const [label, protocol] of protocols) {
    mesh.control.outboundOf(SERVICE).set(clientPolicy(protocol));
    const socket = await tcp(port);
    await until(() => sample(client.metrics, 'outbound_tcp_protocol_connections_total', `protocol="${label}"`) === 1);
    socket.destroy();
  }
  expect(client.logs.some(({ level, fields }) => level === 'debug' && fields.reason === 'DETECTED_HTTP1' && fields.target === SERVICE)).toBe(true);
});

/** Lets the time pass that a race waits for, once so many timers are set: that of the race is the last. */
async function pass(clock: ManualClock, timers: number, ms: number): Promise<number> {
  await until(() => clock.pending === timers);
  clock.advance(ms);
  return ms;
}

test('lets an undeclared server speak first within 50 ms, through both proxies', async () => {
  await using mesh = await TestMesh.start();
  const [clock, serverClock] = [manualClock(), manualClock()];
  const pair = await startPair(mesh, await mesh.listen(greets), { client: RACE, server: RACE, clock, serverClock });
  mesh.control.inboundOf(8080).set(serverPolicy({ kind: 'tls' }, 'detect', 60_000));
  const [before, serverBefore] = [clock.pending, serverClock.pending];
  const socket = await tcp(pair.port);
  const greeting = firstBytes(socket);
  // All the time that the proxies let pass; the rest is what connections and handshakes take. Each waits for the client and for the race,
  // and the server's proxy remembers that its client is meshed.
  const idle = (await pass(clock, before + 2, 10)) + (await pass(serverClock, serverBefore + 3, 10));
  expect(await greeting).toBe(GREETING);
  expect(idle).toBeLessThan(50);
  expect([verdicts(pair, 'client', 'DETECTED_SERVER_FIRST'), verdicts(pair, 'server', 'DETECTED_SERVER_FIRST')]).toEqual([1, 1]);
  socket.destroy();
});

test('lets an undeclared server speak first within 50 ms to a client without a proxy', async () => {
  await using mesh = await TestMesh.start();
  const serverClock = manualClock();
  const { server } = await startPair(mesh, await mesh.listen(greets), { server: RACE, serverClock });
  const before = serverClock.pending;
  const socket = await tcp(server.inboundAddress(8080).port);
  const greeting = firstBytes(socket);
  expect(await pass(serverClock, before + 2, 30)).toBeLessThan(50);
  expect(await greeting).toBe(GREETING);
  socket.destroy();
});

test('remembers which servers speak first, on both sides and in the metrics', async () => {
  await using mesh = await TestMesh.start();
  const pair = await racingPair(mesh, await mesh.listen(greets));
  for (let i = 0; i < 3; i++) {
    const socket = await tcp(pair.port);
    expect(await firstBytes(socket)).toBe(GREETING);
    socket.write('query');
    expect(await firstBytes(socket)).toBe('query');
    socket.destroy();
  }
  for (const side of ['client', 'server'] as const) {
    expect([verdicts(pair, side, 'DETECTED_SERVER_FIRST'), verdicts(pair, side, 'DETECTED_REMEMBERED')]).toEqual([1, 2]);
  }
  expect(sample(pair.client.metrics, 'weft_detect_server_first_targets', `target_addr="${SERVICE}"`, 'direction="outbound"')).toBe(1);
  expect(sample(pair.server.metrics, 'weft_detect_server_first_targets', 'target_addr="10.42.0.5:8080"', 'direction="inbound"')).toBe(1);
  expect(sample(pair.client.metrics, 'outbound_tcp_detect_http_results_total', 'result="not_http"')).toBe(1);
});

test('lets an undeclared server speak first to a client without a proxy', async () => {
  await using mesh = await TestMesh.start();
  const pair = await racingPair(mesh, await mesh.listen(greets));
  mesh.control.inboundOf(8080).set(serverPolicy({ kind: 'unauthenticated' }, 'detect', 60_000));
  for (let i = 0; i < 2; i++) {
    const socket = await tcp(pair.server.inboundAddress(8080).port);
    expect(await firstBytes(socket)).toBe(GREETING);
    socket.destroy();
  }
  // A client that is silent might still have begun a TLS handshake: the race is run each time.
  expect(verdicts(pair, 'server', 'DETECTED_SERVER_FIRST')).toBe(2);
  expect(sample(pair.server.metrics, 'tcp_open_total', 'peer="src"', 'no_tls_reason="no_tls_from_remote"')).toBe(2);
});

test('waits for the ClientHello of a client that is known to be meshed', async () => {
  await using mesh = await TestMesh.start();
  const serverClock = manualClock();
  const { server, port } = await startPair(mesh, await mesh.listen(greets), { client: RACE, server: RACE, serverClock });
  mesh.control.inboundOf(8080).set(serverPolicy({ kind: 'tls' }, 'detect', 60_000));
  const before = serverClock.pending;
  const first = await tcp(port);
  const greeting = firstBytes(first);
  await pass(serverClock, before + 3, 10);
  expect(await greeting).toBe(GREETING);
  mesh.control.inboundOf(8080).set(serverPolicy({ kind: 'unauthenticated' }, 'detect', 60_000));
  const waiting = serverClock.pending;
  const late = await tcp(server.inboundAddress(8080).port);
  await until(() => serverClock.pending > waiting);
  // The limit of detection alone: no race.
  expect(serverClock.pending).toBe(waiting + 1);
  serverClock.advance(1_000);
  const tls = tlsClient({ identity: { anchors: mesh.authority.anchors, credentials: constantWatch(await mesh.credentials(identityOf('late'))) } });
  const { identity } = server.endpoint(8080);
  if (!identity) throw new TypeError('no identity');
  const { socket } = await tls.connect(late, { identity });
  expect(await firstBytes(socket)).toBe(GREETING);
  for (const one of [first, late]) one.destroy();
  tls.close();
});

test('lets no byte of a server pass, nor connects to it, for a client that is not authorized', async () => {
  await using mesh = await TestMesh.start();
  let connections = 0;
  const app = await mesh.listen((socket) => {
    connections += 1;
    greets(socket);
  });
  const { server } = await startPair(mesh, app, { server: { detect: { mode: 'race', helloHeadStartMs: 0 }, inbound: { detectTimeoutMs: 150 } } });
  mesh.control.inboundOf(8080).set(onlyMeshed());
  const socket = await tcp(server.inboundAddress(8080).port);
  expect(await readAll(socket).catch(() => '')).toBe('');
  expect(connections).toBe(0);
  expect(sample(server.metrics, 'inbound_tcp_errors_total', 'error="tls detection timeout"')).toBe(1);
});

test('serves HTTP as ever to clients that hesitate, and whose server talks unasked', async () => {
  await using mesh = await TestMesh.start();
  const app = createHttp2();
  app.on('stream', (stream) => {
    stream.respond({ ':status': 200 });
    stream.end('two');
  });
  // Node's HTTP/2 server sends SETTINGS to whoever connects.
  const port = await mesh.listenOn(app);
  let connections = 0;
  app.on('connection', () => (connections += 1));
  const pair = await racingPair(mesh, port);
  const silent = await tcp(pair.port);
  await until(() => connections === 1);
  const session = connectHttp2(`http://127.0.0.1:${pair.port}`, { createConnection: () => silent });
  expect(await text(session.request({ ':path': '/' }))).toBe('two');
  expect(verdicts(pair, 'client', 'DETECTED_HTTP2')).toBe(1);
  expect(sample(pair.client.metrics, 'weft_detect_server_first_targets')).toBe(0);
  expect(verdicts(pair, 'server', 'DETECTED_SERVER_FIRST')).toBe(0);
  session.destroy();
});

test('hands the connection of the race to a client that speaks late, and is not HTTP', async () => {
  await using mesh = await TestMesh.start();
  let connections = 0;
  const app = await mesh.listen((socket) => {
    connections += 1;
    socket.pipe(socket);
  });
  mesh.addresses.set('192.0.2.7:9000', { ip: '127.0.0.1', port: app });
  const client = await mesh.workload('client', { ip: '10.42.0.4', connectsTo: ['192.0.2.7:9000'], settings: RACE });
  const socket = await tcp(client.outboundPort('192.0.2.7:9000'));
  await until(() => connections === 1);
  socket.write('\x00at last');
  expect(await firstBytes(socket)).toBe('\x00at last');
  expect(connections).toBe(1);
  socket.destroy();
});

test('forgets that a server spoke first when the time is over', async () => {
  await using mesh = await TestMesh.start();
  mesh.addresses.set('192.0.2.7:3306', { ip: '127.0.0.1', port: await mesh.listen(greets) });
  const clock: ManualClock = manualClock();
  const client = await mesh.workload('client', {
    ip: '10.42.0.4',
    connectsTo: ['192.0.2.7:3306'],
    clock,
    settings: { detect: { mode: 'race', headStartMs: 10, rememberMs: 60_000 } },
  });
  const greeted = async (): Promise<void> => {
    const waiting = clock.pending;
    const socket = await tcp(client.outboundPort('192.0.2.7:3306'));
    const greeting = firstBytes(socket);
    const remembered = sample(client.metrics, 'weft_detect_server_first_targets', 'target_addr="192.0.2.7:3306"') === 1;
    if (!remembered) {
      await until(() => clock.pending === waiting + 2);
      clock.advance(10);
    }
    expect(await greeting).toBe(GREETING);
    socket.destroy();
  };
  const count = (code: string): number => sample(client.metrics, 'weft_detect_verdicts_total', `reason="${code}"`);
  await greeted();
  await greeted();
  expect([count('DETECTED_SERVER_FIRST'), count('DETECTED_REMEMBERED')]).toEqual([1, 1]);
  clock.advance(60_000);
  expect(sample(client.metrics, 'weft_detect_server_first_targets')).toBe(0);
  await greeted();
  expect([count('DETECTED_SERVER_FIRST'), count('DETECTED_REMEMBERED')]).toEqual([2, 1]);
});

test('waits for the client as Linkerd does unless a race is asked for', async () => {
  await using mesh = await TestMesh.start();
  let connections = 0;
  const app = await mesh.listen((socket) => {
    connections += 1;
    greets(socket);
  });
  const pair = await startPair(mesh, app, { client: { outbound: { detectTimeoutMs: 150 } } });
  const socket = await tcp(pair.port);
  const greeting = firstBytes(socket).catch(() => '');
  await until(() => sample(pair.client.metrics, 'outbound_tcp_detect_http_results_total', 'result="read_timeout"') === 1);
  expect([connections, verdicts(pair, 'client', 'DETECT_TIMEOUT')]).toEqual([0, 1]);
  socket.destroy();
  await greeting;
});
