import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { mappedOriginalDst } from './mapped-original-dst.ts';

test('a table names destinations by address and port, or by the port alone', async () => {
  const server = createServer().listen(0, '::');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const anywhere = { ip: '10.43.0.7', port: 80 };
  const one = { ip: 'fd00::7', port: 443 };
  const source = mappedOriginalDst([
    { local: { port }, destination: anywhere },
    { local: { ip: '::1', port }, destination: one },
  ]);
  const elsewhere = mappedOriginalDst([{ local: { ip: '127.0.0.2', port }, destination: one }]);
  try {
    for (const [host, destination] of [
      ['127.0.0.1', anywhere],
      ['::1', one],
    ] as const) {
      const client = connect(port, host);
      const [socket] = (await once(server, 'connection')) as [Socket];
      expect([source.of(socket), elsewhere.of(socket)]).toEqual([destination, undefined]);
      socket.destroy();
      client.destroy();
    }
  } finally {
    server.close();
  }
});
