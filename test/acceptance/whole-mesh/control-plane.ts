// Our control plane as it stands in a cluster: three controllers, each behind the proxy of its pod, under the names that injected proxies
// know. spec/control-plane.md §0.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { certificatesToPem, createAuthority } from '@weft/identity/authority';
import { type DnsServer, startDnsServer } from '../../../packages/destination/test/dns-server.ts';
import type { TestCluster } from '../control-plane/cluster.ts';
import { type Controller, type ControllerName, startController } from '../control-plane/controller.ts';
import { identityFlags, mount, roots, tlsSecret } from '../control-plane/identity-scene.ts';
import { type MeshedPod, meshedPod } from './pods.ts';

export interface MeshControlPlane extends AsyncDisposable {
  readonly anchorsPem: string;
  readonly resolvConf: string;
  /** Whichever runs now. */
  controller(name: Served): Controller;
  /** Ends all controllers with SIGKILL; their pods' proxies stay. */
  kill(): Promise<void>;
  /** Starts them again, where they were. */
  restart(): Promise<void>;
  /** Resolves when both proxies hold their certificates. */
  ready(): Promise<void>;
}

type Served = Exclude<ControllerName, 'injector'>;

const NAMESPACE = 'linkerd';
const DNS_IP = '10.96.0.10';
const PODS = { destination: '10.42.1.1', identity: '10.42.1.2' };
const OPAQUE_PORTS = '25,587,3306,4444,5432,6379,9300,11211';
const CLUSTER_NETWORKS = '10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16,fd00::/8';

/** Resolves when the controllers are ready and the proxies listen. `binary`: of the proxies. */
export async function startMeshControlPlane(cluster: TestCluster, binary: string | undefined): Promise<MeshControlPlane> {
  const authority = await createAuthority({ trustDomain: 'cluster.local' });
  const args = argumentsOf(cluster, authority);
  const running = new Map<Served, Controller>();
  const start = async (port: (name: Served) => number | undefined): Promise<void> => {
    const one = async (name: Served): Promise<void> => {
      const at = port(name);
      running.set(name, await startController(name, args[name], at === undefined ? {} : { port: at }));
    };
    await Promise.all([one('identity'), one('destination'), one('policy')]);
  };
  const controller = (name: Served): Controller => {
    const one = running.get(name);
    if (!one) throw new TypeError(`${name} was not started`);
    return one;
  };
  await start(() => undefined);
  const [destination, policy, identity] = [controller('destination').port, controller('policy').port, controller('identity').port];
  const dns = await startDns();
  const resolvConf = join(cluster.dir, 'resolv.conf');
  writeFileSync(resolvConf, `nameserver ${DNS_IP}\nsearch svc.cluster.local cluster.local\noptions ndots:5\n`);
  const common = { cluster, anchorsPem: certificatesToPem(authority.anchors), resolvConf, namespace: NAMESPACE, binary };
  const pods: readonly MeshedPod[] = await Promise.all([
    meshedPod({
      ...common,
      name: 'linkerd-destination',
      ip: PODS.destination,
      ports: { 8086: destination, 8090: policy },
      addresses: { destination: `localhost.:${destination}`, policy: `localhost.:${policy}` },
    }),
    meshedPod({ ...common, name: 'linkerd-identity', ip: PODS.identity, ports: { 8080: identity }, addresses: { identity: `localhost.:${identity}` } }),
  ]);
  const ports = { destination, policy, identity };

  const kill = async (): Promise<void> => {
    await Promise.all([...running.values()].map((one) => one[Symbol.asyncDispose]()));
  };
  return {
    anchorsPem: common.anchorsPem,
    resolvConf,
    controller,
    kill,
    restart: () => start((name) => ports[name]),
    ready: async () => void (await Promise.all(pods.map(({ proxy }) => proxy.ready()))),
    async [Symbol.asyncDispose]() {
      await Promise.all(pods.map(({ proxy }) => proxy[Symbol.asyncDispose]()));
      await kill();
      await dns.close();
    },
  };
}

/** Flags as Linkerd's charts set them. */
function argumentsOf(cluster: TestCluster, authority: Awaited<ReturnType<typeof createAuthority>>): Readonly<Record<Served, readonly string[]>> {
  const mounts = { issuer: mount(cluster, tlsSecret(authority)), roots: mount(cluster, roots(authority)) };
  return {
    identity: identityFlags({ kubeconfig: cluster.kubeconfig, ...mounts }),
    destination: [
      `-kubeconfig=${cluster.kubeconfig}`,
      `-controller-namespace=${NAMESPACE}`,
      '-outbound-transport-mode=transport-header',
      '-enable-ipv6=false',
      '-cluster-domain=cluster.local',
      '-identity-trust-domain=cluster.local',
      `-default-opaque-ports=${OPAQUE_PORTS}`,
    ],
    policy: [
      `--kubeconfig=${cluster.kubeconfig}`,
      '--admission-controller-disabled',
      `--control-plane-namespace=${NAMESPACE}`,
      `--cluster-networks=${CLUSTER_NETWORKS}`,
      '--identity-domain=cluster.local',
      '--cluster-domain=cluster.local',
      '--default-policy=all-unauthenticated',
      `--default-opaque-ports=${OPAQUE_PORTS}`,
      '--probe-networks=0.0.0.0/0,::/0',
    ],
  };
}

/** The names that a proxy is told, as the DNS server of a cluster answers for headless Services. */
async function startDns(): Promise<DnsServer> {
  const server = await startDnsServer({ ip: DNS_IP, port: 53 });
  const headless = (name: string, ip: string, port: number): DnsServer['records'] => {
    const host = `${name}.${NAMESPACE}.svc.cluster.local`;
    const target = `${ip.replaceAll('.', '-')}.${host}`;
    return [
      { type: 'SRV', name: host, ttl: 5, data: { target, port, priority: 0, weight: 100 } },
      { type: 'A', name: host, ttl: 5, data: ip },
      { type: 'A', name: target, ttl: 5, data: ip },
    ];
  };
  server.records = [
    ...headless('linkerd-dst-headless', PODS.destination, 8086),
    ...headless('linkerd-policy', PODS.destination, 8090),
    ...headless('linkerd-identity-headless', PODS.identity, 8080),
    { type: 'A', name: 'localhost', ttl: 3600, data: '127.0.0.1' },
  ];
  return server;
}
