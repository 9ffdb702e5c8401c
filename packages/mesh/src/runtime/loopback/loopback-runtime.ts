// The runtime without privileges: pods have virtual addresses, containers are processes on loopback ports of their own, and
// proxies translate by address books. spec/runtime.md §3.
import { promises as fs } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Logger, Random } from '@weft/core';
import type { Pod, Service } from '@weft/kube';
import { addressPool, NODE_IP } from '../address-pool.ts';
import { addressesOfName, type ClusterView, readyAddresses } from '../endpoints.ts';
import { type Forwarder, forwarder } from '../forwarder.ts';
import { entrypointOf, type ImageCatalogue } from '../images.ts';
import { hasClusterIp } from '../pod-worker.ts';
import { type Rewriting, rewritePaths, rewriteWord } from '../rewrite.ts';
import type { ContainerLaunch, LaunchPlan, LocalRuntime, PodSandbox } from '../sandbox.ts';
import { addressBook, bookFile, type Hosts, type PodPorts, realPort } from './address-book.ts';
import { portAllocator } from './ports.ts';

export interface LoopbackRuntimeOptions {
  readonly cluster: ClusterView;
  readonly images: ImageCatalogue;
  readonly apiServerUrl: string;
  /** Zone of service names. Default `cluster.local`. */
  readonly clusterDomain?: string;
  readonly logger: Logger;
  readonly random?: Random;
  /** Put before every command, such as `setpriv --pdeathsig KILL --`. */
  readonly wrapper?: readonly string[];
}

interface LoopbackPod extends PodPorts {
  readonly application: Map<number, number>;
  readonly proxy:
    | {
        readonly listen: Map<number, number>;
        readonly inbound: Map<number, number>;
        readonly outbound: { listen: number; originalDst: string; authority: string }[];
      }
    | undefined;
  readonly book: { readonly path: string; write: ReturnType<typeof bookFile>['write'] } | undefined;
}

/** Ports of a proxy that no container declares: control and the deprecated one for outgoing connections. */
const PROXY_PORTS = [4190, 4191];
/** A connection made to it directly names no other destination. */
const PROXY_INBOUND_PORT = 4143;

export function loopbackRuntime(options: LoopbackRuntimeOptions): LocalRuntime {
  const { cluster, images, logger, clusterDomain = 'cluster.local', wrapper = [] } = options;
  const ports = portAllocator(options.random ? { random: options.random } : {});
  const addresses = addressPool();
  const pods = new Map<string, LoopbackPod>();
  const forwarders = new Map<string, Promise<Forwarder>>();
  let rewriting: Promise<void> | undefined;

  const hosts = (): Hosts => {
    const names: Record<string, readonly string[]> = {};
    for (const service of cluster.services.list()) {
      const ips = addressesOfName(cluster, service);
      if (ips.length > 0) names[`${service.metadata.name}.${service.metadata.namespace ?? ''}.svc.${clusterDomain}`] = ips;
    }
    return names;
  };
  const writeBooks = async (): Promise<void> => {
    const names = hosts();
    await Promise.all([...pods.values()].map(async (pod) => pod.book?.write(addressBook(pod, pods.values(), names))));
  };
  const refresh = (): void => {
    rewriting ??= Promise.resolve()
      .then(() => {
        rewriting = undefined;
        return writeBooks();
      })
      .catch((error: unknown) => logger.log('warn', 'an address book could not be written', { error }));
  };
  const stops = [cluster.services.subscribe(refresh), cluster.slices.subscribe(refresh)];

  const dialPod = (ip: string, port: number): Promise<Socket> => {
    const pod = pods.get(ip);
    const real = pod && realPort(pod, port);
    return real === undefined ? Promise.reject(new Error(`nothing is known to listen on ${ip}:${port}`)) : dialLocal(real);
  };
  let turn = 0;
  const dialService: LocalRuntime['dialService'] = async ({ namespace, name, port }) => {
    const service = cluster.services.get(namespace, name);
    const ready = service ? readyAddresses(cluster, service, port) : [];
    const chosen = ready[turn++ % Math.max(1, ready.length)];
    if (!chosen) throw new Error(`service ${namespace}/${name} has no ready endpoint for port ${port}`);
    return dialPod(chosen.ip, chosen.port);
  };
  /** For pods without a proxy: one forwarder per Service port, which spreads connections over ready endpoints. */
  const forwarderOf = (namespace: string, name: string, port: number): Promise<Forwarder> => {
    const key = `${namespace}/${name}:${port}`;
    const present = forwarders.get(key);
    if (present) return present;
    const made = ports.take().then((real) => forwarder({ port: real, dial: () => dialService({ namespace, name, port }) }));
    forwarders.set(key, made);
    return made;
  };

  const createSandbox = async (pod: Pod, directory: string): Promise<PodSandbox> => {
    const ip = addresses.take();
    const bookPath = join(directory, 'address-book.json');
    const state = await allocate(pod, ip, images, () => ports.take(), bookPath);
    pods.set(ip, state);
    await writeBooks();
    const outboundListener = async (service: Service, port: number): Promise<number | undefined> => {
      const { clusterIP = '' } = service.spec;
      const originalDst = `${clusterIP}:${port}`;
      const known = state.proxy?.outbound.find((entry) => entry.originalDst === originalDst);
      if (known || !state.proxy) return known?.listen;
      const listen = await ports.take();
      const authority = `${service.metadata.name}.${service.metadata.namespace ?? ''}.svc.${clusterDomain}:${port}`;
      state.proxy.outbound.push({ listen, originalDst, authority });
      await writeBooks();
      return listen;
    };
    const serviceAddress = async (service: Service, port: number): Promise<{ host: string; port: number }> => {
      const listener = await outboundListener(service, port);
      return { host: '127.0.0.1', port: listener ?? (await forwarderOf(service.metadata.namespace ?? '', service.metadata.name, port)).port };
    };
    /** Names of Services with their port, as they stand in a container's words. */
    const namedServices = async (words: readonly string[]): Promise<ReadonlyMap<string, string>> => {
      const text = words.join('\n');
      const found = new Map<string, string>();
      for (const service of cluster.services.list()) {
        const { name, namespace = '' } = service.metadata;
        if (!hasClusterIp(service) || !text.includes(name)) continue;
        const forms = [`${name}.${namespace}`, `${name}.${namespace}.svc`, `${name}.${namespace}.svc.${clusterDomain}`];
        if (namespace === pod.metadata.namespace) forms.push(name);
        for (const { port } of service.spec.ports ?? []) {
          const used = forms.filter((form) => text.includes(`${form}:${port}`) || text.includes(`${form}.:${port}`));
          if (used.length === 0) continue;
          const address = await serviceAddress(service, port);
          for (const form of used) found.set(`${form}:${port}`, `${address.host}:${address.port}`);
        }
      }
      return found;
    };

    return {
      podIp: ip,
      serviceAddress,
      async plan(launch) {
        if (launch.role === 'redirect') return { kind: 'skip', because: 'the loopback runtime redirects by address books, not by packet filter' };
        const paths = new Map(launch.mounts.map((mount) => [mount.target, mount.source]));
        const cwd = launch.workingDir === undefined ? directory : rewritePaths(launch.workingDir, paths);
        return runPlan(launch, wrapper, cwd, await wordsOf(launch, paths));
      },
      dial: (port) => dialPod(ip, port),
      async close() {
        if (!pods.delete(ip)) return;
        addresses.giveBack(ip);
        await writeBooks();
      },
    };

    async function wordsOf(launch: ContainerLaunch, paths: ReadonlyMap<string, string>): Promise<(word: string) => string> {
      // A proxy knows the book: only its files are elsewhere.
      if (launch.role === 'proxy') return (word) => rewritePaths(word, paths);
      const services = await namedServices([...launch.argv, ...Object.values(launch.env)]);
      const rewriting: Rewriting = { ports: state.application, paths, services };
      return (word) => rewriteWord(word, rewriting);
    }

    async function runPlan(launch: ContainerLaunch, before: readonly string[], cwd: string, change: (word: string) => string): Promise<LaunchPlan> {
      await fs.mkdir(cwd, { recursive: true });
      const [file = '', ...args] = [...before, launch.argv[0] ?? '', ...launch.argv.slice(1).map(change)];
      const env = Object.fromEntries(Object.entries(launch.env).map(([key, value]) => [key, change(value)]));
      env.PATH = launch.env.PATH ?? '';
      env.HOME = directory;
      // Servers that take their address from HOST then listen where only this machine reaches them.
      if (launch.role !== 'proxy') env.HOST ??= '127.0.0.1';
      if (launch.role === 'proxy') env.WEFT_PROXY_ADDRESS_BOOK = bookPath;
      return { kind: 'run', command: { file, args, env, cwd } };
    }
  };

  return {
    kind: 'loopback',
    nodeIp: NODE_IP,
    apiServerUrl: options.apiServerUrl,
    createSandbox,
    dialService,
    async close() {
      for (const stop of stops) stop();
      await Promise.all([...forwarders.values()].map(async (one) => (await one).close()));
      await ports.close();
    },
  };
}

/** Real ports for everything that a pod's containers may listen on. */
async function allocate(pod: Pod, ip: string, images: ImageCatalogue, take: () => Promise<number>, bookPath: string): Promise<LoopbackPod> {
  const application = new Map<number, number>();
  const listen = new Map<number, number>();
  let meshed = false;
  for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
    const isProxy = entrypointOf(images, container)?.role === 'proxy';
    meshed ||= isProxy;
    const declared = (container.ports ?? []).filter((port) => (port.protocol ?? 'TCP') === 'TCP').map((port) => port.containerPort);
    const probed = [container.readinessProbe, container.livenessProbe, container.startupProbe].flatMap((probe) => {
      const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port;
      return typeof port === 'number' ? [port] : [];
    });
    const target = isProxy ? listen : application;
    for (const port of [...declared, ...probed, ...(isProxy ? PROXY_PORTS : [])]) {
      if (!target.has(port) && !(isProxy && port === PROXY_INBOUND_PORT)) target.set(port, await take());
    }
  }
  if (!meshed) return { ip, application, proxy: undefined, book: undefined };
  const inbound = new Map<number, number>();
  for (const port of [...application.keys(), PROXY_INBOUND_PORT]) inbound.set(port, await take());
  return { ip, application, proxy: { listen, inbound, outbound: [] }, book: { path: bookPath, ...bookFile(bookPath) } };
}

function dialLocal(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}
