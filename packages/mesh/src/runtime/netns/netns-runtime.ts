// The runtime on Linux as root: each pod is a network namespace with an address of its own; the kernel routes, rewrites
// ClusterIPs and redirects to the proxy. There is no way out of the node namespace. spec/runtime.md §1.
import { randomBytes } from 'node:crypto';
import { existsSync, promises as fs } from 'node:fs';
import type { Server } from 'node:net';
import { join } from 'node:path';
import type { Logger } from '@weft/core';
import type { Pod } from '@weft/kube';
import { addressPool, NODE_IP } from '../address-pool.ts';
import { type ClusterView, readyAddresses } from '../endpoints.ts';
import type { ContainerLaunch, LaunchPlan, LocalRuntime, Mount, PodSandbox } from '../sandbox.ts';
import { serveDatagrams, serveStreams } from './dns-server.ts';
import { removeLeftovers, removeNamespace, removeNamespaces, removeRecord, writeRecord } from './leftovers.ts';
import { mountScript } from './mount-script.ts';
import { startNodeHelper } from './node-helper.ts';
import { jumpDocument, serviceDocument } from './service-rules.ts';
import { findTools, run, type Tools, toolEnv } from './tools.ts';
import { linkBatch, nodeBatch, nodeEndBatch, type PodLink, podEndBatch } from './topology.ts';

export interface NetnsRuntimeOptions {
  readonly cluster: ClusterView;
  /** The directory of the whole run; recorded, so that it can be removed after a crash. */
  readonly directory: string;
  /** Serves the API on a listener of the node namespace. */
  readonly attachApiServer: (server: Server) => void;
  readonly clusterDomain?: string;
  readonly logger: Logger;
}

/** Port of the API server on the node's address. */
const API_PORT = 6443;
/** Environment variables that would act on the tools which start a container. */
const DELICATE = /^(LD_|GLIBC_|GCONV_|BASH|PATH$|ENV$|IFS$|SHELLOPTS$|PS4$|LOCPATH$|MALLOC)/;

/** Why this machine cannot run it; undefined when it can. */
export function netnsObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const found = findTools();
  return 'missing' in found ? `not found on this machine: ${found.missing.join(', ')}` : undefined;
}

export async function netnsRuntime(options: NetnsRuntimeOptions): Promise<LocalRuntime> {
  const found = findTools();
  if ('missing' in found) throw new Error(`not found on this machine: ${found.missing.join(', ')}`);
  const { tools } = found;
  const { cluster, logger, clusterDomain = 'cluster.local' } = options;
  const leftovers = await removeLeftovers(tools);
  if (leftovers > 0) logger.log('info', 'removed what an earlier run had left', { runs: leftovers });
  const id = randomBytes(4).toString('hex');
  const prefix = `weft-${id}-`;
  const node = `${prefix}node`;
  await writeRecord(id, { prefix, directory: options.directory });
  const undo = async (): Promise<void> => {
    await removeNamespaces(tools, prefix);
    await removeRecord(id);
  };
  try {
    return await start();
  } catch (error) {
    await undo();
    throw error;
  }

  async function start(): Promise<LocalRuntime> {
    await run(tools.ip, ['netns', 'add', node]);
    await run(tools.ip, ['-n', node, '-batch', '-'], nodeBatch());
    // Without the limit the second connection in a second to an address that does not exist would hang instead of failing.
    await inNamespace(tools, node, 'cd /proc/sys/net/ipv4 && echo 1 > ip_forward && echo 0 > icmp_ratelimit');
    await run(tools.nsenter, [`--net=/run/netns/${node}`, '--', tools['iptables-restore'], '-w', '-n'], jumpDocument());
    const helper = await startNodeHelper({ nsenter: tools.nsenter, setpriv: tools.setpriv, namespace: node });
    const zone = { view: cluster, clusterDomain, ttl: 5 };
    const datagrams = await helper.listenDatagrams(NODE_IP, 53);
    serveDatagrams(datagrams, { zone, logger });
    const streams = await helper.listen(NODE_IP, 53);
    serveStreams(streams, { zone, logger });
    const api = await helper.listen(NODE_IP, API_PORT);
    options.attachApiServer(api);

    const rules = ruleWriter(tools, node, cluster, logger);
    const addresses = addressPool();
    let links = 0;
    let turn = 0;

    return {
      kind: 'netns',
      nodeIp: NODE_IP,
      apiServerUrl: `http://${NODE_IP}:${API_PORT}`,
      async createSandbox(pod, directory) {
        const ip = addresses.take();
        links += 1;
        const link: PodLink = { podNamespace: `${prefix}${links}`, nodeNamespace: node, device: `v${links}`, ip };
        await connectPod(tools, link);
        const files = await resolverFiles(pod, ip, directory, clusterDomain);
        return sandbox({ link, files, giveBack: () => addresses.giveBack(ip) });
      },
      async dialService({ namespace, name, port }) {
        const service = cluster.services.get(namespace, name);
        const ready = service ? readyAddresses(cluster, service, port) : [];
        const chosen = ready[turn++ % Math.max(1, ready.length)];
        if (!chosen) throw new Error(`service ${namespace}/${name} has no ready endpoint for port ${port}`);
        return helper.connect(chosen.ip, chosen.port);
      },
      async close() {
        await rules.close();
        datagrams.close();
        streams.close();
        api.close();
        await helper.close();
        await undo();
      },
    };

    function sandbox(parts: { readonly link: PodLink; readonly files: readonly Mount[]; readonly giveBack: () => void }): PodSandbox {
      let closed: Promise<void> | undefined;
      return {
        podIp: parts.link.ip,
        serviceAddress: (service, port) => Promise.resolve({ host: service.spec.clusterIP ?? '', port }),
        plan: (launch) => Promise.resolve(planOf(tools, parts.link.podNamespace, parts.files, launch)),
        dial: (port) => helper.connect(parts.link.ip, port),
        close() {
          closed ??= removeNamespace(tools, parts.link.podNamespace).then(parts.giveBack);
          return closed;
        },
      };
    }
  }
}

async function connectPod(tools: Tools, link: PodLink): Promise<void> {
  await run(tools.ip, ['-batch', '-'], linkBatch(link));
  await run(tools.ip, ['-n', link.podNamespace, '-batch', '-'], podEndBatch(link));
  await run(tools.ip, ['-n', link.nodeNamespace, '-batch', '-'], nodeEndBatch(link));
  await inNamespace(tools, link.podNamespace, 'echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start');
}

function inNamespace(tools: Tools, namespace: string, script: string): Promise<string> {
  return run(tools.nsenter, [`--net=/run/netns/${namespace}`, '--', tools.sh, '-c', script]);
}

/** Files under /etc by which a pod resolves names, bound over the machine's. */
async function resolverFiles(pod: Pod, ip: string, directory: string, clusterDomain: string): Promise<Mount[]> {
  const namespace = pod.metadata.namespace ?? 'default';
  const hostname = pod.spec.hostname ?? pod.metadata.name;
  const contents = {
    'resolv.conf': `nameserver ${NODE_IP}\nsearch ${namespace}.svc.${clusterDomain} svc.${clusterDomain} ${clusterDomain}\noptions ndots:5\n`,
    hosts: `127.0.0.1 localhost\n${ip} ${hostname}\n`,
    'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
  };
  const dir = join(directory, 'etc');
  await fs.mkdir(dir, { recursive: true });
  return await Promise.all(
    Object.entries(contents).map(async ([name, content]) => {
      const source = join(dir, name);
      await fs.writeFile(source, content, { mode: 0o644 });
      return { source, target: `/etc/${name}`, readOnly: true };
    }),
  );
}

/** The chain of programs that becomes the container; each replaces itself by the next, so that the pid stays. */
function planOf(tools: Tools, namespace: string, files: readonly Mount[], launch: ContainerLaunch): LaunchPlan {
  const caps = launch.capabilities.map((name) => `+${name.toLowerCase().replace(/^cap_/, '')}`);
  const capabilities = ['-all', ...caps].join(',');
  const { uid, gid } = launch.user ?? { uid: 0, gid: 0 };
  const privileges = ['--reuid', String(uid), '--regid', String(gid), '--clear-groups', '--no-new-privs'];
  const env: Record<string, string> = { ...toolEnv };
  const late: string[] = [];
  for (const [name, value] of Object.entries(launch.env)) {
    if (DELICATE.test(name)) late.push(`${name}=${value}`);
    else env[name] = value;
  }
  const args = [
    `--net=/run/netns/${namespace}`,
    '--',
    tools.unshare,
    '--mount',
    '--propagation',
    'private',
    '--',
    tools.sh,
    '-ec',
    mountScript(tools, [...files.filter((file) => existsSync(file.source)), ...launch.mounts]),
    'sh',
    tools.setpriv,
    ...privileges,
    `--inh-caps=${capabilities}`,
    ...(caps.length > 0 ? [`--ambient-caps=${capabilities}`] : []),
    `--bounding-set=${capabilities}`,
    '--pdeathsig',
    'KILL',
    '--',
    tools.env,
    `--chdir=${launch.workingDir ?? '/'}`,
    '-u',
    'LC_ALL',
    ...late,
    ...launch.argv,
  ];
  return { kind: 'run', command: { file: tools.nsenter, args, env, cwd: '/' } };
}

/** Keeps the node's rules as the Services are; writes one version at a time. */
function ruleWriter(tools: Tools, node: string, cluster: ClusterView, logger: Logger): { close(): Promise<void> } {
  let written = '';
  let dirty = false;
  let closed = false;
  let running: Promise<void> | undefined;
  const work = async (): Promise<void> => {
    while (dirty && !closed) {
      dirty = false;
      const text = serviceDocument(cluster);
      if (text === written) continue;
      try {
        await run(tools.nsenter, [`--net=/run/netns/${node}`, '--', tools['iptables-restore'], '-w', '-n'], text);
        written = text;
      } catch (error) {
        logger.log('warn', 'the rules of Services could not be written', { error });
      }
    }
    running = undefined;
  };
  const refresh = (): void => {
    dirty = true;
    running ??= Promise.resolve().then(work);
  };
  const stops = [cluster.services.subscribe(refresh), cluster.slices.subscribe(refresh)];
  return {
    async close() {
      closed = true;
      for (const stop of stops) stop();
      await running;
    },
  };
}
