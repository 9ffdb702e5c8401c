// meshAgent: an http.Agent whose connections are of the mesh. Each is one in memory to the outbound side of a proxy in this process,
// which discovers, balances and dials mutual TLS as any other. spec/proxy.md §2.2, §5, §6.
import { Agent, type AgentOptions, type ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  type Clock,
  type Credentials,
  constantWatch,
  createWatch,
  type IdentityPort,
  isIp,
  type Logger,
  type MetricRegistry,
  type Random,
  ReasonError,
  reason,
  socketAddressOf,
} from '@weft/core';
import type { HttpEngine } from '@weft/http';
import { asSocket, MemorySocket } from '../accept/memory-socket.ts';
import type { OutboundConfig } from '../config.ts';
import type { Dialer } from '../ports.ts';
import { createProxy, type Proxy } from '../proxy.ts';
import { type AgentDiscovery, type AgentPolicy, namedDiscovery, namedPolicy } from './named-targets.ts';
import { type VirtualAddresses, virtualAddresses } from './virtual-addresses.ts';

export interface MeshAgentOptions {
  /** Who this program is: its certificate is shown to every meshed endpoint. Default: nobody; endpoints with an identity are then refused. */
  readonly identity?: IdentityPort;
  /** Asked for the endpoints of `host:port`, as requests name them. */
  readonly discovery: AgentDiscovery;
  /** Routes, splits and the like. Default: requests are balanced over the endpoints of the name. */
  readonly policy?: AgentPolicy;
  /** Of `http.Agent`. Default: connections are kept alive, without a limit. */
  readonly agent?: AgentOptions;
  /** How long an unused connection, and with it what is known of its target, is kept. Default 5000. */
  readonly idleMs?: number;
  /** Timeouts, queues, limits of the outbound side; what concerns listeners has no effect. Default: Linkerd's. */
  readonly outbound?: Partial<Omit<OutboundConfig, 'listeners' | 'profileNetworks' | 'ingress'>>;
  /** Time limit of `close()`. Default 120000. */
  readonly shutdownGraceMs?: number;
  /** Default: TCP. */
  readonly dial?: Dialer;
  readonly engine?: HttpEngine;
  readonly metrics?: MetricRegistry;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

/** What undici's `connect` option takes. */
export type Connector = (
  options: { readonly hostname: string; readonly protocol: string; readonly port: string },
  callback: (...result: [error: null, socket: Socket] | [error: Error, socket: null]) => void,
) => void;

const EVERYWHERE = [
  { ip: '0.0.0.0', prefix: 0 },
  { ip: '::', prefix: 0 },
];
const DEFAULT_PORT = 80;
const MAX_DESTINATIONS = 10_000;

export function meshAgent(options: MeshAgentOptions): MeshAgent {
  const { identity = nobody(), discovery, policy, outbound, idleMs = 5_000, shutdownGraceMs, agent, ...ports } = options;
  const names = virtualAddresses(outbound?.maxDestinations ?? MAX_DESTINATIONS);
  const none = constantWatch([]);
  const proxy = createProxy(
    { ...ports, identity, discovery: namedDiscovery(discovery, names), policy: namedPolicy(policy, names) },
    {
      outbound: { refuseLoopback: false, ...outbound, listeners: none, profileNetworks: EVERYWHERE },
      inbound: { listeners: none },
      ...(shutdownGraceMs !== undefined && { shutdownGraceMs }),
    },
  );
  return new MeshAgent(proxy, names, idleMs, agent);
}

/** Has no certificate, trusts nobody's, and waits for none. */
function nobody(): IdentityPort {
  const credentials = createWatch<Credentials>();
  credentials.absent();
  return { name: '', serverName: '', anchors: [], credentials: credentials.watch };
}

/** Made by `meshAgent`. Requests are plain `http:`; what is sent is mutual TLS wherever the endpoint has an identity. */
export class MeshAgent extends Agent {
  /** Resolves when the first certificate is held. Requests before wait for it. */
  readonly ready: Promise<void>;
  /** For undici: `new Agent({ connect: agent.connector })`, which `meshDispatcher` of `@weft/proxy/sdk/undici` does. */
  readonly connector: Connector;
  readonly #proxy: Proxy;
  readonly #names: VirtualAddresses;
  readonly #idleMs: number;
  readonly #busyTimeoutMs: number;

  constructor(proxy: Proxy, names: VirtualAddresses, idleMs: number, options: AgentOptions = {}) {
    super({ keepAlive: true, ...options });
    this.#proxy = proxy;
    this.#names = names;
    this.#idleMs = idleMs;
    this.#busyTimeoutMs = options.timeout ?? 0;
    this.ready = proxy.ready;
    this.connector = ({ hostname, protocol, port }, callback) => {
      // undici goes on only if it is called back later.
      process.nextTick(() => {
        if (protocol === 'http:') callback(null, asSocket(this.#connect(hostname.replace(/^\[|\]$/g, ''), port === '' ? DEFAULT_PORT : Number(port))));
        else callback(new ReasonError(reason('REQUEST_INVALID', `${protocol}//${hostname}: the mesh encrypts http: itself`)), null);
      });
    };
  }

  /** A connection to one of the endpoints of a name, or to an address; carries any bytes. Called by Node for each that a request needs. */
  override createConnection(options: { readonly host?: string | null | undefined; readonly port?: number | string | null | undefined }): Duplex {
    return this.#connect(options.host ?? 'localhost', Number(options.port ?? DEFAULT_PORT));
  }

  /** Called by Node when a connection becomes idle. */
  override keepSocketAlive(socket: Duplex): boolean {
    const kept: unknown = super.keepSocketAlive(socket);
    if (socket instanceof MemorySocket) socket.setTimeout(this.#idleMs);
    // Node's types do not say that it returns whether to keep it.
    return kept !== false;
  }

  /** Called by Node when an idle connection is used again. */
  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    if (socket instanceof MemorySocket) socket.setTimeout(this.#busyTimeoutMs);
    super.reuseSocket(socket, request);
  }

  /** Takes no more requests, lets those in flight finish, then closes. Idempotent; never rejects. */
  async close(): Promise<void> {
    await this.#proxy.close();
    super.destroy();
  }

  /** Closes everything at once. */
  override destroy(): void {
    this.#proxy.destroy();
    super.destroy();
  }

  #connect(host: string, port: number): MemorySocket {
    const address = isIp(host) ? socketAddressOf(host, port) : undefined;
    return this.#proxy.connect(address ?? this.#names.of({ host: host.toLowerCase(), port }));
  }
}
