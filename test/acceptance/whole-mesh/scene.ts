// A mesh in one network: our control plane, a client and a server behind proxies of whichever implementation, and a pod without one.
import { createServer } from 'node:http';
import { formatSocketAddress, parseSocketAddress } from '@weft/core';
import { podKind, type ServicePort, serviceKind } from '@weft/kube';
import { outboundPoliciesService, RpcCode, socketAddressToWire } from '@weft/wire';
import { endpointOf, startCluster, type TestCluster, type TestNamespace } from '../control-plane/cluster.ts';
import { openEndpoints, openStream } from '../control-plane/stream.ts';
import { type Application, httpApplication, serveOn, tcpApplication } from '../process/applications.ts';
import type { PairPrograms } from '../process/scenes.ts';
import { type MeshControlPlane, startMeshControlPlane } from './control-plane.ts';
import { type MeshedPod, meshedPod } from './pods.ts';

export const SERVER = '10.42.0.5';
export const PLAIN = '10.42.0.6';
export const OPAQUE_PORT = 9000;
const CLIENT = '10.42.0.4';
/** One for each test. */
const SERVICES = Array.from({ length: 16 }, (_, n) => `10.43.0.${n + 1}`);

export interface TestService {
  /** Where the client's application connects. */
  readonly address: string;
  readonly name: string;
  /** The pods behind it from now on; resolves when the destination service says so, unless it is away. */
  endpoints(which: readonly ('server' | 'plain')[], known?: boolean): Promise<void>;
}

export interface MeshScene extends AsyncDisposable {
  readonly control: MeshControlPlane;
  readonly namespace: TestNamespace;
  readonly client: MeshedPod['proxy'];
  readonly server: MeshedPod['proxy'];
  /** Of the server's pod; null removes. */
  annotateServer(name: string, value: string | null): Promise<void>;
  /** A Service of its own, with the server behind it; resolves when the control plane knows it. */
  service(port?: number, annotations?: Readonly<Record<string, string>>): Promise<TestService>;
}

/** Resolves when every proxy holds its certificate. The control plane's proxies are of the server's implementation. */
export async function startScene(programs: PairPrograms): Promise<MeshScene> {
  const open: AsyncDisposable[] = [];
  const own = <T extends AsyncDisposable>(one: T): T => {
    open.unshift(one);
    return one;
  };
  const close = async (): Promise<void> => {
    for (const one of open) await one[Symbol.asyncDispose]();
  };
  try {
    return { ...(await build(programs, own)), [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function build(programs: PairPrograms, own: <T extends AsyncDisposable>(one: T) => T): Promise<Omit<MeshScene, typeof Symbol.asyncDispose>> {
  const cluster = own(await startCluster());
  const [web, speaks, plain] = await applications();
  for (const one of [web, speaks, plain]) own(one);
  const control = own(await startMeshControlPlane(cluster, programs.server));
  const { name: namespace } = await cluster.namespace();
  const test = cluster.existing(namespace);
  const common = { cluster, anchorsPem: control.anchorsPem, resolvConf: control.resolvConf, namespace };
  const [server, client] = await Promise.all([
    meshedPod({
      ...common,
      name: 'server',
      ip: SERVER,
      ports: { 8080: web.port, [OPAQUE_PORT]: speaks.port },
      annotations: { 'config.linkerd.io/opaque-ports': String(OPAQUE_PORT) },
      binary: programs.server,
    }),
    meshedPod({
      ...common,
      name: 'client',
      ip: CLIENT,
      connectsTo: SERVICES.flatMap((ip) => [`${ip}:80`, `${ip}:${OPAQUE_PORT}`]),
      dial: { [`${PLAIN}:8080`]: `127.0.0.1:${plain.port}` },
      binary: programs.client,
    }),
  ]);
  own(server.proxy);
  own(client.proxy);
  const bare = await test.pod('plain', { ip: PLAIN, meshed: false });
  await Promise.all([control.ready(), server.proxy.ready(), client.proxy.ready()]);
  const targets = { server: endpointOf(server.object), plain: endpointOf(bare) };
  let used = 0;
  return {
    control,
    namespace: test,
    client: client.proxy,
    server: server.proxy,
    async annotateServer(annotation, value) {
      await cluster.client.patch(podKind, { namespace, name: 'server' }, { kind: 'merge', value: { metadata: { annotations: { [annotation]: value } } } });
    },
    service: (port = 80, annotations = {}) => makeService({ cluster, control, test, targets, port, annotations, number: used++ }),
  };
}

/** One that speaks HTTP, one that speaks first, and one that is not meshed. */
async function applications(): Promise<readonly [Application, Application, Application]> {
  return [
    await httpApplication(),
    await tcpApplication((socket) => {
      socket.write('220 ready\r\n');
      socket.pipe(socket);
    }),
    await serveOn(createServer((_asked, response) => void response.end('plain'))),
  ];
}

interface ServiceOptions {
  readonly cluster: TestCluster;
  readonly control: MeshControlPlane;
  readonly test: TestNamespace;
  readonly targets: Readonly<Record<'server' | 'plain', Parameters<TestNamespace['slice']>[1][number]>>;
  readonly port: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly number: number;
}

async function makeService({ cluster, control, test, targets, port, annotations, number }: ServiceOptions): Promise<TestService> {
  const clusterIP = SERVICES[number];
  if (clusterIP === undefined) throw new TypeError('all addresses of Services are in use');
  const name = `service-${number}`;
  const target = port === OPAQUE_PORT ? OPAQUE_PORT : 8080;
  const ports: readonly ServicePort[] = [{ name: 'port', port, targetPort: target }];
  await cluster.client.create(serviceKind, { metadata: { name, namespace: test.name, annotations }, spec: { ports, clusterIP } });
  const endpoints: TestService['endpoints'] = async (which, known = true) => {
    await test.slice(
      name,
      which.map((one) => targets[one]),
      [{ name: 'port', port: target }],
    );
    if (!known) return;
    const stream = openEndpoints(control.controller('destination').channel(), { path: test.authority(name, port) });
    await stream.has(...which.map((one) => formatSocketAddress({ ip: targets[one].addresses[0] ?? '', port: target })));
    stream.cancel();
  };
  await endpoints(['server']);
  const address = `${clusterIP}:${port}`;
  const parsed = parseSocketAddress(address);
  const asked = { sourceWorkload: `${test.name}:client`, ...(parsed && { addr: socketAddressToWire(parsed) }) };
  const policy = openStream(control.controller('policy').channel(), outboundPoliciesService.Watch, asked, [RpcCode.NOT_FOUND]);
  await policy.next();
  policy.cancel();
  return { address, name, endpoints };
}
