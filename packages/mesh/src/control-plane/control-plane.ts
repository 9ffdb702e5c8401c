// The control plane as Kubernetes objects: what `linkerd install` renders, for the local runtimes.
// spec/control-plane.md §0, spec/injector-cli.md §5.2.
import { createAuthority, type IssuerPem } from '@weft/identity/authority';
import { defaultValues, type InjectorValues } from '@weft/injector';
import type { Deployment, Draft, KubeObject, MutatingWebhookConfiguration, PodTemplate, Service, ServicePort } from '@weft/kube';
import { servingCertificate } from './certificates.ts';
import { injectTemplate } from './inject.ts';
import { destinationWorkload, identityWorkload, injectorWorkload, OBJECTS, type Workload, type WorkloadSettings } from './workloads.ts';

export interface ControlPlaneOptions {
  /** Changes the injector's values, such as the proxy's log level; what `linkerd-config` carries of them holds for all pods. */
  readonly values?: (defaults: InjectorValues) => InjectorValues;
  /** Version of the proxy. Default `0.1.0`. */
  readonly version?: string;
  /** Log level of the controllers. Default `info`. */
  readonly logLevel?: string;
  /** Lifetime of workload certificates as Go writes it. Default `24h0m0s`. */
  readonly issuanceLifetime?: string;
  /** Whether the control plane's own pods are meshed, as they must be for proxies of other pods. Default true. */
  readonly meshed?: boolean;
  /** How long the control plane may take to become ready, in milliseconds. Default 60000. */
  readonly readyTimeoutMs?: number;
}

export interface RenderedControlPlane {
  readonly objects: readonly Draft<KubeObject>[];
  /** To be applied when the injector is ready: until then pods would go without proxy. */
  readonly webhooks: readonly Draft<KubeObject>[];
}

const NAMESPACE = 'linkerd';
/** All of them start at once, before there is an identity service: the first attempts fail and must not wait ten seconds. */
const FIRST_CERTIFICATE = { name: 'LINKERD2_PROXY_IDENTITY_MIN_REFRESH', value: '250ms' };

export async function controlPlane(
  options: ControlPlaneOptions & { readonly apiServerUrl: string; readonly clusterDomain: string; readonly issuer?: IssuerPem | undefined },
): Promise<RenderedControlPlane> {
  const { clusterDomain, version = '0.1.0' } = options;
  const issuer = options.issuer ?? (await createAuthority({ trustDomain: clusterDomain, controlPlaneNamespace: NAMESPACE })).issuer;
  const serving = await servingCertificate(`linkerd-proxy-injector.${NAMESPACE}.svc`);
  const defaults = { ...defaultValues({ trustAnchorsPem: issuer.anchors, version }), clusterDomain, trustDomain: clusterDomain };
  const values = options.values?.(defaults) ?? defaults;
  const settings: WorkloadSettings = {
    namespace: NAMESPACE,
    clusterDomain,
    trustDomain: values.trustDomain,
    clusterNetworks: values.clusterNetworks,
    opaquePorts: values.proxy.opaquePorts,
    logLevel: options.logLevel ?? 'info',
    issuanceLifetime: options.issuanceLifetime ?? '24h0m0s',
  };
  const meshed = options.meshed ?? true;
  const inject = (workload: Workload, own: InjectorValues): PodTemplate =>
    meshed ? injectTemplate({ template: workload.template, namespace: NAMESPACE, deployment: workload.name, values: own }) : workload.template;
  // Connections to the API server do not pass the proxy.
  const base: InjectorValues = {
    ...values,
    proxyInit: { ...values.proxyInit, ignoreOutboundPorts: '443,6443' },
    proxy: { ...values.proxy, additionalEnv: [...values.proxy.additionalEnv, FIRST_CERTIFICATE] },
  };
  const identity = identityWorkload(settings);
  const destination = destinationWorkload(settings);
  const injector = injectorWorkload(settings);

  const objects: Draft<KubeObject>[] = [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: NAMESPACE,
        annotations: { 'linkerd.io/inject': 'disabled' },
        labels: {
          'linkerd.io/is-control-plane': 'true',
          'config.linkerd.io/admission-webhooks': 'disabled',
          'linkerd.io/control-plane-ns': NAMESPACE,
        },
      },
    },
    ...[identity, destination, injector].map(({ name }) => named('v1', 'ServiceAccount', name, {})),
    named('v1', 'Secret', OBJECTS.kubeconfig, { stringData: { config: kubeconfig(options.apiServerUrl) } }),
    named('v1', 'Secret', OBJECTS.issuer, { stringData: { 'crt.pem': issuer.certificates, 'key.pem': issuer.key } }),
    named('v1', 'ConfigMap', OBJECTS.trustRoots, { data: { 'ca-bundle.crt': issuer.anchors } }),
    named('v1', 'Secret', OBJECTS.injectorTls, { type: 'kubernetes.io/tls', stringData: { 'tls.crt': serving.certificate, 'tls.key': serving.key } }),
    named('v1', 'ConfigMap', OBJECTS.config, { data: { values: JSON.stringify(chartValues(values), null, 2) } }),
    service('linkerd-identity', 'identity', [{ name: 'grpc', port: 8080, targetPort: 8080 }]),
    service('linkerd-identity-headless', 'identity', [{ name: 'grpc', port: 8080, targetPort: 8080 }], true),
    service('linkerd-dst', 'destination', [{ name: 'grpc', port: 8086, targetPort: 8086 }]),
    service('linkerd-dst-headless', 'destination', [{ name: 'grpc', port: 8086, targetPort: 8086 }], true),
    service('linkerd-policy', 'destination', [{ name: 'grpc', port: 8090, targetPort: 8090 }], true),
    service('linkerd-proxy-injector', 'proxy-injector', [{ name: 'proxy-injector', port: 443, targetPort: 'proxy-injector' }]),
    deployment(
      identity,
      inject(identity, {
        ...base,
        addresses: { identity: 'localhost.:8080' },
        proxy: { ...base.proxy, requireTlsPorts: '8080', nativeSidecar: false, await: false },
      }),
    ),
    deployment(destination, inject(destination, { ...base, addresses: { destination: 'localhost.:8086', policy: 'localhost.:8090' } })),
    deployment(injector, inject(injector, base)),
  ];
  return { objects, webhooks: [webhook(serving.authority)] };
}

/** The injector's settings under the keys of Linkerd's chart, as the ConfigMap `linkerd-config` carries them. JSON is YAML. */
function chartValues({ proxy, ...values }: InjectorValues): object {
  return {
    controlPlaneNamespace: values.controlPlaneNamespace,
    clusterDomain: values.clusterDomain,
    identityTrustDomain: values.trustDomain,
    clusterNetworks: values.clusterNetworks,
    disableIPv6: values.disableIpv6,
    linkerdVersion: proxy.version,
    proxy: {
      image: { name: proxy.image, version: proxy.version, pullPolicy: proxy.pullPolicy },
      ports: { inbound: proxy.inboundPort, outbound: proxy.outboundPort, admin: proxy.adminPort, control: proxy.controlPort },
      uid: proxy.uid,
      gid: proxy.gid,
      logLevel: proxy.logLevel,
      opaquePorts: proxy.opaquePorts,
      nativeSidecar: proxy.nativeSidecar,
      await: proxy.await,
    },
  };
}

function named(apiVersion: string, kind: string, name: string, rest: object): Draft<KubeObject> {
  return { apiVersion, kind, metadata: { name, namespace: NAMESPACE, labels: { 'linkerd.io/control-plane-ns': NAMESPACE } }, ...rest };
}

function service(name: string, component: string, ports: readonly ServicePort[], headless = false): Draft<Service> {
  const spec = { selector: { 'linkerd.io/control-plane-component': component }, ports, ...(headless ? { clusterIP: 'None' } : {}) };
  return { ...named('v1', 'Service', name, {}), spec };
}

function deployment(workload: Workload, template: PodTemplate): Draft<Deployment> {
  const matchLabels = { 'linkerd.io/control-plane-component': workload.component, 'linkerd.io/control-plane-ns': NAMESPACE };
  return { ...named('apps/v1', 'Deployment', workload.name, {}), spec: { replicas: 1, selector: { matchLabels }, template } };
}

/** spec/injector-cli.md §1.8. */
function webhook(authorityPem: string): Draft<MutatingWebhookConfiguration> {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'linkerd-proxy-injector-webhook-config', labels: { 'linkerd.io/control-plane-ns': NAMESPACE } },
    webhooks: [
      {
        name: 'linkerd-proxy-injector.linkerd.io',
        namespaceSelector: {
          matchExpressions: [
            { key: 'config.linkerd.io/admission-webhooks', operator: 'NotIn', values: ['disabled'] },
            { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', 'cert-manager'] },
          ],
        },
        objectSelector: {
          matchExpressions: [
            { key: 'linkerd.io/control-plane-component', operator: 'DoesNotExist' },
            { key: 'linkerd.io/cni-resource', operator: 'DoesNotExist' },
          ],
        },
        clientConfig: {
          service: { namespace: NAMESPACE, name: 'linkerd-proxy-injector', path: '/', port: 443 },
          caBundle: Buffer.from(authorityPem).toString('base64'),
        },
        // Where everything is local a pod without proxy is a defect, not an outage to be survived.
        failurePolicy: 'Fail',
        rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods', 'services'], scope: 'Namespaced' }],
        sideEffects: 'None',
        timeoutSeconds: 10,
        admissionReviewVersions: ['v1', 'v1beta1'],
      },
    ],
  };
}

function kubeconfig(server: string): string {
  return [
    'apiVersion: v1',
    'kind: Config',
    'current-context: weft',
    'clusters:',
    `- {name: weft, cluster: {server: "${server}"}}`,
    'contexts:',
    '- {name: weft, context: {cluster: weft, user: weft, namespace: linkerd}}',
    'users:',
    '- {name: weft, user: {}}',
    '',
  ].join('\n');
}
