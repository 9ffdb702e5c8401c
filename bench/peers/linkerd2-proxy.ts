// linkerd2-proxy, where LINKERD2_PROXY_BIN names it: the same environment, control plane and places in a path as our proxy has. It finds
// out where connections were going from the kernel, so it needs redirect rules and therefore a network of its own (own-network.ts).
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Endpoint } from '@weft/core';
import { createKeyAndRequest } from '@weft/identity/authority';
import { type ControlPlane, controlPlane } from '../../test/acceptance/process/control-plane.ts';
import { environmentOf } from '../../test/acceptance/process/proxy-process.ts';
import { NAME } from '../../test/acceptance/process/scenes.ts';
import { balanced, clientPolicy, detectPolicy, firstOf, opaqueProtocol, openToAll } from '../../test/acceptance/proxy/policies.ts';
import { entry, exit } from '../hop.ts';
import { ownNetworkObstacle } from '../own-network.ts';
import { type Child, freePort, startServer } from '../processes/child.ts';
import type { Peer } from './peer.ts';

/** Users that the two proxies run as: what the server's sends is not led back to it. */
const CLIENT_UID = 2101;
const SERVER_UID = 2102;
/** An outbound proxy connects to no loopback address, so the namespace has the server's as well. */
const SERVER_IP = '10.42.0.5';
const CLIENT_IP = '10.42.0.4';

export const linkerd2Proxy: Peer = {
  name: 'linkerd2-proxy',
  judge: true,
  missing: () => (process.env['LINKERD2_PROXY_BIN'] === undefined ? 'LINKERD2_PROXY_BIN names no linkerd2-proxy' : ownNetworkObstacle()),
  carries: () => true,
  async start(path, { identity, backend }) {
    ensureServerAddress();
    const control = await controlPlane().authority(identity.authority).start();
    const backendPort = await backend(exit(path).protocol);
    const proxies: Child[] = [];
    const close = async (): Promise<void> => {
      for (const proxy of proxies) await proxy.close();
      await control[Symbol.asyncDispose]();
    };
    try {
      let port = await freePort();
      let extra: Partial<Endpoint> = {};
      if (path.length === 2 || entry(path).tls) {
        const server = await startProxy(control, 'server', SERVER_UID, SERVER_IP);
        proxies.push(server);
        control.inboundOf(port).set(openToAll());
        redirect(port, server.inbound, SERVER_UID);
        const { name } = identity.server;
        extra = { hint: 'h2', identity: { id: { kind: 'dns', name }, serverName: name } };
      }
      // What is left: the application's own port.
      nat(port, ['-j', 'DNAT', '--to-destination', `127.0.0.1:${backendPort}`]);
      if (!entry(path).tls) {
        const service = await freePort();
        const address = `127.0.0.1:${service}`;
        const dispatcher = balanced(NAME);
        const opaque = clientPolicy({ kind: 'opaque', ...opaqueProtocol(firstOf(dispatcher)) });
        control.outboundOf(address).set(entry(path).protocol === 'tcp' ? opaque : detectPolicy(dispatcher));
        control.endpointsOf(NAME).set([{ address: { ip: SERVER_IP, port }, weight: 1, labels: {}, hint: 'none', ...extra }]);
        const client = await startProxy(control, 'client', CLIENT_UID, CLIENT_IP);
        proxies.unshift(client);
        redirect(service, client.outbound, CLIENT_UID);
        port = service;
      }
      return { port, ...(entry(path).tls && { host: SERVER_IP }), pids: proxies.map(({ pid }) => pid), close };
    } catch (error) {
      await close();
      throw error;
    }
  },
};

async function startProxy(
  control: ControlPlane,
  workload: string,
  uid: number,
  ip: string,
): Promise<Child & { readonly inbound: number; readonly outbound: number }> {
  const identity = `${workload}.ns.serviceaccount.identity.linkerd.cluster.local`;
  const dir = mkdtempSync(join(tmpdir(), 'weft-bench-linkerd2-proxy-'));
  chmodSync(dir, 0o755);
  const { key, request } = await createKeyAndRequest(identity);
  mkdirSync(join(dir, 'identity'));
  writeFileSync(join(dir, 'identity/key.p8'), key);
  writeFileSync(join(dir, 'identity/csr.der'), request);
  writeFileSync(join(dir, 'token'), `token of ${workload}`);
  const [inbound, outbound, admin, tap] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const P = 'LINKERD2_PROXY_';
  const env = {
    ...environmentOf({ control, identity, ip, dir }),
    [`${P}LOG`]: 'warn',
    [`${P}CORES`]: '1',
    [`${P}INBOUND_LISTEN_ADDR`]: `127.0.0.1:${inbound}`,
    [`${P}OUTBOUND_LISTEN_ADDR`]: `127.0.0.1:${outbound}`,
    [`${P}ADMIN_LISTEN_ADDR`]: `127.0.0.1:${admin}`,
    [`${P}CONTROL_LISTEN_ADDR`]: `127.0.0.1:${tap}`,
    [`${P}DESTINATION_PROFILE_NETWORKS`]: '10.0.0.0/8,127.0.0.0/8',
    [`${P}POLICY_CLUSTER_NETWORKS`]: '10.0.0.0/8,127.0.0.0/8',
  };
  const child = await startServer(process.env['LINKERD2_PROXY_BIN'] ?? '', [], { port: admin, env, uid });
  return {
    ...child,
    inbound,
    outbound,
    async close() {
      await child.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** But what the proxy itself sends. */
function redirect(port: number, to: number, uid: number): void {
  nat(port, ['-m', 'owner', '!', '--uid-owner', String(uid), '-j', 'REDIRECT', '--to-ports', String(to)]);
}

function ensureServerAddress(): void {
  const { status, stderr } = spawnSync('ip', ['address', 'replace', `${SERVER_IP}/32`, 'dev', 'lo'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip: ${stderr.trim()}`);
}

/** Rules go with the network. */
function nat(port: number, rule: readonly string[]): void {
  const args = ['-w', '-t', 'nat', '-A', 'OUTPUT', '-p', 'tcp', '--dport', String(port), ...rule];
  const { status, stderr } = spawnSync('iptables', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`iptables ${args.join(' ')}: ${stderr.trim()}`);
}
