// Pods of a cluster without machines: injected by our injector, with a proxy process under the environment, files and names that the
// kubelet would give it. All of them share one network; redirect rules tell them apart. spec/control-plane.md §0, spec/injector-cli.md §1.5.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultValues, type InjectorValues, injectPod } from '@weft/injector';
import { type Container, type Pod as KubePod, podKind, serviceAccountKind } from '@weft/kube';
import { applyPatch } from 'rfc6902';
import { environmentOf } from '../../../packages/mesh/src/runtime/environment.ts';
import type { TestCluster } from '../control-plane/cluster.ts';
import { AUDIENCE } from '../control-plane/identity-scene.ts';
import type { Environment } from '../process/launch.ts';
import { type ProxyProcess, startPodProxy } from '../process/proxy-process.ts';

export interface MeshedPodOptions {
  readonly cluster: TestCluster;
  readonly anchorsPem: string;
  /** Path of the pods' resolv.conf. */
  readonly resolvConf: string;
  readonly namespace: string;
  /** Of the pod, and of its service account. */
  readonly name: string;
  readonly ip: string;
  /** Port of the container → port of 127.0.0.1 where it really listens. */
  readonly ports?: Readonly<Record<number, number>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Addresses of Services the application connects to. */
  readonly connectsTo?: readonly string[];
  /** Addresses of pods without a proxy → where they really are. */
  readonly dial?: Readonly<Record<string, string>>;
  /** Controllers in the own pod. */
  readonly addresses?: InjectorValues['addresses'];
  /** Default: PROXY_BIN, or the bundle. */
  readonly binary?: string | undefined;
}

export interface MeshedPod {
  readonly object: KubePod;
  readonly proxy: ProxyProcess;
}

/** Resolves when its proxy listens. */
export async function meshedPod(options: MeshedPodOptions): Promise<MeshedPod> {
  const { cluster, namespace, name, ip, ports = {}, resolvConf } = options;
  const object = await create(options);
  const containers = [...(object.spec.initContainers ?? []), ...object.spec.containers];
  const container = containers.find((one) => one.name === 'linkerd-proxy');
  if (!container) throw new TypeError(`${name} has no proxy`);
  const dir = mkdtempSync(join(cluster.dir, `${name}-`));
  mkdirSync(join(dir, 'tokens'));
  const { token } = await cluster.client.tokenRequest({ namespace, name }, { audiences: [AUDIENCE], expirationSeconds: 3600 });
  writeFileSync(join(dir, 'tokens/linkerd-identity-token'), token);
  const proxy = await startPodProxy({
    name,
    identity: `${name}.${namespace}.serviceaccount.identity.linkerd.cluster.local`,
    pod: { ip, ports, connectsTo: Object.fromEntries((options.connectsTo ?? []).map((address) => [address, ''])), dial: options.dial ?? {}, hosts: {} },
    dir,
    env: await proxyEnvironment(object, container, ip),
    binary: options.binary,
    mounts: {
      '/var/run/linkerd/identity/end-entity': join(dir, 'identity'),
      '/var/run/secrets/tokens': join(dir, 'tokens'),
      '/etc/resolv.conf': resolvConf,
    },
  });
  return { object, proxy };
}

/** The service account, and the pod as the injector's webhook leaves it. */
async function create({ cluster, anchorsPem, namespace, name, ip, ports = {}, annotations = {}, addresses }: MeshedPodOptions): Promise<KubePod> {
  const { client } = cluster;
  await client.create(serviceAccountKind, { metadata: { namespace, name } });
  const pod: KubePod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, annotations },
    spec: {
      serviceAccountName: name,
      containers: [{ name: 'app', image: 'app', ports: Object.keys(ports).map((port) => ({ containerPort: Number(port) })) }],
    },
  };
  const values = { ...defaultValues({ trustAnchorsPem: anchorsPem, version: 'test' }), addresses };
  const mutation = injectPod({ pod, namespace, namespaceAnnotations: { 'linkerd.io/inject': 'enabled' }, values });
  if (mutation.kind !== 'injected') throw new Error(mutation.reasons.join(', '));
  const injected = structuredClone(pod);
  for (const error of applyPatch(injected, structuredClone([...mutation.patch]))) if (error) throw error;
  const created = await client.create(podKind, injected);
  return client.updateStatus(podKind, { ...created, status: { ...created.status, phase: 'Running', podIP: ip, podIPs: [{ ip }] } });
}

/** As the injector says, apart from the outbound listeners: there is one network for all. */
async function proxyEnvironment(pod: KubePod, container: Container, ip: string): Promise<Environment> {
  const none = (): Promise<undefined> => Promise.resolve(undefined);
  const place = { pod, container, podIp: ip, hostIp: '10.0.0.1', path: '/usr/bin', home: '/', services: [] };
  const env = await environmentOf({ ...place, configMap: none, secret: none });
  return { ...env, LINKERD2_PROXY_OUTBOUND_LISTEN_ADDRS: undefined };
}
