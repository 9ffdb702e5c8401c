// How connections are told apart by their first bytes. spec/proxy.md §2.1, §10.6 (http detect, tls detect).
import { expect } from 'vitest';
import { httpApplication, tcpApplication } from '../process/applications.ts';
import { clientHelloFor } from '../process/client-hello.ts';
import { controlPlane } from '../process/control-plane.ts';
import { firstBytes, tcpTo, untilClosed } from '../process/meshed-peer.ts';
import { alone, behind, SERVICE, scripted } from '../process/scenes.ts';
import { acceptanceCase } from './case.ts';

const RESULTS = 'outbound_tcp_detect_http_results_total';
const echoes = () => tcpApplication((socket) => socket.pipe(socket));

for (const [name, bytes] of [
  ['prefixes of HTTP/1 shorter than 14 bytes not HTTP', 'GET / HTTP/1.'],
  ['garbage not HTTP', '\x00\x01\x02 garbage, and long enough'],
  ['a preface that is cut off not HTTP', 'PRI * HTTP/2.'],
] as const) {
  acceptanceCase(`http detect: ${name}`, async () => {
    await using app = await echoes();
    await using control = await scripted().start();
    await using proxy = await alone(control, app.port);
    const socket = await tcpTo(proxy.outboundAddress(SERVICE));
    socket.write(bytes);
    expect(await firstBytes(socket)).toBe(bytes);
    expect(await proxy.metric(RESULTS, { result: 'not_http' })).toBe(1);
    socket.destroy();
  });
}

acceptanceCase('http detect: timeout', async () => {
  await using app = await tcpApplication((socket) => socket.write('you say nothing, so I do'));
  await using control = await scripted().start();
  await using proxy = await alone(control, app.port, { LINKERD2_PROXY_OUTBOUND_DETECT_TIMEOUT: '200ms' });
  const socket = await tcpTo(proxy.outboundAddress(SERVICE));
  expect(await firstBytes(socket)).toBe('you say nothing, so I do');
  expect(await proxy.metric(RESULTS, { result: 'read_timeout' })).toBe(1);
  socket.destroy();
});

acceptanceCase('http detect: partial request lines HTTP', async () => {
  await using app = await httpApplication((_message, response) => void response.end('in the end'));
  await using control = await scripted().start();
  await using proxy = await alone(control, app.port);
  const socket = await tcpTo(proxy.outboundAddress(SERVICE));
  socket.write('GET /a/long/path/that/goes/on');
  await expect.poll(() => proxy.metric(RESULTS, { result: 'http/1' }), { timeout: 5_000, interval: 10 }).toBe(1);
  socket.write('/and/on HTTP/1.1\r\nhost: server\r\nconnection: close\r\n\r\n');
  expect(await untilClosed(socket)).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*in the end/);
});

acceptanceCase('http detect: H2 with trailing garbage', async () => {
  let arrived = '';
  await using app = await tcpApplication((socket) => socket.on('data', (chunk: Buffer) => (arrived += chunk.toString('latin1'))));
  await using control = await scripted().start();
  await using proxy = await alone(control, app.port);
  const socket = await tcpTo(proxy.outboundAddress(SERVICE));
  socket.write('PRI * HTTP/2.0 and then it goes wrong, for good');
  await untilClosed(socket);
  expect(await proxy.metric(RESULTS, { result: 'http/2' })).toBe(1);
  expect(arrived).not.toContain('goes wrong');
});

acceptanceCase('tls detect: SNI mismatch passthrough', async () => {
  await using app = await echoes();
  await using control = await controlPlane().start();
  await using proxy = await behind(control, app.port);
  const hello = clientHelloFor('bank.example');
  const socket = await tcpTo(proxy.inboundAddress(8080));
  socket.write(hello);
  expect(Buffer.from(await firstBytes(socket), 'latin1').equals(hello)).toBe(true);
  expect(await proxy.metric('tcp_open_total', { direction: 'inbound', peer: 'src', tls: 'opaque', sni: 'bank.example' })).toBe(1);
  socket.destroy();
});

acceptanceCase('tls detect: ClientHello split over reads', async () => {
  await using app = await echoes();
  await using control = await controlPlane().start();
  await using proxy = await behind(control, app.port);
  const hello = clientHelloFor('bank.example');
  const socket = await tcpTo(proxy.inboundAddress(8080));
  // The first piece could still become anything.
  for (const piece of [hello.subarray(0, 3), hello.subarray(3, 40), hello.subarray(40)]) {
    socket.write(piece);
    await proxy.metric('tcp_open_total');
  }
  expect(Buffer.from(await firstBytes(socket), 'latin1').equals(hello)).toBe(true);
  expect(await proxy.metric('tcp_open_total', { direction: 'inbound', peer: 'src', tls: 'opaque', sni: 'bank.example' })).toBe(1);
  socket.destroy();
});

acceptanceCase('tls detect: non-TLS bytes', async () => {
  await using app = await echoes();
  await using control = await controlPlane().start();
  await using proxy = await behind(control, app.port);
  // An alert, and a handshake of SSL 3.0.
  for (const bytes of ['\x15\x03\x03\x00\x02\x02\x28 and more than fourteen bytes', '\x16\x03\x00\x00\x10 and more than fourteen bytes']) {
    const socket = await tcpTo(proxy.inboundAddress(8080));
    socket.write(bytes, 'latin1');
    expect(await firstBytes(socket)).toBe(bytes);
    socket.destroy();
  }
  const labels = { direction: 'inbound', peer: 'src', tls: 'no_identity', no_tls_reason: 'no_tls_from_remote', target_port: '8080' };
  expect(await proxy.metric('tcp_open_total', labels)).toBe(2);
});
