// What the injector is configured with: the parts of Linkerd's Helm values that shape an injected pod. spec/injector-cli.md §1.1, §5.3.

export type InboundPolicyName = 'all-unauthenticated' | 'all-authenticated' | 'cluster-unauthenticated' | 'cluster-authenticated' | 'deny' | 'audit';

export interface ResourceValues {
  readonly cpuRequest: string;
  readonly cpuLimit: string;
  readonly memoryRequest: string;
  readonly memoryLimit: string;
  readonly ephemeralStorageRequest: string;
  readonly ephemeralStorageLimit: string;
}

export interface ProxyValues {
  readonly image: string;
  readonly version: string;
  readonly pullPolicy: string;
  readonly inboundPort: number;
  readonly outboundPort: number;
  readonly adminPort: number;
  readonly controlPort: number;
  readonly uid: number;
  /** Below 0: not set. */
  readonly gid: number;
  readonly logLevel: string;
  readonly logFormat: 'plain' | 'json';
  /** Empty: off. */
  readonly accessLog: '' | 'apache' | 'json';
  readonly logHttpHeaders: 'off' | 'insecure';
  readonly opaquePorts: string;
  readonly requireIdentityPorts: string;
  readonly requireTlsPorts: string;
  readonly defaultInboundPolicy: InboundPolicyName;
  /** Durations as the proxy reads them; empty: not set. */
  readonly inboundConnectTimeout: string;
  readonly outboundConnectTimeout: string;
  readonly inboundDiscoveryIdleTimeout: string;
  readonly outboundDiscoveryIdleTimeout: string;
  readonly disableInboundDetectTimeout: boolean;
  readonly disableOutboundDetectTimeout: boolean;
  readonly shutdownGracePeriod: string;
  readonly shutdownEndpoint: boolean;
  readonly await: boolean;
  readonly nativeSidecar: boolean;
  readonly waitBeforeExitSeconds: number;
  readonly gateway: boolean;
  readonly ingress: boolean;
  readonly externalProfiles: boolean;
  readonly hostnameLabels: boolean;
  readonly minCores: number;
  /** 0: not set. */
  readonly maxCores: number;
  readonly maxCoresRatio?: number | undefined;
  readonly resources: ResourceValues;
  readonly streams: { readonly initialTimeout: string; readonly idleTimeout: string; readonly lifetime: string };
  readonly http2KeepAlive: { readonly interval: string; readonly timeout: string };
  readonly additionalEnv: readonly { readonly name: string; readonly value?: string }[];
}

export interface ProxyInitValues {
  readonly iptablesMode: 'nft' | 'legacy';
  readonly ignoreInboundPorts: string;
  readonly ignoreOutboundPorts: string;
  readonly skipSubnets: string;
  readonly runAsRoot: boolean;
  readonly runAsUser: number;
  readonly runAsGroup: number;
}

export interface InjectorValues {
  readonly controlPlaneNamespace: string;
  readonly clusterDomain: string;
  readonly trustDomain: string;
  /** Comma list of CIDRs. */
  readonly clusterNetworks: string;
  readonly disableIpv6: boolean;
  readonly trustAnchorsPem: string;
  /** Recorded as `linkerd.io/created-by`. */
  readonly createdBy: string;
  readonly proxy: ProxyValues;
  readonly proxyInit: ProxyInitValues;
  /**
   * Addresses of the control plane where a pod does not reach it by its Services: the pods of the control plane themselves
   * use `localhost.:PORT`.
   */
  readonly addresses?: { readonly destination?: string; readonly policy?: string; readonly identity?: string } | undefined;
}

export interface RequiredValues {
  readonly trustAnchorsPem: string;
  /** Version of the injected proxy; also its image tag. */
  readonly version: string;
}

/** Linkerd's defaults (its native sidecars, nft, transport timeouts), with what has no default given. */
export function defaultValues(required: RequiredValues): InjectorValues {
  return {
    controlPlaneNamespace: 'linkerd',
    clusterDomain: 'cluster.local',
    trustDomain: 'cluster.local',
    clusterNetworks: '10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16,fd00::/8',
    disableIpv6: true,
    trustAnchorsPem: required.trustAnchorsPem,
    createdBy: `linkerd/proxy-injector ${required.version}`,
    proxy: {
      image: 'cr.l5d.io/linkerd/proxy',
      version: required.version,
      pullPolicy: 'IfNotPresent',
      inboundPort: 4143,
      outboundPort: 4140,
      adminPort: 4191,
      controlPort: 4190,
      uid: 2102,
      gid: -1,
      logLevel: 'warn,linkerd=info,hickory=error',
      logFormat: 'plain',
      accessLog: '',
      logHttpHeaders: 'off',
      opaquePorts: '25,587,3306,4444,5432,6379,9300,11211',
      requireIdentityPorts: '',
      requireTlsPorts: '',
      defaultInboundPolicy: 'all-unauthenticated',
      inboundConnectTimeout: '100ms',
      outboundConnectTimeout: '1000ms',
      inboundDiscoveryIdleTimeout: '90s',
      outboundDiscoveryIdleTimeout: '5s',
      disableInboundDetectTimeout: false,
      disableOutboundDetectTimeout: false,
      shutdownGracePeriod: '',
      shutdownEndpoint: false,
      await: true,
      nativeSidecar: true,
      waitBeforeExitSeconds: 0,
      gateway: false,
      ingress: false,
      externalProfiles: false,
      hostnameLabels: false,
      minCores: 1,
      maxCores: 0,
      resources: { cpuRequest: '', cpuLimit: '', memoryRequest: '', memoryLimit: '', ephemeralStorageRequest: '', ephemeralStorageLimit: '' },
      streams: { initialTimeout: '3s', idleTimeout: '5m', lifetime: '1h' },
      http2KeepAlive: { interval: '10s', timeout: '3s' },
      additionalEnv: [],
    },
    proxyInit: {
      iptablesMode: 'nft',
      ignoreInboundPorts: '4567,4568',
      ignoreOutboundPorts: '4567,4568',
      skipSubnets: '',
      runAsRoot: false,
      runAsUser: 65534,
      runAsGroup: 65534,
    },
  };
}
