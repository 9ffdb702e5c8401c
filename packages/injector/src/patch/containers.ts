// The containers that injection adds: linkerd-init and linkerd-proxy. spec/injector-cli.md §1.5, §1.7.
import type { Container, Pod, ResourceRequirements, VolumeMount } from '@weft/kube';
import type { InjectorValues, ResourceValues } from '../values/values.ts';
import { proxyEnv } from './proxy-env.ts';

export const XTABLES_VOLUME = 'linkerd-proxy-init-xtables-lock';
export const IDENTITY_VOLUME = 'linkerd-identity-end-entity';
export const TOKEN_VOLUME = 'linkerd-identity-token';
const SERVICE_ACCOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';

export function initContainer(values: InjectorValues, pod: Pod): Container {
  const { proxy, proxyInit } = values;
  const application = pod.spec.containers[0]?.securityContext?.capabilities;
  const drop = (application?.drop ?? []).filter((name) => name !== 'NET_ADMIN' && name !== 'NET_RAW');
  const flag = (name: string, value: string): readonly string[] => (value === '' ? [] : [name, value]);
  return {
    name: 'linkerd-init',
    image: `${proxy.image}:${proxy.version}`,
    imagePullPolicy: proxy.pullPolicy,
    command: ['/usr/lib/linkerd/linkerd2-proxy-init'],
    args: [
      ...(proxyInit.iptablesMode === 'nft' ? ['--firewall-bin-path', 'iptables-nft', '--firewall-save-bin-path', 'iptables-nft-save'] : []),
      ...(values.disableIpv6 ? ['--ipv6=false'] : []),
      '--incoming-proxy-port',
      String(proxy.inboundPort),
      '--outgoing-proxy-port',
      String(proxy.outboundPort),
      '--proxy-uid',
      String(proxy.uid),
      ...(proxy.gid >= 0 ? ['--proxy-gid', String(proxy.gid)] : []),
      '--inbound-ports-to-ignore',
      [String(proxy.controlPort), String(proxy.adminPort), ...(proxyInit.ignoreInboundPorts === '' ? [] : [proxyInit.ignoreInboundPorts])].join(','),
      ...flag('--outbound-ports-to-ignore', proxyInit.ignoreOutboundPorts),
      ...flag('--subnets-to-ignore', proxyInit.skipSubnets),
    ],
    ...resourcesOf(proxy.resources),
    securityContext: {
      allowPrivilegeEscalation: false,
      privileged: false,
      capabilities: { add: ['NET_ADMIN', 'NET_RAW', ...(application?.add ?? [])], ...(drop.length > 0 ? { drop } : {}) },
      runAsNonRoot: !proxyInit.runAsRoot,
      runAsUser: proxyInit.runAsRoot ? 0 : proxyInit.runAsUser || 65534,
      runAsGroup: proxyInit.runAsRoot ? 0 : proxyInit.runAsGroup || 65534,
      readOnlyRootFilesystem: true,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [{ mountPath: '/run', name: XTABLES_VOLUME }, ...serviceAccountMount(pod)],
  };
}

export function proxyContainer(values: InjectorValues, pod: Pod): Container {
  const { proxy } = values;
  const capabilities = pod.spec.containers[0]?.securityContext?.capabilities;
  return {
    name: 'linkerd-proxy',
    image: `${proxy.image}:${proxy.version}`,
    imagePullPolicy: proxy.pullPolicy,
    env: proxyEnv(values, pod),
    ports: [
      { containerPort: proxy.inboundPort, name: 'linkerd-proxy' },
      { containerPort: proxy.adminPort, name: 'linkerd-admin' },
    ],
    livenessProbe: { httpGet: { path: '/live', port: proxy.adminPort }, initialDelaySeconds: 10, timeoutSeconds: 1 },
    readinessProbe: { httpGet: { path: '/ready', port: proxy.adminPort }, initialDelaySeconds: 2, timeoutSeconds: 1 },
    ...(proxy.nativeSidecar && proxy.await
      ? { startupProbe: { httpGet: { path: '/ready', port: proxy.adminPort }, initialDelaySeconds: 0, periodSeconds: 1, failureThreshold: 120 } }
      : {}),
    ...resourcesOf(proxy.resources),
    securityContext: {
      allowPrivilegeEscalation: false,
      ...(capabilities ? { capabilities } : {}),
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: proxy.uid,
      ...(proxy.gid >= 0 ? { runAsGroup: proxy.gid } : {}),
      seccompProfile: { type: 'RuntimeDefault' },
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    ...lifecycleOf(values),
    volumeMounts: [
      { mountPath: '/var/run/linkerd/identity/end-entity', name: IDENTITY_VOLUME },
      { mountPath: '/var/run/secrets/tokens', name: TOKEN_VOLUME },
      ...serviceAccountMount(pod),
    ],
    ...(proxy.nativeSidecar ? { restartPolicy: 'Always' } : {}),
  };
}

/** Hooks of the proxy as an ordinary container; a native sidecar is ordered by the kubelet. */
function lifecycleOf({ proxy }: InjectorValues): Pick<Container, 'lifecycle'> {
  if (proxy.nativeSidecar) return {};
  const postStart = { exec: { command: ['/usr/lib/linkerd/linkerd-await', '--timeout=2m', `--port=${proxy.adminPort}`] } };
  const preStop = { exec: { command: ['/bin/sleep', String(proxy.waitBeforeExitSeconds)] } };
  const lifecycle = { ...(proxy.await ? { postStart } : {}), ...(proxy.waitBeforeExitSeconds > 0 ? { preStop } : {}) };
  return Object.keys(lifecycle).length === 0 ? {} : { lifecycle };
}

function resourcesOf(values: ResourceValues): Pick<Container, 'resources'> {
  const given = (entries: readonly (readonly [string, string])[]): Readonly<Record<string, string>> | undefined => {
    const set = entries.filter(([, value]) => value !== '');
    return set.length === 0 ? undefined : Object.fromEntries(set);
  };
  const limits = given([
    ['cpu', values.cpuLimit],
    ['memory', values.memoryLimit],
    ['ephemeral-storage', values.ephemeralStorageLimit],
  ]);
  const requests = given([
    ['cpu', values.cpuRequest],
    ['memory', values.memoryRequest],
    ['ephemeral-storage', values.ephemeralStorageRequest],
  ]);
  const resources: ResourceRequirements = { ...(limits ? { limits } : {}), ...(requests ? { requests } : {}) };
  return Object.keys(resources).length === 0 ? {} : { resources };
}

/** The first container's mount of the service account token, where there is one. */
function serviceAccountMount(pod: Pod): readonly VolumeMount[] {
  return (pod.spec.containers[0]?.volumeMounts ?? []).filter((mount) => mount.mountPath === SERVICE_ACCOUNT_PATH);
}
