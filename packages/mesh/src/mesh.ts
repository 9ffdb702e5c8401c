// The whole mesh in this process: API server, controllers, a local runtime and, unless left out, the control plane.
import { promises as fs } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, type Logger, type Random, silentLogger, systemClock } from '@weft/core';
import { type Draft, type KubeClient, type KubeObject, kubeClient, type Pod } from '@weft/kube';
import { type ApiServer, startApiServer } from '@weft/kube/server';
import { applyManifest } from './apply.ts';
import { type ControlPlaneOptions, controlPlane } from './control-plane/control-plane.ts';
import { keptIssuer } from './control-plane/kept-issuer.ts';
import { type Controllers, startControllers } from './controllers/controllers.ts';
import { deploymentsReady } from './readiness.ts';
import { endFormerLife } from './runtime/former-life.ts';
import { type Forwarder, forwarder } from './runtime/forwarder.ts';
import { type ImageCatalogue, meshImages } from './runtime/images.ts';
import { type Kubelet, startKubelet } from './runtime/kubelet.ts';
import { loopbackRuntime } from './runtime/loopback/loopback-runtime.ts';
import { netnsObstacle, netnsRuntime } from './runtime/netns/netns-runtime.ts';
import { findTools } from './runtime/netns/tools.ts';
import type { LocalRuntime } from './runtime/sandbox.ts';
import { type Programs, stagePrograms } from './runtime/staging.ts';

export interface MeshOptions {
  /** `auto`: netns where it works, else loopback. Default `loopback`. */
  readonly runtime?: 'loopback' | 'netns' | 'auto';
  /** What containers can run. */
  readonly programs?: Programs;
  /** Default: Linkerd's proxy image as Weft's proxy and init programs. */
  readonly images?: ImageCatalogue;
  /** The control plane in namespace `linkerd`; without it pods are not meshed. Default: none. */
  readonly controlPlane?: ControlPlaneOptions;
  /** Applied after the control plane is ready, in this order. */
  readonly manifests?: readonly string[];
  /**
   * File that keeps the cluster: a mesh that is started with it again has its objects. Pods of the former life are made anew by their controllers, or started
   * again. One mesh at a time. Default: everything goes with the mesh.
   */
  readonly journal?: string;
  /** Port of the API server on this machine's loopback. Default: a free one. */
  readonly apiPort?: number;
  /** Default `cluster.local`. */
  readonly clusterDomain?: string;
  /** How long containers may take to end when the mesh closes, in milliseconds. Default 5000. */
  readonly graceMs?: number;
  /** First pause before a container is started again repeatedly, in milliseconds. Default 1000. */
  readonly restartBackoffMs?: number;
  /** Every line that a container writes. */
  readonly onLine?: (pod: Pod, container: string, line: string) => void;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

export interface ServicePortRef {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

/** A running container. */
export interface MeshProcess {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly pid: number;
}

export interface Mesh {
  readonly runtime: 'loopback' | 'netns';
  /** For `kubectl --server` on this machine. */
  readonly apiServerUrl: string;
  readonly client: KubeClient;
  /** YAML or objects, as `kubectl apply`. */
  apply(manifest: string | readonly Draft<KubeObject>[]): Promise<readonly KubeObject[]>;
  /** Resolves when every Deployment is available. Rejects after `timeoutMs` (default 60000) saying what is missing. */
  waitReady(options?: { readonly timeoutMs?: number; readonly namespaces?: readonly string[] }): Promise<void>;
  /** Pods as last seen. */
  pods(namespace?: string): readonly Pod[];
  /** A connection to a ready endpoint of a Service, as from the node. */
  dialService(target: ServicePortRef): Promise<Socket>;
  /** A connection to a port of a pod, as from the node. */
  dialPod(pod: { readonly namespace: string; readonly name: string }, port: number): Promise<Socket>;
  /** A listener on this machine's loopback in front of a Service. Closed with the mesh. */
  forward(target: ServicePortRef, localPort?: number): Promise<{ readonly host: string; readonly port: number }>;
  processes(): readonly MeshProcess[];
  /** Ends everything in order: applications, control plane, runtime, API server. Leaves nothing. Idempotent. */
  close(): Promise<void>;
}

const NODE_NAME = 'weft-local';
const CONTROL_PLANE_NAMESPACE = 'linkerd';

export async function startMesh(options: MeshOptions = {}): Promise<Mesh> {
  const { logger = silentLogger, clock = systemClock(), images = meshImages, clusterDomain = 'cluster.local' } = options;
  const kind = chooseRuntime(options.runtime ?? 'loopback', logger);
  const undo: (() => Promise<unknown>)[] = [];
  const unwind = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) {
      await step().catch((error: unknown) => logger.log('warn', 'a part of the mesh could not be closed', { error }));
    }
  };
  let closed: Promise<void> | undefined;

  const start = async (): Promise<Mesh> => {
    const directory = await fs.mkdtemp(join(kind === 'netns' ? '/tmp' : tmpdir(), 'weft-'));
    undo.push(() => fs.rm(directory, { recursive: true, force: true }));
    await fs.chmod(directory, 0o755);
    let runtime: LocalRuntime | undefined;
    let kubelet: Kubelet | undefined;
    const api: ApiServer = await startApiServer({
      listen: { host: '127.0.0.1', port: options.apiPort ?? 0 },
      kubelet: true,
      ...(options.journal === undefined ? {} : { journal: { path: options.journal } }),
      logger: logger.child({ part: 'apiserver' }),
      clock,
      dialService: (target) => runtime?.dialService(target) ?? Promise.reject(new Error('the runtime is not started yet')),
      podLogs: (...request) => kubelet?.podLogs(...request) ?? Promise.resolve(undefined),
    });
    undo.push(() => api.close());
    const client = kubeClient({ server: api.url });
    undo.push(async () => client.close());
    if (options.journal !== undefined) await endFormerLife(client);
    const controllers = startControllers({ client, nodeName: NODE_NAME, clock, logger: logger.child({ part: 'controllers' }) });
    undo.push(() => controllers.close());
    await controllers.synced;

    runtime = await makeRuntime({ kind, options, api, controllers, images, directory, clusterDomain, logger: logger.child({ part: 'runtime' }) });
    undo.push(async () => runtime?.close());
    const { apiServerUrl } = runtime;
    const issuer = options.controlPlane && (await keptIssuer(client));
    const rendered = options.controlPlane && (await controlPlane({ ...options.controlPlane, apiServerUrl, clusterDomain, issuer }));
    // Before the first container starts: those of a former life read what is theirs as they start.
    if (rendered) await applyManifest(client, issuer ? [...rendered.objects, ...rendered.webhooks] : rendered.objects);
    // Volumes hold secrets: containers see theirs, the rest of the machine sees none.
    await fs.mkdir(join(directory, 'pods'), { mode: 0o700 });
    const programs = await stagePrograms({ runDir: directory, programs: options.programs ?? {}, copyAll: kind === 'netns' });
    kubelet = await startKubelet({
      client,
      pods: controllers.pods,
      runtime,
      programs,
      images,
      nodeName: NODE_NAME,
      clock,
      logger: logger.child({ part: 'kubelet' }),
      directory: join(directory, 'pods'),
      restartBackoffMs: options.restartBackoffMs ?? 1000,
      defaultUser: kind === 'netns' ? NETNS_DEFAULT_USER : undefined,
      onLine: options.onLine,
    });
    undo.push(async () => kubelet?.close({ graceMs: options.graceMs ?? 5000, last: [CONTROL_PLANE_NAMESPACE] }));
    undo.push(() => controllers.stop());

    const mesh = meshOf({ kind, api, client, controllers, runtime, kubelet, clock, undo, close });
    if (rendered) {
      await mesh.waitReady({ timeoutMs: options.controlPlane?.readyTimeoutMs ?? 60_000, namespaces: [CONTROL_PLANE_NAMESPACE] });
      await mesh.apply(rendered.webhooks);
    }
    for (const manifest of options.manifests ?? []) await mesh.apply(manifest);
    return mesh;
  };
  const close = (): Promise<void> => {
    closed ??= unwind();
    return closed;
  };

  try {
    return await start();
  } catch (error) {
    await unwind();
    throw error;
  }
}

/** Containers that name no user run as this one in network namespaces: it owns nothing on the machine. */
const NETNS_DEFAULT_USER = 65_532;

function chooseRuntime(wanted: 'loopback' | 'netns' | 'auto', logger: Logger): 'loopback' | 'netns' {
  if (wanted === 'loopback') return wanted;
  const obstacle = netnsObstacle();
  if (obstacle === undefined) return 'netns';
  if (wanted === 'netns') throw new Error(`the netns runtime cannot be used: ${obstacle}`);
  logger.log('info', 'using the loopback runtime', { because: obstacle });
  return 'loopback';
}

interface RuntimeParts {
  readonly kind: 'loopback' | 'netns';
  readonly options: MeshOptions;
  readonly api: ApiServer;
  readonly controllers: Controllers;
  readonly images: ImageCatalogue;
  readonly directory: string;
  readonly clusterDomain: string;
  readonly logger: Logger;
}

async function makeRuntime({ kind, options, api, controllers, images, directory, clusterDomain, logger }: RuntimeParts): Promise<LocalRuntime> {
  const common = { cluster: { services: controllers.services, slices: controllers.slices }, clusterDomain, logger };
  if (kind === 'netns') return netnsRuntime({ ...common, directory, attachApiServer: (server) => api.attach(server) });
  const found = process.platform === 'linux' ? findSetpriv() : undefined;
  return loopbackRuntime({
    ...common,
    images,
    apiServerUrl: api.url,
    ...(options.random ? { random: options.random } : {}),
    ...(found === undefined ? {} : { wrapper: [found, '--pdeathsig', 'KILL', '--'] }),
  });
}

/** Lets containers die with this process, however it ends. */
function findSetpriv(): string | undefined {
  const found = findTools();
  return 'tools' in found ? found.tools.setpriv : undefined;
}

interface MeshParts {
  readonly kind: 'loopback' | 'netns';
  readonly api: ApiServer;
  readonly client: KubeClient;
  readonly controllers: Controllers;
  readonly runtime: LocalRuntime;
  readonly kubelet: Kubelet;
  readonly clock: Clock;
  readonly undo: (() => Promise<unknown>)[];
  readonly close: () => Promise<void>;
}

function meshOf({ kind, api, client, controllers, runtime, kubelet, clock, undo, close }: MeshParts): Mesh {
  const forwarders: Forwarder[] = [];
  undo.push(() => Promise.all(forwarders.map((one) => one.close())));
  return {
    runtime: kind,
    apiServerUrl: api.url,
    client,
    apply: (manifest) => applyManifest(client, manifest),
    async waitReady({ timeoutMs = 60_000, namespaces } = {}) {
      // The caches must have seen what was applied before this call.
      const listed = await client.list(controllers.deployments.kind);
      await cacheHas(controllers, listed.items, clock);
      await deploymentsReady({ controllers, kubelet, clock, timeoutMs, namespaces });
    },
    pods: (namespace) => controllers.pods.list(namespace),
    dialService: (target) => runtime.dialService(target),
    dialPod(pod, port) {
      const worker = kubelet.workers().find((one) => one.pod.metadata.namespace === pod.namespace && one.pod.metadata.name === pod.name);
      return worker?.sandbox?.dial(port) ?? Promise.reject(new Error(`pod ${pod.namespace}/${pod.name} is not running`));
    },
    async forward(target, localPort) {
      const made = await forwarder({ ...(localPort === undefined ? {} : { port: localPort }), dial: () => runtime.dialService(target) });
      forwarders.push(made);
      return { host: made.host, port: made.port };
    },
    processes: () =>
      kubelet
        .workers()
        .flatMap(({ pod, containers }) =>
          containers.flatMap(({ spec, phase }) =>
            phase.kind === 'running' ? [{ namespace: pod.metadata.namespace ?? '', pod: pod.metadata.name, container: spec.name, pid: phase.pid }] : [],
          ),
        ),
    close,
  };
}

/** Resolves when the cache of Deployments is at least as new as a list. */
async function cacheHas(controllers: Controllers, items: readonly KubeObject[], clock: Clock): Promise<void> {
  const fresh = (item: KubeObject): boolean => {
    const cached = controllers.deployments.get(item.metadata.namespace, item.metadata.name);
    return cached !== undefined && (cached.metadata.generation ?? 0) >= (item.metadata.generation ?? 0);
  };
  for (let tries = 0; tries < 400 && !items.every(fresh); tries += 1) await new Promise<void>((resolve) => void clock.after(25, resolve));
}
