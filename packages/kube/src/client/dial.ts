// Connections that a caller opens: a tunnel, another namespace, memory in a test.
import type http from 'node:http';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';

type Oncreate = (error: Error | null, socket?: Duplex) => void;

/** Lets an agent take its connections from `dial`; the callback form of createConnection is what Node waits for. */
export function dialWith(agent: http.Agent, dial: () => Promise<Duplex>, secure: tls.ConnectionOptions | undefined): void {
  const connect = ({ ca, cert, key }: tls.SecureContextOptions, oncreate: Oncreate): undefined => {
    dial().then(
      (stream) => {
        if (!secure) return oncreate(null, stream);
        const socket = tls.connect({ ...secure, ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}), socket: stream });
        socket.once('secureConnect', () => {
          socket.removeListener('error', oncreate);
          oncreate(null, socket);
        });
        socket.once('error', oncreate);
      },
      (error: unknown) => oncreate(error instanceof Error ? error : new Error(String(error))),
    );
    return undefined;
  };
  // A plain Duplex has none of the socket methods that keeping it alive calls.
  const keep = (stream: Duplex): boolean => 'setKeepAlive' in stream;
  Object.assign(agent, { createConnection: connect, keepSocketAlive: keep });
}
