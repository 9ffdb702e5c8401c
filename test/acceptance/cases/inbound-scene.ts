// A server's proxy under scripted inbound policy, and clients of every kind before it. spec/proxy.md §8.
import { type Authentication, type Authorization, type Metadata, parseNetwork, type ServerPolicy, type ServerProtocol } from '@weft/core';
import { vi } from 'vitest';
import type { ControlPlane } from '../process/control-plane.ts';
import type { Environment } from '../process/launch.ts';
import { anonymousPeer, type MeshedPeer, tcpTo } from '../process/meshed-peer.ts';
import { type ProxyProcess, readyProxy } from '../process/proxy-process.ts';
import { type Message, Wire } from './wire.ts';

/** Of this port the control plane has a policy. */
export const PORT = 8080;
/** The address of a client, in the network of the cluster. */
export const NEAR = '10.42.0.4';
/** One that is not. */
export const FAR = '10.99.0.4';

export function authorization(
  authentication: Authentication,
  networks: readonly string[] = ['0.0.0.0/0', '::/0'],
  except: readonly string[] = [],
): Authorization {
  return {
    metadata: policyMetadata('AuthorizationPolicy', 'authz'),
    networks: networks.map((text) => ({ net: net(text), except: except.map(net) })),
    authentication,
  };
}

export const ANYBODY = authorization({ kind: 'unauthenticated' });
export const clients = (identities: readonly string[], suffixes: readonly (readonly string[])[] = []): Authorization =>
  authorization({ kind: 'clients', identities, suffixes });

export function policyMetadata(resource: string, name: string): Metadata {
  return { kind: 'resource', group: 'policy.linkerd.io', resource, name, namespace: '', section: '', port: 0 };
}

/** The policy of a Server of this name. */
export function server(name: string, protocol: ServerProtocol): ServerPolicy {
  return { metadata: policyMetadata('Server', name), protocol };
}

export const detect = (...authorizations: Authorization[]): ServerProtocol => ({ kind: 'detect', timeoutMs: 10_000, routes: [], authorizations });

function net(text: string): { ip: string; prefix: number } {
  const network = parseNetwork(text);
  if (!network) throw new TypeError(text);
  return network;
}

/** The pod's port is watched from the start. */
export function serverProxy(control: ControlPlane, port: number, env: Environment = {}): Promise<ProxyProcess> {
  return readyProxy({ control, name: 'server', ip: '10.42.0.5', ports: { [PORT]: port }, env: { LINKERD2_PROXY_INBOUND_PORTS: String(PORT), ...env } });
}

/** Sets the policy and waits until requests or connections are judged by it: policies arrive when they arrive, and none is held for them. */
export async function enforce(control: ControlPlane, proxy: ProxyProcess, policy: ServerPolicy, what: 'http' | 'tcp' = 'http'): Promise<void> {
  control.inboundOf(PORT).set(policy);
  const verdicts = what === 'http' ? HTTP_VERDICTS : TCP_VERDICTS;
  await vi.waitFor(
    async () => {
      await (what === 'http' ? ask(proxy, { path: '/enforced' }) : talk(await open(proxy, {})));
      for (const name of verdicts) if ((await proxy.metric(name, { srv_name: nameOf(policy) })) > 0) return;
      throw new Error(`no verdict by ${nameOf(policy)} yet`);
    },
    { timeout: 10_000, interval: 20 },
  );
}

const HTTP_VERDICTS = ['inbound_http_authz_allow_total', 'inbound_http_authz_deny_total', 'inbound_http_route_not_found_total'];
const TCP_VERDICTS = ['inbound_tcp_authz_allow_total', 'inbound_tcp_authz_deny_total'];
const nameOf = ({ metadata }: ServerPolicy): string => metadata.name;

export interface Client {
  /** `none`: plaintext. `anonymous`: mesh TLS without a certificate. */
  readonly as?: 'none' | 'anonymous' | MeshedPeer;
  /** Virtual address. */
  readonly from?: string;
  readonly path?: string;
  readonly head?: string;
}

/** A connection through the proxy, TLS included where the client speaks it. */
export async function open(proxy: ProxyProcess, { as = 'none', from = NEAR }: Client): Promise<Wire> {
  if (as === 'none') return new Wire(await tcpTo(proxy.inboundAddress(PORT), from));
  if (as === 'anonymous') return new Wire(await anonymousPeer(proxy, PORT, from));
  return new Wire((await as.connect(proxy, PORT, { from })).socket);
}

/** One request on a connection of its own. */
export async function ask(proxy: ProxyProcess, client: Client = {}): Promise<Message> {
  using wire = await open(proxy, client);
  wire.write(`GET ${client.path ?? '/'} HTTP/1.1\r\nhost: server\r\n${client.head ?? ''}\r\n`);
  return await wire.message();
}

export async function status(proxy: ProxyProcess, client: Client = {}): Promise<number> {
  return Number((await ask(proxy, client)).start.split(' ')[1]);
}

/** The statuses of requests to these paths, in order, on a connection that is there. */
export async function statuses(wire: Wire, ...paths: readonly string[]): Promise<number[]> {
  wire.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: server\r\n\r\n`).join(''));
  const answers: number[] = [];
  for (const _ of paths) answers.push(Number((await wire.message()).start.split(' ')[1]));
  return answers;
}

/** Whether bytes that are not HTTP come back from the application. */
export async function relays(proxy: ProxyProcess, client: Client = {}): Promise<boolean> {
  using wire = await open(proxy, client);
  return await talk(wire);
}

async function talk(wire: Wire): Promise<boolean> {
  wire.write(BYTES);
  try {
    return (await wire.bytes(BYTES.length)) === BYTES;
  } catch {
    // The connection ended instead.
    return false;
  } finally {
    wire.socket.destroy();
  }
}

/** Long enough to be judged at once. */
export const BYTES = '\x01 not HTTP, for sure\r\n';
