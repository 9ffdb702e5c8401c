// What our own small servers share: a free port, said on the first line, and an end when nobody listens any more.
import type { AddressInfo, Server } from 'node:net';

export function announce(server: Server): void {
  server.listen(0, '127.0.0.1', () => process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`));
  process.stdin.on('end', () => process.exit(0)).resume();
}
