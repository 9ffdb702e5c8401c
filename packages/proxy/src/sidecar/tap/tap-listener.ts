// The tap listener: mesh TLS, and gRPC for the one identity that may observe. spec/proxy.md §9.5.
import {
  type Clock,
  constantWatch,
  formatIdentityId,
  formatSocketAddress,
  type IdentityPort,
  type Logger,
  type MetricRegistry,
  type Reason,
  ReasonError,
  reason,
  reasonOf,
  type SocketAddress,
} from '@weft/core';
import { startGrpcServer } from '@weft/process';
import { tlsServer } from '@weft/tls';
import { type Connection, Connections } from '../../accept/connections.ts';
import { bindListeners } from '../../accept/listeners.ts';
import { remoteAddressOf } from '../../accept/original-dst.ts';
import { type Terminated, terminateTls } from '../../inbound/terminate-tls.ts';
import { refusals } from '../../observe/refusals.ts';
import type { SetTcpOptions } from '../../ports.ts';
import type { TapHub } from './tap-hub.ts';
import { observing, refusing } from './tap-service.ts';

export interface TapListenerOptions {
  readonly listen: SocketAddress;
  /** The identity that may observe. */
  readonly client: string;
  readonly hub: TapHub;
  readonly identity: IdentityPort;
  readonly setTcpOptions: SetTcpOptions;
  readonly metrics: MetricRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface TapListener {
  readonly address: SocketAddress | undefined;
  /** Ends what observes, and the connections. Never rejects. */
  close(): Promise<void>;
}

/** Of detection and of the handshake. */
const DETECT_TIMEOUT_MS = 1_000;
/** Whoever connects is not known yet. */
const MAX_CONNECTIONS = 256;
/** Long enough to be told why. */
const REFUSED_MS = 10_000;
/** A condition is a few words. */
const MAX_MESSAGE_BYTES = 64 * 1024;

/** Resolves when it listens; rejects when it cannot. */
export async function startTapListener(options: TapListenerOptions): Promise<TapListener> {
  const { identity, client, clock, hub } = options;
  const logger = options.logger.child({ listener: 'tap' });
  const refused = refusals(options.metrics, logger, clock);
  const server = tlsServer({ credentials: identity.credentials, handshakeTimeoutMs: DETECT_TIMEOUT_MS, clock, logger });
  const common = { logger, clock, maxMessageBytes: MAX_MESSAGE_BYTES };
  const welcoming = await startGrpcServer({ ...common, services: [observing(hub)] });
  const stern = await startGrpcServer({ ...common, services: [refusing(reason('UNAUTHORIZED', `only ${client} may tap`))] });
  const connections = new Connections();

  const accept = async (connection: Connection): Promise<void> => {
    const remote = remoteAddressOf(connection.socket);
    const refuse = (why: Reason): void => refused.connection('tap', why, {}, { client: remote && formatSocketAddress(remote) });
    try {
      const terminated = await terminateTls(connection.socket, { serverName: identity.serverName, server, timeoutMs: DETECT_TIMEOUT_MS, clock });
      const why = objection(terminated, client);
      if (why) refuse(why);
      const { stream } = terminated;
      // HTTP/2 has no half-closed connections.
      stream.allowHalfOpen = false;
      const closed = new Promise<void>((resolve) => (stream.closed ? resolve() : stream.once('close', resolve)));
      (why ? stern : welcoming).inject(stream);
      const limit = why && clock.after(REFUSED_MS, () => stream.destroy());
      connection.enter({ drain: () => stream.destroy(), destroy: () => stream.destroy() });
      await closed;
      limit?.cancel();
    } catch (error) {
      refuse(reasonOf(error));
      connection.socket.destroy();
    }
  };

  const listeners = bindListeners({
    name: 'tap',
    listeners: constantWatch([{ listen: options.listen }]),
    sockets: {},
    setTcpOptions: options.setTcpOptions,
    logger,
    onConnection(socket) {
      socket.on('error', () => undefined);
      if (connections.size < MAX_CONNECTIONS) return void connections.run(socket, accept);
      refused.connection('tap', reason('LOAD_SHED', `${MAX_CONNECTIONS} connections are open`), {});
      socket.destroy();
    },
  });
  const close = async (): Promise<void> => {
    listeners.close();
    await Promise.all([welcoming.close(0), stern.close(0)]);
    connections.destroy();
    server.close();
  };
  try {
    await listeners.listening;
  } catch (error) {
    await close();
    throw error;
  }
  return {
    get address() {
      return listeners.addresses[0];
    },
    close,
  };
}

/** Why this client may not observe. Throws where there is nobody to tell. */
function objection({ tls }: Terminated, client: string): Reason | undefined {
  if (tls.kind === 'passthrough') throw new ReasonError(reason('UNAUTHORIZED', `TLS for ${tls.sni}, which is another`));
  if (tls.kind === 'none') return reason('UNAUTHORIZED', `only ${client} may tap, over mesh TLS: ${tls.why}`);
  const id = tls.clientId && formatIdentityId(tls.clientId);
  return id === client ? undefined : reason('UNAUTHORIZED', `only ${client} may tap, not ${id ?? 'a client without certificate'}`);
}
