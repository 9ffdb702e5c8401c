// Refusals of the inbound and the direct port, with their reasons. spec/proxy.md §2.4, §2.5, §3.5. What any proxy does there: ../cases.
import { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { encodeTransportHeader } from '@weft/tls';
import { expect, test, vi } from 'vitest';
import { onlyFor } from '../proxy/policies.ts';
import { tcpApplication } from './applications.ts';
import { controlPlane } from './control-plane.ts';
import { firstBytes, meshedPeer, tcpTo, untilClosed } from './meshed-peer.ts';
import { behind } from './scenes.ts';

const DIRECT = 4143;

const comesTo = (read: () => Promise<number>, value: number): Promise<void> =>
  vi.waitFor(async () => expect(await read()).toBe(value), { timeout: 5_000, interval: 20 });

test('a connection for an address that is not of this pod is refused with its reason', async () => {
  await using control = await controlPlane().start();
  await using proxy = await behind(control, 1, { LINKERD2_PROXY_INBOUND_IPS: '10.42.0.99' });
  expect(await untilClosed(await tcpTo(proxy.inboundAddress(8080)))).toBe('');
  expect(await proxy.metric('weft_refusals_total', { reason: 'INBOUND_IP_NOT_ALLOWED' })).toBe(1);
});

test('bad bytes at every stage harm their own connection only', async () => {
  await using app = await tcpApplication((socket) => socket.pipe(socket));
  await using control = await controlPlane().start();
  await using proxy = await behind(control, app.port, { LINKERD2_PROXY_INBOUND_DETECT_TIMEOUT: '300ms' });
  using peer = await meshedPeer(control, 'client');
  control.inboundOf(8080).set(onlyFor(peer.identity));
  const { socket: good } = await peer.connect(proxy, 8080);
  const exchange = async (): Promise<void> => {
    good.write('\x01 still here, not HTTP');
    expect(await firstBytes(good)).toBe('\x01 still here, not HTTP');
  };
  await exchange();
  const refused = (reason: string): Promise<number> => proxy.metric('weft_refusals_total', { direction: 'inbound', reason });
  const hello = await helloFor(proxy.identity);
  const meshed = async (bytes: Uint8Array): Promise<string> => {
    const { socket } = await peer.connect(proxy, DIRECT, { alpn: true });
    socket.write(bytes);
    return untilClosed(socket);
  };
  const plain = async (port: number, bytes: Uint8Array, end = false): Promise<string> => {
    const socket = await tcpTo(proxy.inboundAddress(port));
    socket.write(bytes);
    if (end) socket.end();
    return untilClosed(socket);
  };
  const header = Buffer.from(encodeTransportHeader({ port: 8080 }));
  const tooLong = Buffer.concat([header.subarray(0, 23), Buffer.from([0, 1, 0, 1]), Buffer.alloc(65_537)]);
  const http2Header = Buffer.from(encodeTransportHeader({ port: 8080, sessionProtocol: 'http2' }));

  const stages: readonly (readonly [string, string, () => Promise<string>])[] = [
    ['a truncated hello, then the end', 'DETECT_CLOSED', () => plain(8080, hello.subarray(0, 100), true)],
    ['a truncated hello, then nothing', 'DETECT_TIMEOUT', () => plain(8080, hello.subarray(0, 100))],
    ['garbage after the hello', 'TLS_HANDSHAKE_FAILED', () => plain(8080, Buffer.concat([hello, Buffer.from('no TLS at all, really')]))],
    ['plaintext on the direct port', 'TRANSPORT_HEADER_REQUIRED', () => plain(DIRECT, Buffer.from('not even TLS, on purpose'))],
    ['a wrong preface', 'TRANSPORT_HEADER_INVALID', () => meshed(Buffer.from('transport.l5d.io/v2\r\n\r\n'))],
    ['garbage after ALPN', 'TRANSPORT_HEADER_INVALID', () => meshed(Buffer.alloc(100_000, 0xff))],
    ['a header of 64 KiB and one byte', 'TRANSPORT_HEADER_INVALID', () => meshed(tooLong)],
    ['a header that is no message', 'TRANSPORT_HEADER_INVALID', () => meshed(Buffer.concat([header.subarray(0, 23), Buffer.from([0, 0, 0, 2, 0xff, 0xff])]))],
    ['a header that is cut off', 'TRANSPORT_HEADER_INVALID', () => meshed(header.subarray(0, 25))],
  ];
  const counts = new Map<string, number>();
  for (const [what, reason, attack] of stages) {
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
    const answer = await attack();
    // A TLS alert is all that may come back.
    expect({ what, alert: answer === '' || answer.charCodeAt(0) === 21 || answer.charCodeAt(0) === 22 }).toEqual({ what, alert: true });
    await comesTo(() => refused(reason), counts.get(reason) ?? 0);
    await exchange();
  }
  // The server's SETTINGS and a GOAWAY are the answer to bytes that are no HTTP/2, where nothing else is expected.
  for (const bytes of [
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nthis is no frame, whatever it is',
    'PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n',
    'GET / HTTP/1.1\r\nhost: x\r\n\r\n',
  ]) {
    expect(await meshed(Buffer.concat([http2Header, Buffer.from(bytes)]))).toContain('\x07');
    await exchange();
  }
  // What cannot become a hello is not TLS, and goes where it was going, as any bytes of a client without a mesh.
  const endless = Buffer.concat([Buffer.from([22, 3, 1, 0x40, 0, 1, 0]), Buffer.alloc(70_000, 1)]);
  for (const bytes of [endless, Buffer.from([21, 3, 3, 0, 2, 2, 40, 0, 0, 0, 0, 0, 0, 0, 0])]) {
    expect(Buffer.from(await plain(8080, bytes, true), 'latin1').equals(bytes)).toBe(true);
    await exchange();
  }
  expect((await proxy.admin('/ready')).status).toBe(200);
  expect(await proxy.metric('tcp_open_connections', { direction: 'inbound', peer: 'src', client_id: peer.identity, target_port: '8080' })).toBe(1);
});

/** What a meshed client of this workload says first. */
async function helloFor(identity: string): Promise<Buffer> {
  return new Promise((resolve) => {
    const transport = new Duplex({
      read: () => undefined,
      write(chunk: Buffer, _encoding, done) {
        done();
        resolve(chunk);
      },
    });
    connect({ socket: transport, servername: identity, minVersion: 'TLSv1.3' }).on('error', () => undefined);
  });
}
