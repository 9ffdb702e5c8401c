// Programs that join the mesh without a sidecar, beside workloads that have a proxy.
import { createServer, type IncomingMessage, type RequestListener, request, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { constantWatch, type Endpoint, formatSocketAddress, type IdentityPort } from '@weft/core';
import { type Dialer, tcpDialer } from '@weft/proxy';
import { type MeshAgent, type MeshAgentOptions, type MeshServer, type MeshServerOptions, meshAgent, meshServer } from '@weft/proxy/sdk';
import type { Answer, Ask } from '../proxy/pair.ts';
import { DIRECT_PORT, identityOf, meshedEndpoint, type TestMesh } from '../proxy/test-mesh.ts';

const LOOPBACK = { ip: '127.0.0.1', port: 0 };

export async function identityPort(mesh: TestMesh, name: string, authority = mesh.authority): Promise<IdentityPort> {
  const identity = identityOf(name);
  return { name: identity, serverName: identity, anchors: mesh.authority.anchors, credentials: constantWatch(await mesh.credentials(identity, authority)) };
}

/** Dials what the mesh knows of. */
export function dialer(mesh: TestMesh): Dialer {
  const dial = tcpDialer();
  return (address, options) => dial(mesh.addresses.get(formatSocketAddress(address)) ?? { ip: '127.0.0.1', port: 1 }, options);
}

export async function startAgent(mesh: TestMesh, options: Partial<MeshAgentOptions> = {}): Promise<MeshAgent> {
  const agent = meshAgent({ identity: await identityPort(mesh, 'client'), discovery: mesh.control, policy: mesh.control, dial: dialer(mesh), ...options });
  mesh.adopt({ close: () => agent.destroy() });
  return agent;
}

export interface ServerProgram {
  readonly joined: MeshServer;
  readonly server: Server;
  readonly identity: string;
  endpoint(extra?: Partial<Endpoint>): Endpoint;
}

/** Its virtual address is 10.42.0.6:8080. */
export async function startServer(mesh: TestMesh, listener: RequestListener, options: Partial<MeshServerOptions> = {}): Promise<ServerProgram> {
  const ip = '10.42.0.6';
  const port = 8080;
  const server = createServer(listener);
  const identity = await identityPort(mesh, 'server');
  const joined = meshServer(server, { identity, policy: mesh.control, ip, port, listen: { direct: LOOPBACK, application: LOOPBACK }, ...options });
  mesh.adopt({ close: () => joined.destroy() });
  await joined.ready;
  const { direct, application } = joined.addresses;
  if (!direct || !application) throw new TypeError('not bound');
  mesh.addresses.set(`${ip}:${DIRECT_PORT}`, direct);
  mesh.addresses.set(`${ip}:${port}`, application);
  return { joined, server, identity: identity.name, endpoint: (extra) => ({ ...meshedEndpoint(identity.name, { ip, port }), ...extra }) };
}

/** Asks by name, as a program with the agent does. */
export async function askBy(agent: MeshAgent, url: string, { body, ...options }: Omit<Ask, 'agent'> = {}): Promise<Answer & { readonly reused: boolean }> {
  let reused = false;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request(url, { agent, ...options }, (head) => {
      reused = asked.reusedSocket;
      resolve(head);
    });
    asked.on('error', reject).end(body);
  });
  return { status: response.statusCode ?? 0, headers: response.headers, version: response.httpVersion, body: await text(response), reused };
}
