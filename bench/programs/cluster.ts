// A cluster of many Services: the embedded API server with pods and EndpointSlices, changed as its controllers would.
// Arguments: Services, endpoints of each, zones and nodes. Commands and answers: see `ClusterCommand`.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { endpointSliceKind, namespaceKind, nodeKind, podKind, SERVICE_NAME_LABEL, type SliceEndpoint, serviceAccountKind, serviceKind } from '@weft/kube';
import { linkerdDefinitions } from '@weft/kube/crds';
import { startApiServer } from '@weft/kube/server';
import { converse } from './conversation.ts';

export type ClusterCommand =
  /** The address of the API server. */
  | { readonly do: 'address' }
  /** One endpoint of a Service gives way to a new one, in one write of its slice. */
  | { readonly do: 'replace'; readonly service: number }
  /** Every endpoint of every Service does so, spread over the time given. */
  | { readonly do: 'roll'; readonly seconds: number };

export interface ClusterAnswer {
  readonly url: string;
  /** When the write of a slice that has a new address began, by the machine's monotonic clock in nanoseconds. */
  readonly written: Readonly<Record<string, string>>;
  /** The addresses of each Service now. */
  readonly addresses: readonly (readonly string[])[];
}

const NAMESPACE = 'mesh';
/** Pods that a rolling update replaces at a time, as a share of those of a Deployment. */
const SURGE = 0.25;
/** The container that injection adds, as far as the control plane reads it. */
const PROXY = {
  name: 'linkerd-proxy',
  image: 'proxy',
  env: [
    { name: 'LINKERD2_PROXY_INBOUND_LISTEN_ADDR', value: '0.0.0.0:4143' },
    { name: 'LINKERD2_PROXY_ADMIN_LISTEN_ADDR', value: '0.0.0.0:4191' },
    { name: 'LINKERD2_PROXY_CONTROL_LISTEN_ADDR', value: '0.0.0.0:4190' },
  ],
};

const [services = 0, each = 0, zones = 0, nodes = 0] = process.argv.slice(2).map(Number);
const api = await startApiServer({ listen: false, definitions: linkerdDefinitions });
const client = api.client();
const listener = createServer();
api.attach(listener);
listener.listen(0, '127.0.0.1');
await once(listener, 'listening');
const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;

let pods = 0;

async function pod(service: number): Promise<SliceEndpoint> {
  const n = ++pods;
  const name = `s${service}-${n}`;
  const ip = `10.${42 + Math.floor(n / 65_536)}.${Math.floor(n / 256) % 256}.${n % 256}`;
  const nodeName = `node-${n % nodes}`;
  const containers = [{ name: 'app', image: 'app', ports: [{ name: 'http', containerPort: 8080 }] }, PROXY];
  const labels = { app: `s${service}`, 'linkerd.io/control-plane-ns': 'linkerd', 'pod-template-hash': '6c' };
  const made = await client.create(podKind, { metadata: { name, namespace: NAMESPACE, labels }, spec: { nodeName, containers } });
  await client.updateStatus(podKind, { ...made, status: { ...made.status, phase: 'Running', podIP: ip, podIPs: [{ ip }] } });
  const zone = `z${(n % nodes) % zones}`;
  return { addresses: [ip], conditions: { ready: true }, nodeName, zone, targetRef: { kind: 'Pod', name, namespace: NAMESPACE, uid: made.metadata.uid ?? '' } };
}

const slice = (service: number, endpoints: readonly SliceEndpoint[]) => ({
  metadata: { name: `s${service}-1`, namespace: NAMESPACE, labels: { [SERVICE_NAME_LABEL]: `s${service}` } },
  addressType: 'IPv4' as const,
  endpoints,
  ports: [{ name: 'http', port: 8080 }],
});

for (const name of [NAMESPACE, 'linkerd']) await client.create(namespaceKind, { metadata: { name } });
await client.create(serviceAccountKind, { metadata: { name: 'default', namespace: NAMESPACE } });
for (let node = 0; node < nodes; node++)
  await client.create(nodeKind, { metadata: { name: `node-${node}`, labels: { 'topology.kubernetes.io/zone': `z${node % zones}` } } });
const present: SliceEndpoint[][] = [];
for (let service = 0; service < services; service++) {
  const endpoints: SliceEndpoint[] = [];
  for (let n = 0; n < each; n++) endpoints.push(await pod(service));
  present.push(endpoints);
  await client.create(serviceKind, {
    metadata: { name: `s${service}`, namespace: NAMESPACE },
    spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  });
  await client.create(endpointSliceKind, slice(service, endpoints));
}

const written: Record<string, string> = {};

async function write(service: number, endpoints: SliceEndpoint[]): Promise<void> {
  const known = new Set(present[service]);
  const began = String(process.hrtime.bigint());
  for (const endpoint of endpoints) if (!known.has(endpoint)) written[endpoint.addresses[0] ?? ''] = began;
  present[service] = endpoints;
  await client.update(endpointSliceKind, slice(service, endpoints));
}

async function remove(endpoints: readonly SliceEndpoint[]): Promise<void> {
  for (const { targetRef } of endpoints) await client.delete(podKind, { name: targetRef?.name ?? '', namespace: NAMESPACE }, { gracePeriodSeconds: 0 });
}

/** First the new ones beside the old, then without these, as a Deployment rolls. */
async function rollSome(service: number, count: number): Promise<void> {
  const before = present[service] ?? [];
  const [old, kept] = [before.slice(0, count), before.slice(count)];
  const fresh: SliceEndpoint[] = [];
  for (let n = 0; n < count; n++) fresh.push(await pod(service));
  await write(service, [...before, ...fresh]);
  await write(service, [...kept, ...fresh]);
  await remove(old);
}

async function roll(seconds: number): Promise<void> {
  const step = Math.max(1, Math.floor(each * SURGE));
  const steps = Array.from({ length: Math.ceil(each / step) }, (_, n) => Math.min(step, each - n * step)).flatMap((count) =>
    Array.from({ length: services }, (_, service) => ({ service, count })),
  );
  const began = performance.now();
  for (const [n, { service, count }] of steps.entries()) {
    await rollSome(service, count);
    const early = began + (seconds * 1000 * (n + 1)) / steps.length - performance.now();
    if (early > 0) await delay(early);
  }
}

await converse(async (command: ClusterCommand): Promise<ClusterAnswer> => {
  for (const ip of Object.keys(written)) delete written[ip];
  if (command.do === 'roll') await roll(command.seconds);
  if (command.do === 'replace') {
    const [old, ...kept] = present[command.service] ?? [];
    await write(command.service, [...kept, await pod(command.service)]);
    if (old) await remove([old]);
  }
  return { url, written, addresses: present.map((endpoints) => endpoints.flatMap(({ addresses }) => addresses)) };
});
