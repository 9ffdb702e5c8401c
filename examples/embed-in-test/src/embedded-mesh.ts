// A mesh small enough for a test: an authority in memory, and a proxy in this process for each service. Pods and services have virtual
// addresses; every proxy listens on a free port of 127.0.0.1 alone, so that no privileges are needed and nothing collides.
import { once } from 'node:events';
import { Agent, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  type Authentication,
  constantWatch,
  createRegistry,
  createWatch,
  type DiscoveryPort,
  defaultMetadata,
  type Endpoint,
  formatSocketAddress,
  type IdentityPort,
  type MetricRegistry,
  type PolicyPort,
  type Profile,
  ReasonError,
  reason,
  type ServerPolicy,
  type SocketAddress,
  type Watch,
} from '@weft/core';
import { type CreatedAuthority, createAuthority, createKeyAndRequest } from '@weft/identity/authority';
import { createProxy, type Dialer, type Proxy, tcpDialer } from '@weft/proxy';

export interface Service {
  readonly name: string;
  /** What its certificate says. */
  readonly identity: string;
  /** For requests of this service to others, by name: `http.get('http://voting/', { agent })`. They go through its proxy. */
  readonly agent: Agent;
  /** What its proxy counts. */
  readonly metrics: MetricRegistry;
}

export interface ServiceOptions {
  /** Its application; the mesh makes it listen. Absent: the service only asks others. */
  readonly server?: Server;
  /** Who may ask it, by service name. Default: everybody in the mesh. */
  readonly allow?: readonly string[];
}

const PORT = 8080;
const LOOPBACK: SocketAddress = { ip: '127.0.0.1', port: 0 };
const EVERYWHERE = [{ net: { ip: '0.0.0.0', prefix: 0 }, except: [] }];

export class EmbeddedMesh implements AsyncDisposable {
  readonly #authority: CreatedAuthority;
  readonly #addresses = new Map<string, SocketAddress>();
  readonly #endpoints = new Map<string, Endpoint>();
  /** Virtual address → where that is on this machine. */
  readonly #real = new Map<string, SocketAddress>();
  readonly #closing: (() => unknown)[] = [];

  private constructor(authority: CreatedAuthority) {
    this.#authority = authority;
  }

  static async start(): Promise<EmbeddedMesh> {
    return new EmbeddedMesh(await createAuthority({ trustDomain: 'cluster.local' }));
  }

  async service(name: string, { server, allow }: ServiceOptions = {}): Promise<Service> {
    const address = { ip: `10.42.0.${this.#addresses.size + 1}`, port: PORT };
    const identity = await this.#certified(name);
    const application = server && (await listenOn(server));
    const metrics = createRegistry();
    const proxy = createProxy(
      { identity, metrics, discovery: this.#discovery, policy: policyFor(allow), dial: this.#dialer(address, application) },
      {
        inbound: { listeners: constantWatch([{ listen: LOOPBACK, originalDst: address }]), allowedIps: [address.ip] },
        outbound: { listeners: constantWatch([]), profileNetworks: [{ ip: '10.42.0.0', prefix: 16 }] },
      },
    );
    await proxy.ready;
    const [inbound] = proxy.addresses.inbound;
    if (inbound) this.#real.set(formatSocketAddress(address), inbound);
    this.#addresses.set(name, address);
    this.#endpoints.set(formatSocketAddress(address), {
      address,
      weight: 1,
      labels: { service: name },
      identity: { id: { kind: 'dns', name: identity.name }, serverName: identity.serverName },
      hint: 'h2',
    });
    const agent = new ServiceAgent(proxy, (host) => this.#addresses.get(host));
    this.#closing.push(() => {
      agent.destroy();
      server?.close();
      return proxy.close();
    });
    return { name, identity: identity.name, agent, metrics };
  }

  /** The real address of a service's proxy, for clients that are not of the mesh. */
  addressOf(name: string): SocketAddress | undefined {
    const address = this.#addresses.get(name);
    return address && this.#real.get(formatSocketAddress(address));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#closing.map((close) => close()));
  }

  /** Every address is that of one endpoint, which its profile describes. */
  get #discovery(): DiscoveryPort {
    return {
      endpoints: () => absent(),
      profile: (target) => {
        const endpoint = this.#endpoints.get(target);
        const profile: Profile = { fullyQualifiedName: '', opaqueProtocol: false, routes: [], overrides: [], endpoint };
        return constantWatch(profile);
      },
    };
  }

  async #certified(account: string): Promise<IdentityPort> {
    const name = `${account}.test.serviceaccount.identity.linkerd.cluster.local`;
    const { key, request } = await createKeyAndRequest(name);
    const { leaf, intermediates, expiresAt } = await this.#authority.issue(request, name);
    const { anchors } = this.#authority;
    const credentials = constantWatch({ identity: name, serverName: name, key, chain: [leaf, ...intermediates], anchors, expiresAt });
    return { name, serverName: name, anchors, credentials };
  }

  /** A proxy's own address leads to its application, every other one to the proxy behind it. */
  #dialer(own: SocketAddress, application: SocketAddress | undefined): Dialer {
    const dial = tcpDialer();
    return async (address, options) => {
      const real = address.ip === own.ip ? application : this.#real.get(formatSocketAddress(address));
      if (!real) throw new ReasonError(reason('CONNECT_REFUSED', formatSocketAddress(address)));
      return dial(real, options);
    };
  }
}

/** Connects by name, through the proxy of the service that asks. */
class ServiceAgent extends Agent {
  readonly #proxy: Proxy;
  readonly #resolve: (host: string) => SocketAddress | undefined;

  constructor(proxy: Proxy, resolve: (host: string) => SocketAddress | undefined) {
    super({ keepAlive: true });
    this.#proxy = proxy;
    this.#resolve = resolve;
  }

  override createConnection({ host }: { readonly host?: string | null | undefined }): Duplex {
    const address = this.#resolve(host ?? '');
    if (!address) throw new RangeError(`no service is called ${host}`);
    return this.#proxy.connect(address);
  }
}

function policyFor(allow: readonly string[] | undefined): PolicyPort {
  const identities = (allow ?? []).map((account) => `${account}.test.serviceaccount.identity.linkerd.cluster.local`);
  const authentication: Authentication = { kind: 'clients', identities, suffixes: allow ? [] : [[]] };
  const authorizations = [{ metadata: defaultMetadata('allowed'), networks: EVERYWHERE, authentication }];
  const inbound: ServerPolicy = { metadata: defaultMetadata('test'), protocol: { kind: 'detect', timeoutMs: 10_000, routes: [], authorizations } };
  return { outbound: () => absent(), inbound: () => constantWatch(inbound) };
}

function absent(): Watch<never> {
  const source = createWatch<never>();
  source.absent();
  return source.watch;
}

async function listenOn(server: Server): Promise<SocketAddress> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('the server listens on no port');
  return { ip: address.address, port: address.port };
}
