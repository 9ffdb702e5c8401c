// A client that comes before the first certificate. spec/proxy.md §1.5. What any proxy does with TLS: ../cases.
import { createConnection } from 'node:net';
import { expect, test } from 'vitest';
import { controlPlane } from './control-plane.ts';
import { startProxy } from './proxy-process.ts';

test('a client that waits for the certificate is let go when it goes away', async () => {
  await using control = await controlPlane().start();
  const certificates = control.holdCertificates();
  await using proxy = await startProxy({ control, name: 'server', ip: '10.42.0.5', ports: { 8080: 1 } });
  const [host = '', port = ''] = proxy.inboundAddress(8080).split(':');
  const socket = createConnection({ host, port: Number(port) });
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.resetAndDestroy();
  certificates.release();
  await proxy.log(/^Ready$/);
  expect((await proxy.admin('/ready')).status).toBe(200);
});
