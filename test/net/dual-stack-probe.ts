// Runs inside the namespaces of dual-stack.test.ts: a whole proxy behind real redirect rules of both families. Prints what happened as JSON.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { constantWatch, defaultMetadata, parseSocketAddress, type SocketAddress } from '@weft/core';
import { createAuthority, createKeyAndRequest } from '@weft/identity/authority';
import { createProxy, type Listener } from '@weft/proxy';
import { socketOriginalDst } from '@weft/proxy/sidecar';
import { MemoryControlPlane } from '../acceptance/proxy/memory-ports.ts';
import { balanced, detectPolicy } from '../acceptance/proxy/policies.ts';

const run = promisify(execFile);
const IDENTITY = 'web.ns.serviceaccount.identity.linkerd.cluster.local';
/** Service, and the address of the application behind it. */
const SERVICES = [
  ['10.43.0.7:80', '10.42.0.5:9090'],
  ['[fd43::7]:80', '[fd42::5]:9090'],
] as const;

const socketAddress = (at: string): SocketAddress => parseSocketAddress(at) ?? { ip: '', port: 0 };
const listeners = (...all: string[]) => constantWatch<readonly Listener[]>(all.map((at) => ({ listen: socketAddress(at) })));

/** Says at which of its addresses it was reached. */
async function application(port: number): Promise<Server> {
  const server = createServer(({ socket }, response) => response.end(`${socket.localAddress?.replace('::ffff:', '')} ${socket.localPort}`));
  server.listen(port, '::');
  await once(server, 'listening');
  return server;
}

/** Status and body. */
async function ask(at: string): Promise<string> {
  const [response] = (await once(get(`http://${at}/`, { agent: false }), 'response')) as [IncomingMessage];
  return `${response.statusCode} ${await text(response)}`;
}

/** The same from the other namespace. */
async function askFromOutside(at: string): Promise<string> {
  const script = `fetch('http://${at}/').then(async (r) => process.stdout.write(r.status + ' ' + (await r.text())))`;
  return (await run('ip', ['netns', 'exec', 'client', process.execPath, '-e', script])).stdout;
}

const control = new MemoryControlPlane();
for (const [service, pod] of SERVICES) {
  control.outboundOf(service).set(detectPolicy(balanced(service)));
  control.endpointsOf(service).set([{ address: socketAddress(pod), weight: 1, labels: {}, hint: 'none' }]);
}
// Who the client is decides: the address of the other namespace, in both families.
const networks = ['10.42.0.6', 'fd42::6'].map((ip) => ({ net: { ip, prefix: ip.includes(':') ? 128 : 32 }, except: [] }));
const authorizations = [{ metadata: defaultMetadata('outside'), networks, authentication: { kind: 'unauthenticated' as const } }];
control.inboundOf(8080).set({ metadata: defaultMetadata('test'), protocol: { kind: 'detect', timeoutMs: 10_000, routes: [], authorizations } });

const authority = await createAuthority({ trustDomain: 'cluster.local' });
const { key, request } = await createKeyAndRequest(IDENTITY);
const { leaf, intermediates, expiresAt } = await authority.issue(request, IDENTITY);
const { anchors } = authority;
const credentials = constantWatch({ identity: IDENTITY, serverName: IDENTITY, key, chain: [leaf, ...intermediates], anchors, expiresAt });

const errors: number[] = [];
const proxy = createProxy(
  {
    identity: { name: IDENTITY, serverName: IDENTITY, anchors, credentials },
    discovery: control,
    policy: control,
    originalDst: socketOriginalDst({ onError: (errno) => errors.push(errno) }),
  },
  {
    outbound: { listeners: listeners('127.0.0.1:4140', '[::1]:4140') },
    inbound: { listeners: listeners('[::]:4143'), allowedIps: ['10.42.0.5', 'fd42::5'] },
  },
);
await proxy.ready;
const applications = [await application(8080), await application(9090)];
const outbound = await Promise.all(SERVICES.map(([service]) => ask(service)));
const inbound = await Promise.all(['10.42.0.5:8080', '[fd42::5]:8080'].map(askFromOutside));
proxy.destroy();
for (const server of applications) server.close();
process.stdout.write(JSON.stringify({ outbound, inbound, errors }));
