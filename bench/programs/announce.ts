// What our own small servers share: a free port, said on the first line, and an end when nobody listens any more.
import { type AddressInfo, createServer, type Server } from 'node:net';

/**
 * Where the same port leads to the same server: a proxy behind an address book calls 127.0.0.1 from an address of its own pod, for which it binds
 * each socket before it connects. In a cluster no proxy does that, and the system takes the longer for it the more connections were closed just before.
 */
export const UNBOUND_HOST = '127.0.0.2';

export function announce(server: Server): void {
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    const second = createServer({ noDelay: true }, (socket) => server.emit('connection', socket));
    second.listen(port, UNBOUND_HOST, () => process.stdout.write(`${JSON.stringify({ port })}\n`));
  });
  process.stdin.on('end', () => process.exit(0)).resume();
}
