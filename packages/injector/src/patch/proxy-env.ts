// The environment of the proxy container, in order. spec/injector-cli.md §1.5.
import type { EnvVar, Pod } from '@weft/kube';
import type { InjectorValues } from '../values/values.ts';
import { allContainers, inboundPorts, normalisePorts } from './opaque-ports.ts';

const IDENTITY_DIR = '/var/run/linkerd/identity/end-entity';
const TOKEN_FILE = '/var/run/secrets/tokens/linkerd-identity-token';

export function proxyEnv(values: InjectorValues, pod: Pod): readonly EnvVar[] {
  return [
    ...downward(),
    ...runtime(values),
    ...discovery(values),
    ...listeners(values, pod),
    ...transport(values, pod),
    ...identity(values),
    ...extras(values),
  ];
}

const literal = (name: string, value: string): EnvVar => ({ name, value });
const proxyVar = (name: string, value: string): EnvVar => literal(`LINKERD2_PROXY_${name}`, value);
const fromField = (name: string, fieldPath: string): EnvVar => ({ name, valueFrom: { fieldRef: { fieldPath } } });
/** Nothing where the value is empty. */
const optional = (name: string, value: string): readonly EnvVar[] => (value === '' ? [] : [proxyVar(name, value)]);
const when = (condition: boolean, ...entries: readonly EnvVar[]): readonly EnvVar[] => (condition ? entries : []);

function downward(): readonly EnvVar[] {
  return [
    fromField('_pod_name', 'metadata.name'),
    fromField('_pod_ns', 'metadata.namespace'),
    fromField('_pod_uid', 'metadata.uid'),
    fromField('_pod_ip', 'status.podIP'),
    fromField('_pod_nodeName', 'spec.nodeName'),
    literal('_pod_containerName', 'linkerd-proxy'),
  ];
}

function runtime({ proxy }: InjectorValues): readonly EnvVar[] {
  const quiet = proxy.logHttpHeaders === 'insecure' ? '' : ',[{headers}]=off,[{request}]=off';
  return [
    proxyVar('CORES', String(proxy.minCores)),
    proxyVar('CORES_MIN', String(proxy.minCores)),
    ...when(proxy.maxCores > 0, proxyVar('CORES_MAX', String(proxy.maxCores))),
    ...when(proxy.maxCoresRatio !== undefined, proxyVar('CORES_MAX_RATIO', String(proxy.maxCoresRatio))),
    ...optional('INBOUND_PORTS_REQUIRE_IDENTITY', proxy.requireIdentityPorts),
    ...optional('INBOUND_PORTS_REQUIRE_TLS', proxy.requireTlsPorts),
    proxyVar('SHUTDOWN_ENDPOINT_ENABLED', String(proxy.shutdownEndpoint)),
    proxyVar('LOG', proxy.logLevel + quiet),
    proxyVar('LOG_FORMAT', proxy.logFormat),
  ];
}

function discovery({ proxy, controlPlaneNamespace: ns, clusterDomain, clusterNetworks, addresses }: InjectorValues): readonly EnvVar[] {
  return [
    proxyVar('DESTINATION_SVC_ADDR', addresses?.destination ?? `linkerd-dst-headless.${ns}.svc.${clusterDomain}.:8086`),
    proxyVar('DESTINATION_PROFILE_NETWORKS', clusterNetworks),
    proxyVar('POLICY_SVC_ADDR', addresses?.policy ?? `linkerd-policy.${ns}.svc.${clusterDomain}.:8090`),
    proxyVar('POLICY_WORKLOAD', '{"ns":"$(_pod_ns)", "pod":"$(_pod_name)"}\n'),
    proxyVar('INBOUND_DEFAULT_POLICY', proxy.defaultInboundPolicy),
    proxyVar('POLICY_CLUSTER_NETWORKS', clusterNetworks),
    proxyVar('CONTROL_STREAM_INITIAL_TIMEOUT', proxy.streams.initialTimeout),
    proxyVar('CONTROL_STREAM_IDLE_TIMEOUT', proxy.streams.idleTimeout),
    proxyVar('CONTROL_STREAM_LIFETIME', proxy.streams.lifetime),
    ...optional('INBOUND_CONNECT_TIMEOUT', proxy.inboundConnectTimeout),
    ...optional('OUTBOUND_CONNECT_TIMEOUT', proxy.outboundConnectTimeout),
    ...optional('OUTBOUND_DISCOVERY_IDLE_TIMEOUT', proxy.outboundDiscoveryIdleTimeout),
    ...optional('INBOUND_DISCOVERY_IDLE_TIMEOUT', proxy.inboundDiscoveryIdleTimeout),
    ...when(proxy.disableOutboundDetectTimeout, proxyVar('OUTBOUND_DETECT_TIMEOUT', '365d')),
    ...when(proxy.disableInboundDetectTimeout, proxyVar('INBOUND_DETECT_TIMEOUT', '365d')),
  ];
}

function listeners({ proxy, disableIpv6, clusterDomain }: InjectorValues, pod: Pod): readonly EnvVar[] {
  const any = disableIpv6 ? '0.0.0.0' : '[::]';
  const outbound = `127.0.0.1:${proxy.outboundPort}`;
  return [
    proxyVar('CONTROL_LISTEN_ADDR', `${any}:${proxy.controlPort}`),
    proxyVar('ADMIN_LISTEN_ADDR', `${any}:${proxy.adminPort}`),
    proxyVar('OUTBOUND_LISTEN_ADDR', outbound),
    proxyVar('OUTBOUND_LISTEN_ADDRS', disableIpv6 ? outbound : `${outbound},[::1]:${proxy.outboundPort}`),
    proxyVar('INBOUND_LISTEN_ADDR', `${any}:${proxy.inboundPort}`),
    fromField('LINKERD2_PROXY_INBOUND_IPS', 'status.podIPs'),
    proxyVar('INBOUND_PORTS', inboundPorts(pod)),
    ...when(proxy.gateway, proxyVar('INBOUND_GATEWAY_SUFFIXES', `svc.${clusterDomain}.`)),
    ...when(proxy.ingress, proxyVar('INGRESS_MODE', 'true')),
    proxyVar('DESTINATION_PROFILE_SUFFIXES', proxy.externalProfiles ? '.' : `svc.${clusterDomain}.`),
  ];
}

function transport({ proxy }: InjectorValues, pod: Pod): readonly EnvVar[] {
  const keepAlive = (side: string): readonly EnvVar[] => [
    ...optional(`${side}_SERVER_HTTP2_KEEP_ALIVE_INTERVAL`, proxy.http2KeepAlive.interval),
    ...optional(`${side}_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT`, proxy.http2KeepAlive.timeout),
  ];
  return [
    proxyVar('INBOUND_ACCEPT_KEEPALIVE', '10000ms'),
    proxyVar('OUTBOUND_CONNECT_KEEPALIVE', '10000ms'),
    proxyVar('INBOUND_ACCEPT_USER_TIMEOUT', '30s'),
    proxyVar('OUTBOUND_CONNECT_USER_TIMEOUT', '30s'),
    proxyVar('OUTBOUND_METRICS_HOSTNAME_LABELS', String(proxy.hostnameLabels)),
    ...keepAlive('INBOUND'),
    ...keepAlive('OUTBOUND'),
    ...optional('INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION', normalisePorts(proxy.opaquePorts, allContainers(pod))),
    proxyVar('DESTINATION_CONTEXT', '{"ns":"$(_pod_ns)", "nodeName":"$(_pod_nodeName)", "pod":"$(_pod_name)"}\n'),
  ];
}

function identity({ controlPlaneNamespace: ns, clusterDomain, trustDomain, trustAnchorsPem, addresses }: InjectorValues): readonly EnvVar[] {
  const controller = (name: string): string => `${name}.${ns}.serviceaccount.identity.${ns}.${trustDomain}`;
  return [
    fromField('_pod_sa', 'spec.serviceAccountName'),
    literal('_l5d_ns', ns),
    literal('_l5d_trustdomain', trustDomain),
    proxyVar('IDENTITY_DIR', IDENTITY_DIR),
    proxyVar('IDENTITY_TRUST_ANCHORS', `${trustAnchorsPem.trim()}\n`),
    proxyVar('IDENTITY_TOKEN_FILE', TOKEN_FILE),
    proxyVar('IDENTITY_SVC_ADDR', addresses?.identity ?? `linkerd-identity-headless.${ns}.svc.${clusterDomain}.:8080`),
    proxyVar('IDENTITY_LOCAL_NAME', `$(_pod_sa).$(_pod_ns).serviceaccount.identity.${ns}.${trustDomain}`),
    proxyVar('IDENTITY_SVC_NAME', controller('linkerd-identity')),
    proxyVar('DESTINATION_SVC_NAME', controller('linkerd-destination')),
    proxyVar('POLICY_SVC_NAME', controller('linkerd-destination')),
  ];
}

function extras({ proxy }: InjectorValues): readonly EnvVar[] {
  return [...optional('ACCESS_LOG', proxy.accessLog), ...optional('SHUTDOWN_GRACE_PERIOD', proxy.shutdownGracePeriod), ...proxy.additionalEnv];
}
