// A gRPC server over grpc-js on a listener of our own: sockets from elsewhere can be handed in, and shutdown is graceful and then not.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { type Clock, type Logger, type MetricRegistry, type SocketAddress, silentLogger, systemClock } from '@weft/core';
import { boundAddress, type ListenAddress } from '../flags/listen-address.ts';
import { grpcMetrics } from './grpc-metrics.ts';
import { GrpcSessions } from './grpc-sessions.ts';
import { OpenStreams, trackStreams } from './open-streams.ts';

/** Handlers by method name, as grpc-js calls them; unary ones may also be `async (call) => response`. */
export type GrpcImplementation = Readonly<Record<string, (...args: never[]) => unknown>>;

export type GrpcService = readonly [definition: ServiceDefinition, implementation: GrpcImplementation];

export interface GrpcServerOptions {
  /** Absent: nothing is listened on; connections come through `inject` only. */
  readonly listen?: ListenAddress;
  /** Errors with a gRPC `code` become the status; others are logged and hidden behind INTERNAL. */
  readonly services: readonly GrpcService[];
  readonly logger?: Logger;
  /** Where `grpc_server_*` are counted. Default: nowhere. */
  readonly registry?: MetricRegistry;
  /** Longest request message in bytes. Default 4 Mi. */
  readonly maxMessageBytes?: number;
  readonly clock?: Clock;
}

export interface GrpcServer {
  /** Undefined without `listen`. */
  readonly address: SocketAddress | undefined;
  /** Serves a connected stream, such as one whose TLS handshake is done here. ALPN does not matter. */
  inject(socket: Duplex): void;
  /** Stops listening, ends running streams with UNAVAILABLE, lets unary calls finish, and cuts what is left after the grace period (default 5,000 ms). */
  close(graceMs?: number): Promise<void>;
}

/** One proxy opens hundreds of streams on a connection; memory is bounded by the streams themselves. */
const MAX_CONCURRENT_STREAMS = 2 ** 31 - 1;

/** Resolves when listening; rejects when the address cannot be bound. */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { listen, services, logger = silentLogger, registry, clock = systemClock() } = options;
  const server = new Server({
    'grpc.max_concurrent_streams': MAX_CONCURRENT_STREAMS,
    'grpc.max_receive_message_length': options.maxMessageBytes ?? 4 * 1024 * 1024,
    'grpc.max_send_message_length': -1,
    'grpc.enable_channelz': 0,
    ...(registry && { interceptors: [grpcMetrics(registry, services, clock)] }),
  });
  const streams = new OpenStreams();
  for (const [definition, implementation] of services) server.addService(definition, trackStreams(definition, implementation, streams, logger));

  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const sessions = new GrpcSessions(server);
  const sockets = new Set<Duplex>();
  let closing: Promise<void> | undefined;
  const inject = (socket: Duplex): void => {
    if (closing) return void socket.destroy();
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', (error) => logger.log('debug', 'a gRPC connection failed', { error }));
    acceptWithoutAlpn(socket);
    injector.injectConnection(socket as Socket);
  };

  const listener = listen && createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }, inject);
  if (listener && listen) {
    listener.listen({ port: listen.port, ...(listen.host !== undefined && { host: listen.host }) });
    await once(listener, 'listening');
    listener.on('error', (error) => logger.log('error', 'the gRPC listener failed', { error }));
  }

  const close = async (graceMs: number): Promise<void> => {
    const closed = listener && new Promise<void>((resolve) => listener.close(() => resolve()));
    streams.endAll();
    const drained = sessions.sayGoaway().then(() => new Promise<void>((resolve) => server.tryShutdown(() => resolve())));
    const forced = new Promise<void>((resolve) => {
      const timer = clock.after(graceMs, () => {
        logger.log('warn', 'gRPC calls are cut off after the grace period', { graceMs, connections: sockets.size });
        resolve();
      });
      void drained.then(() => {
        timer.cancel();
        resolve();
      });
    });
    await forced;
    server.forceShutdown();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    address: listener && boundAddress(listener.address() as AddressInfo),
    inject,
    close: (graceMs = 5000) => (closing ??= close(graceMs)),
  };
}

/** Node refuses HTTP/2 over TLS unless ALPN said `h2`, which the mesh never offers: the socket is told that it did. */
function acceptWithoutAlpn(socket: Duplex): void {
  if ('alpnProtocol' in socket && socket.alpnProtocol !== 'h2') socket.alpnProtocol = 'h2';
}
