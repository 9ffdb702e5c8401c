// A cluster with a destination process over it, and its two questions in short.
import { setTimeout as delay } from 'node:timers/promises';
import type { EndpointSet, Profile } from '@weft/core';
import { nodeKind, type Pod, podKind, type Service, serviceKind } from '@weft/kube';
import { type DestinationProfile, destinationService, profileFromWire, type RpcChannel, RpcCode } from '@weft/wire';
import { type PodOptions, startCluster, type TestCluster, type TestNamespace } from './cluster.ts';
import { type Controller, isForeign, startController } from './controller.ts';
import { type EndpointStream, openEndpoints, openStream, type Stream } from './stream.ts';

export interface DestinationScene extends AsyncDisposable {
  readonly cluster: TestCluster;
  readonly destination: Controller;
  /** A merge patch. */
  patchService(service: Service, change: object): Promise<Service>;
  patchPod(pod: Pod, change: object): Promise<Pod>;
  /** `Get` of a Service by its authority; `token` as JSON unless it is text. */
  get(path: string, token?: object | string): EndpointStream;
  /** `GetProfile`, asked again while the target is not known. */
  profile(path: string, token?: object | string): Stream<DestinationProfile>;
  /** The first profile that satisfies `test`. */
  profileOf(path: string, test?: (profile: Profile) => boolean, token?: object | string): Promise<Profile>;
}

export const DEFAULT_BUDGET = { retryRatio: 0.2, minRetriesPerSecond: 10, ttlMs: 10_000 };

/** What was written a moment ago may not be known yet; proxies ask again too. */
const RETRIED = [RpcCode.UNKNOWN, RpcCode.NOT_FOUND];

/** Nodes `node-a` and `node-b` in zones of the same letter. */
export async function destinationScene(args: readonly string[] = []): Promise<DestinationScene> {
  const started = await startCluster();
  for (const letter of ['a', 'b']) {
    await started.client.create(nodeKind, { metadata: { name: `node-${letter}`, labels: { 'topology.kubernetes.io/zone': `zone-${letter}` } } });
  }
  const destination = await startController('destination', [`-kubeconfig=${started.kubeconfig}`, '-default-opaque-ports=3306', ...args]);
  const cluster = isForeign('destination') ? withPodsFirst(started, destination) : started;
  const refOf = ({ metadata: { namespace = '', name } }: Service | Pod) => ({ namespace, name });
  return {
    ...questions(destination.channel()),
    cluster,
    destination,
    patchService: (service, value) => cluster.client.patch(serviceKind, refOf(service), { kind: 'merge', value }),
    patchPod: (pod, value) => cluster.client.patch(podKind, refOf(pod), { kind: 'merge', value }),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

/** Linkerd's controller leaves out an address whose slice it sees before its pod: slices wait until it knows all pods. */
function withPodsFirst(cluster: TestCluster, destination: Controller): TestCluster {
  const podsAreKnown = async (): Promise<void> => {
    const { items } = await cluster.client.list(podKind);
    while ((await destination.metric('pod_cache_size', { cluster: 'local' })) !== items.length) await delay(10);
  };
  const patient = (namespace: TestNamespace): TestNamespace => ({
    ...namespace,
    slice: (...args) => podsAreKnown().then(() => namespace.slice(...args)),
  });
  return {
    ...cluster,
    namespace: (...args) => cluster.namespace(...args).then(patient),
    existing: (name) => patient(cluster.existing(name)),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

export function questions(channel: RpcChannel): Pick<DestinationScene, 'get' | 'profile' | 'profileOf'> {
  const requestOf = (path: string, token: object | string = '') => ({ path, contextToken: typeof token === 'string' ? token : JSON.stringify(token) });
  const profile: DestinationScene['profile'] = (path, token) => openStream(channel, destinationService.GetProfile, requestOf(path, token), RETRIED);
  return {
    get: (path, token) => openEndpoints(channel, requestOf(path, token)),
    profile,
    async profileOf(path, test = () => true, token) {
      const stream = profile(path, token);
      const found = profileFromWire(await stream.until((message) => test(profileFromWire(message))));
      stream.cancel();
      return found;
    },
  };
}

/** `name` as `ip`, in both families where `v6` is given. */
export const dualStack = (ip: string, v6: string): PodOptions => ({ ip, status: { podIP: ip, podIPs: [{ ip }, { ip: v6 }] } });

export const ips = (set: EndpointSet): readonly string[] => set.map(({ address }) => address.ip).sort();
