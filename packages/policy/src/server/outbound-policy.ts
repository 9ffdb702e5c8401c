// The default client policy of a Service's port, and the policies of targets that are none. Route resources are not read
// yet. spec/control-plane.md §2.5, §2.6.
import {
  type Backend,
  type ClientPolicy,
  type ClientProtocol,
  type Distribution,
  defaultMetadata,
  formatServiceName,
  type HttpProtocol,
  type Metadata,
  type OpaqueProtocol,
  plainEndpoint,
  portList,
  portSetHas,
  type SocketAddress,
} from '@weft/core';
import type { Service, ServicePort } from '@weft/kube';
import { DETECT_TIMEOUT_MS, type PolicySettings } from './settings.ts';

const QUEUE = { capacity: 100, failfastTimeoutMs: 3000 } as const;

export interface ServiceTarget {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

/** The policy of a Service's port. `service` may be unknown: the target then has nothing but defaults. */
export function servicePolicy(target: ServiceTarget, service: Service | undefined, settings: PolicySettings): ClientPolicy {
  const parent = serviceMetadata(target);
  const backend: Backend = {
    metadata: parent,
    queue: QUEUE,
    dispatcher: {
      kind: 'balancer',
      path: `${formatServiceName({ service: target.name, namespace: target.namespace }, settings.clusterDomain)}:${target.port}`,
      load: { kind: 'peak-ewma', defaultRttMs: 30, decayMs: 10_000 },
    },
  };
  const http = httpRoutes('http', backend, settings);
  const opaque = opaqueRoutes('opaq', backend);
  const port = service?.spec.ports?.find((candidate) => candidate.port === target.port);
  return { parent, protocol: protocolOf(port, isOpaque(service, target.port, settings), http, opaque) };
}

function protocolOf(port: ServicePort | undefined, opaquePort: boolean, http: HttpProtocol, opaque: OpaqueProtocol): ClientProtocol {
  switch (port?.appProtocol?.toLowerCase()) {
    case undefined:
      return opaquePort ? { kind: 'opaque', ...opaque } : { kind: 'detect', timeoutMs: DETECT_TIMEOUT_MS, opaque, http1: http, http2: http };
    case 'http':
      return { kind: 'http1', ...http };
    case 'kubernetes.io/h2c':
      return { kind: 'http2', ...http };
    default:
      return { kind: 'opaque', ...opaque };
  }
}

function isOpaque(service: Service | undefined, port: number, settings: PolicySettings): boolean {
  const text = service?.metadata.annotations?.['config.linkerd.io/opaque-ports'];
  if (text === undefined) return portSetHas(settings.defaultOpaquePorts, port);
  return portSetHas(
    portList(text, (name) => service?.spec.ports?.find((candidate) => candidate.name === name)?.port),
    port,
  );
}

/** A port that the Service behind this cluster IP does not declare: connections are refused. */
export function undefinedPortPolicy(target: ServiceTarget): ClientPolicy {
  const routes = [
    { metadata: defaultMetadata('undefined-port'), rules: [{ filters: [{ kind: 'forbidden' } as const], distribution: { kind: 'empty' } as const }] },
  ];
  return { parent: serviceMetadata(target), protocol: { kind: 'opaque', routes } };
}

/** An address outside of the cluster: forwarded as it is. */
export function fallbackPolicy(address: SocketAddress, settings: PolicySettings): ClientPolicy {
  const name = 'egress-fallback';
  const backend: Backend = { metadata: defaultMetadata(name), queue: QUEUE, dispatcher: { kind: 'forward', endpoint: plainEndpoint(address) } };
  const http = httpRoutes(name, backend, settings);
  return {
    parent: defaultMetadata(name),
    protocol: { kind: 'detect', timeoutMs: DETECT_TIMEOUT_MS, opaque: opaqueRoutes(name, backend), http1: http, http2: http },
  };
}

function serviceMetadata({ namespace, name, port }: ServiceTarget): Metadata {
  return { kind: 'resource', group: 'core', resource: 'Service', name, namespace, section: '', port };
}

function onlyBackend(backend: Backend): Distribution {
  return { kind: 'first-available', backends: [{ backend, filters: [] }] };
}

function httpRoutes(name: string, backend: Backend, { allowL5dHeaders = false }: PolicySettings): HttpProtocol {
  const matches = [{ path: { kind: 'prefix', value: '/' } as const, headers: [], query: [] }];
  const rule = { matches, filters: [], distribution: onlyBackend(backend), timeouts: {}, allowL5dHeaders };
  return { routes: [{ metadata: defaultMetadata(name), hosts: [], rules: [rule] }] };
}

function opaqueRoutes(name: string, backend: Backend): OpaqueProtocol {
  return { routes: [{ metadata: defaultMetadata(name), rules: [{ filters: [], distribution: onlyBackend(backend) }] }] };
}
