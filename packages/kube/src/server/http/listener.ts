// One HTTP server behind any number of listeners.
import http from 'node:http';
import type net from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';

export interface HttpListener {
  /** Opens a TCP listener; resolves with the port. */
  listen(host: string, port: number): Promise<number>;
  /** Serves what another listener accepts. */
  attach(server: net.Server): void;
  /** One connection without a socket. */
  connect(): Duplex;
  /** Ends everything. Attached listeners stay open for their owner. */
  close(): Promise<void>;
}

/** Connections at a time; more are refused at once. */
const MAX_CONNECTIONS = 16_384;

export function createListener(handle: http.RequestListener): HttpListener {
  const server = http.createServer({ keepAliveTimeout: 120_000, requestTimeout: 120_000, headersTimeout: 60_000 }, handle);
  server.maxConnections = MAX_CONNECTIONS;
  const attached = new Map<net.Server, (stream: Duplex) => void>();
  const open = new Set<Duplex>();
  const adopt = (stream: Duplex): void => {
    if (open.size >= MAX_CONNECTIONS) return void stream.destroy();
    open.add(stream);
    stream.once('close', () => open.delete(stream));
    server.emit('connection', stream);
  };
  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port }, () => {
          server.removeListener('error', reject);
          const address = server.address();
          resolve(typeof address === 'object' && address !== null ? address.port : port);
        });
      }),
    attach(other) {
      if (attached.has(other)) return;
      attached.set(other, adopt);
      other.on('connection', adopt);
    },
    connect() {
      const [ours, theirs] = duplexPair();
      // The pair passes ends on, but not destruction.
      ours.once('close', () => theirs.destroy());
      theirs.once('close', () => ours.destroy());
      adopt(ours);
      return theirs;
    },
    async close() {
      for (const [other, listener] of attached) other.removeListener('connection', listener);
      attached.clear();
      const closed = server.listening ? new Promise<void>((resolve) => void server.close(() => resolve())) : Promise.resolve();
      server.closeAllConnections();
      for (const stream of open) stream.destroy();
      await closed;
    },
  };
}
