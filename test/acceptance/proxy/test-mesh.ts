// Workloads with proxies in one process: virtual addresses, certificates of a test authority, real sockets on loopback.
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import {
  type Clock,
  type Credentials,
  constantWatch,
  createRegistry,
  type Endpoint,
  formatSocketAddress,
  type IdentityPort,
  type LogRecord,
  type MetricRegistry,
  memoryLogger,
  parseIdentityId,
  parseSocketAddress,
  type SocketAddress,
  seeded,
  type Watch,
} from '@weft/core';
import type { HttpEngine } from '@weft/http';
import { type CreatedAuthority, createAuthority, createKeyAndRequest } from '@weft/identity/authority';
import { createProxy, type Dialer, type Listener, type Proxy, type ProxySettings, tcpDialer } from '@weft/proxy';
import { MemoryControlPlane } from './memory-ports.ts';

export interface WorkloadOptions {
  /** Virtual address of the pod. */
  readonly ip: string;
  /** Virtual port → real port of the application on 127.0.0.1. */
  readonly ports?: Readonly<Record<number, number>>;
  /** Virtual addresses that this workload connects to; each gets a listener. `ip:port`, or `ip:port=authority`. */
  readonly connectsTo?: readonly string[];
  /** Default: a certificate for `<name>.ns.serviceaccount.identity.linkerd.cluster.local`. */
  readonly credentials?: Watch<Credentials>;
  readonly settings?: ProxySettings;
  readonly clock?: Clock;
  /** Default: the proxy's own. */
  readonly engine?: HttpEngine;
}

export interface Workload {
  readonly name: string;
  readonly identity: string;
  readonly proxy: Proxy;
  readonly metrics: MetricRegistry;
  readonly logs: readonly LogRecord[];
  /** The real loopback port on which the application reaches a virtual address. */
  outboundPort(address: string): number;
  /** An endpoint as discovery would describe it. */
  endpoint(port: number, extra?: Partial<Endpoint>): Endpoint;
  /** The real address behind one of its virtual ports: the proxy's inbound listener. */
  inboundAddress(port: number): SocketAddress;
}

const LOOPBACK: SocketAddress = { ip: '127.0.0.1', port: 0 };

/** The proxy's inbound port on every workload. */
export const DIRECT_PORT = 4143;

export class TestMesh implements AsyncDisposable {
  readonly control = new MemoryControlPlane();
  readonly authority: CreatedAuthority;
  /** Virtual address → real one. */
  readonly addresses = new Map<string, SocketAddress>();
  /** Every address that a proxy dialled, as it saw it. */
  readonly dialled: string[] = [];
  readonly #proxies: Proxy[] = [];
  readonly #servers: { close(): void }[] = [];

  private constructor(authority: CreatedAuthority) {
    this.authority = authority;
  }

  static async start(): Promise<TestMesh> {
    return new TestMesh(await createAuthority({ trustDomain: 'cluster.local' }));
  }

  /** Closed with the mesh. */
  adopt<S extends { close(): void }>(server: S): S {
    this.#servers.push(server);
    return server;
  }

  async listen(onConnection: (socket: Socket) => void): Promise<number> {
    const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      onConnection(socket);
    });
    return this.listenOn(server);
  }

  async listenOn(server: Server): Promise<number> {
    this.adopt(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new TypeError('no port');
    return address.port;
  }

  async credentials(identity: string, authority: CreatedAuthority = this.authority): Promise<Credentials> {
    const { key, request } = await createKeyAndRequest(identity);
    const issued = await authority.issue(request, identity);
    return {
      identity,
      serverName: identity,
      key,
      chain: [issued.leaf, ...issued.intermediates],
      anchors: this.authority.anchors,
      expiresAt: issued.expiresAt,
    };
  }

  async workload(name: string, options: WorkloadOptions): Promise<Workload> {
    const identity = identityOf(name);
    const credentials = options.credentials ?? constantWatch(await this.credentials(identity));
    const port: IdentityPort = { name: identity, serverName: identity, anchors: this.authority.anchors, credentials };
    const { ip, ports = {}, connectsTo = [] } = options;
    const targets = connectsTo.map((text) => {
      const [address = '', authority] = text.split('=');
      return { address, authority };
    });
    const virtualPorts = [...Object.keys(ports).map(Number), DIRECT_PORT];
    const outbound: Listener[] = targets.map(({ address, authority }) => ({ listen: LOOPBACK, originalDst: addressOf(address), authority }));
    const inbound: Listener[] = virtualPorts.map((virtual) => ({ listen: LOOPBACK, originalDst: { ip, port: virtual } }));
    const logger = memoryLogger();
    const metrics = createRegistry();
    const proxy = createProxy(
      {
        identity: port,
        discovery: this.control,
        policy: this.control,
        dial: this.#dialer(ip, ports),
        metrics,
        logger,
        random: seeded(1),
        ...(options.clock ? { clock: options.clock } : {}),
        ...(options.engine ? { engine: options.engine } : {}),
      },
      {
        admin: { listen: LOOPBACK, policyPort: 4191 },
        ...options.settings,
        outbound: { listeners: constantWatch(outbound), profileNetworks: [{ ip: '10.0.0.0', prefix: 8 }], ...options.settings?.outbound },
        inbound: { listeners: constantWatch(inbound), allowedIps: [ip], ...options.settings?.inbound },
      },
    );
    this.#proxies.push(proxy);
    await proxy.listening;
    const at = (index: number): SocketAddress => {
      const address = proxy.addresses.inbound[index];
      if (!address) throw new RangeError('no such listener');
      return address;
    };
    for (const [index, virtual] of virtualPorts.entries()) this.addresses.set(formatSocketAddress({ ip, port: virtual }), at(index));
    return {
      name,
      identity,
      proxy,
      metrics,
      logs: logger.records,
      outboundPort(address) {
        const bound = proxy.addresses.outbound[targets.findIndex((target) => target.address === address)];
        if (!bound) throw new RangeError(`no listener for ${address}`);
        return bound.port;
      },
      endpoint: (endpointPort, extra) => ({ ...meshedEndpoint(identity, { ip, port: endpointPort }), ...extra }),
      inboundAddress: (virtual) => at(virtualPorts.indexOf(virtual)),
    };
  }

  /** Own addresses lead to the application, all others to what the mesh knows of them. */
  #dialer(ownIp: string, ports: Readonly<Record<number, number>>): Dialer {
    const dial = tcpDialer();
    return (address, options) => {
      const text = formatSocketAddress(address);
      this.dialled.push(text);
      const own = address.ip === ownIp ? ports[address.port] : undefined;
      const real = own === undefined ? (this.addresses.get(text) ?? CLOSED) : { ip: '127.0.0.1', port: own };
      return dial(real, options);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const proxy of this.#proxies) proxy.destroy();
    for (const server of this.#servers) server.close();
  }
}

/** Nothing listens there. */
const CLOSED: SocketAddress = { ip: '127.0.0.1', port: 1 };

export function identityOf(name: string): string {
  return `${name}.ns.serviceaccount.identity.linkerd.cluster.local`;
}

export function meshedEndpoint(identity: string, address: SocketAddress): Endpoint {
  const id = parseIdentityId(identity);
  if (!id) throw new TypeError(`not an identity: ${identity}`);
  return { address, weight: 10_000, labels: { namespace: 'ns' }, identity: { id, serverName: identity }, hint: 'h2' };
}

export function addressOf(text: string): SocketAddress {
  const address = parseSocketAddress(text);
  if (!address) throw new TypeError(`not an address: ${text}`);
  return address;
}

/** The samples of one metric whose line holds every one of the fragments, summed. */
export function sample(registry: MetricRegistry, name: string, ...fragments: string[]): number {
  let sum = 0;
  for (const line of registry.render().split('\n')) {
    if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
    if (fragments.every((fragment) => line.includes(fragment))) sum += Number(line.slice(line.lastIndexOf(' ') + 1));
  }
  return sum;
}
