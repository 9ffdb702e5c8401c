import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { socketAddressFrom, socketOriginalDst } from './original-dst.ts';
import { descriptorOf } from './socket-calls.ts';

test('reads a sockaddr_in', () => {
  const bytes = Uint8Array.of(2, 0, 0x1f, 0x90, 10, 43, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0);
  expect(socketAddressFrom(bytes, 'ipv4')).toEqual({ ip: '10.43.0.7', port: 8080 });
});

test('reads a sockaddr_in6, unwrapping a mapped address', () => {
  const bytes = new Uint8Array(28);
  bytes.set([10, 0, 0x01, 0xbb]);
  bytes.set([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9], 8);
  expect(socketAddressFrom(bytes, 'ipv6')).toEqual({ ip: 'fd00::9', port: 443 });
  bytes.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1], 8);
  expect(socketAddressFrom(bytes, 'ipv6')).toEqual({ ip: '10.0.0.1', port: 443 });
});

test.runIf(process.platform === 'linux')('a connection that was not redirected has its own address or none, and no error', async () => {
  const errors: number[] = [];
  const lookup = socketOriginalDst({ onError: (errno) => errors.push(errno) });
  for (const host of ['127.0.0.1', '::1']) {
    const server = createServer();
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
    const port = await new Promise<number>((resolve) => server.listen(0, '::', () => resolve((server.address() as { port: number }).port)));
    const client = connect(port, host);
    const socket = await accepted;
    try {
      expect([undefined, port]).toContain(lookup.of(socket)?.port);
      socket.destroy();
      expect(descriptorOf(socket)).toBeUndefined();
      expect(lookup.of(socket)).toBeUndefined();
    } finally {
      client.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  }
  expect(errors).toEqual([]);
});
