// Our proxy as a process: the bundle under Linkerd's environment variables, with a scripted control plane. Alone it is a client's
// proxy in front of an application without one, or a server's where TLS comes in; a pair is both.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ControlPlane } from '../../test/acceptance/process/control-plane.ts';
import { type ProxyProcess, readyProxy } from '../../test/acceptance/process/proxy-process.ts';
import { alone, NAME, SERVICE, scripted } from '../../test/acceptance/process/scenes.ts';
import { balanced, clientPolicy, firstOf, opaqueProtocol } from '../../test/acceptance/proxy/policies.ts';
import { entry, exit, type Path } from '../hop.ts';
import type { Peer } from './peer.ts';

const BUNDLE = fileURLToPath(new URL('../../packages/cli/dist/bundle/weft-proxy.mjs', import.meta.url));
const ENV = { LINKERD2_PROXY_LOG: 'info' };
const APPLICATION_PORT = 8080;

interface Scene {
  readonly port: number;
  readonly proxies: readonly ProxyProcess[];
}

export const weft: Peer = {
  name: 'weft',
  judge: true,
  missing: () => (existsSync(process.env['PROXY_BIN'] ?? BUNDLE) ? undefined : 'the proxy is not built'),
  carries: () => true,
  async start(path, { identity, backend }) {
    const control = await scripted().authority(identity.authority).start();
    const { port, proxies } = await scene(path, control, await backend(exit(path).protocol));
    return {
      port,
      pids: proxies.map(({ pid }) => pid),
      async close() {
        for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
        await control[Symbol.asyncDispose]();
      },
    };
  },
};

async function scene(path: Path, control: ControlPlane, backendPort: number): Promise<Scene> {
  if (path.length === 2) return pair(control, backendPort);
  if (entry(path).tls) {
    const proxy = await servers(control, backendPort);
    return { port: portOf(proxy), proxies: [proxy] };
  }
  if (entry(path).protocol === 'tcp') control.outboundOf(SERVICE).set(clientPolicy({ kind: 'opaque', ...opaqueProtocol(firstOf(balanced(NAME))) }));
  const proxy = await alone(control, backendPort, ENV);
  return { port: proxy.outboundPort(SERVICE), proxies: [proxy] };
}

async function pair(control: ControlPlane, backendPort: number): Promise<Scene> {
  const server = await servers(control, backendPort);
  control.endpointsOf(NAME).set([server.endpoint(APPLICATION_PORT)]);
  const dial = { [`10.42.0.5:${APPLICATION_PORT}`]: server.inboundAddress(APPLICATION_PORT) };
  const client = await readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo: { [SERVICE]: NAME }, dial, env: ENV });
  return { port: client.outboundPort(SERVICE), proxies: [client, server] };
}

const servers = (control: ControlPlane, port: number): Promise<ProxyProcess> =>
  readyProxy({ control, name: 'server', ip: '10.42.0.5', ports: { [APPLICATION_PORT]: port }, env: ENV });

const portOf = (server: ProxyProcess): number => Number(server.inboundAddress(APPLICATION_PORT).split(':').at(-1));
