// meshServer: an HTTP server of this program as a workload of the mesh. It is the inbound side of a proxy whose application is in the
// same process: connections to it are made in memory and handed to the server as its own. spec/proxy.md §2.4, §2.5, §4.1, §8.
import type { IncomingMessage, Server } from 'node:http';
import type { Http2Server } from 'node:http2';
import type { Socket } from 'node:net';
import {
  type Clock,
  constantWatch,
  createWatch,
  formatSocketAddress,
  type IdentityPort,
  type Logger,
  type MetricRegistry,
  type PolicyPort,
  ReasonError,
  reason,
  type SocketAddress,
} from '@weft/core';
import type { HttpEngine } from '@weft/http';
import { asSocket, memoryPair } from '../accept/memory-socket.ts';
import type { InboundConfig, Listener } from '../config.ts';
import type { Dialer } from '../ports.ts';
import { createProxy } from '../proxy.ts';

export interface MeshServerOptions {
  readonly identity: IdentityPort;
  /** Who may come in. */
  readonly policy: Pick<PolicyPort, 'inbound'>;
  /** The port under which peers know the server: its policy applies. */
  readonly port: number;
  /** The workload's address as peers know it, for metrics and logs. Default: the address that a listener is bound to. */
  readonly ip?: string;
  /**
   * Where to listen: for peers' proxies that send a transport header (default 0.0.0.0:4143), and for all others (default the port
   * on 0.0.0.0). Port 0 takes a free one; `false` does not listen.
   */
  readonly listen?: { readonly direct?: SocketAddress | false; readonly application?: SocketAddress | false };
  /** Takes peers' HTTP/2, gRPC among it. Default: HTTP/2 requests fail with 502; HTTP/1 that a proxy carried in HTTP/2 is HTTP/1 again here. */
  readonly http2?: Http2Server;
  /** Timeouts and limits of the inbound side. Default: Linkerd's. */
  readonly inbound?: Partial<Omit<InboundConfig, 'listeners' | 'allowedIps' | 'ports' | 'directPort' | 'gatewaySuffixes'>>;
  /** Time limit of `close()`. Default 120000. */
  readonly shutdownGraceMs?: number;
  readonly engine?: HttpEngine;
  readonly metrics?: MetricRegistry;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

export interface MeshServer {
  /** Resolves when the listeners are bound and the first certificate is held. */
  readonly ready: Promise<void>;
  /** Where they are bound. */
  readonly addresses: { readonly direct: SocketAddress | undefined; readonly application: SocketAddress | undefined };
  /**
   * The mesh identity of who sent an HTTP/1 request. Undefined where it has none, came from elsewhere than the mesh, or as opaque bytes,
   * whose `l5d-client-id` could be forged.
   */
  clientId(request: IncomingMessage): string | undefined;
  /** Stops accepting, lets requests finish, then closes. The HTTP server itself stays usable. Idempotent; never rejects. */
  close(): Promise<void>;
  destroy(): void;
}

const DIRECT_PORT = 4143;
const ANY = '0.0.0.0';

/** The server need not listen; where it does, what comes in there has passed no policy. */
export function meshServer(server: Server, options: MeshServerOptions): MeshServer {
  const { identity, policy, port, inbound, http2, shutdownGraceMs, ip, listen = {}, ...ports } = options;
  const { direct = { ip: ANY, port: DIRECT_PORT }, application = { ip: ANY, port } } = listen;
  const listener = (at: SocketAddress, originalPort: number): Listener => ({ listen: at, originalDst: { ip: ip ?? at.ip, port: originalPort } });
  const listeners = [...(direct ? [listener(direct, DIRECT_PORT)] : []), ...(application ? [listener(application, port)] : [])];
  const none = createWatch<never>();
  none.absent();

  /** Connections on which the proxy speaks HTTP: it alone has written the headers there. */
  const spoken = new WeakSet<Socket>();
  const dial: Dialer = async (target, { speaks }) => {
    if (target.port !== port) throw new ReasonError(reason('CONNECT_REFUSED', `${formatSocketAddress(target)}: this program serves port ${port}`));
    const receiver = speaks === 'http/2' ? http2 : server;
    if (!receiver) throw new ReasonError(reason('CONNECT_UNSUPPORTED', `${formatSocketAddress(target)}: this program serves no HTTP/2`));
    const { proxy, application } = memoryPair({ allowHalfOpen: true, target, accepts: true });
    if (speaks === 'http/1') spoken.add(asSocket(application));
    receiver.emit('connection', application);
    return proxy;
  };
  const proxy = createProxy(
    {
      ...ports,
      identity,
      dial,
      discovery: { endpoints: () => none.watch, profile: () => none.watch },
      policy: { inbound: (asked) => policy.inbound(asked), outbound: () => none.watch },
    },
    {
      inbound: { ...inbound, listeners: constantWatch(listeners), directPort: DIRECT_PORT, ports: [port] },
      outbound: { listeners: constantWatch([]) },
      ...(shutdownGraceMs !== undefined && { shutdownGraceMs }),
    },
  );

  return {
    ready: proxy.ready,
    get addresses() {
      const bound = [...proxy.addresses.inbound];
      return { direct: direct ? bound.shift() : undefined, application: application ? bound.shift() : undefined };
    },
    clientId(request) {
      const id = request.headers['l5d-client-id'];
      return spoken.has(request.socket) && typeof id === 'string' ? id : undefined;
    },
    close: () => proxy.close(),
    destroy: () => proxy.destroy(),
  };
}
