// Annotations that override values, as a table: key, how the text is read, where the result goes. spec/injector-cli.md §1.1.
import { parseGoDuration } from '@weft/core';
import { parseGoBool, parseQuantity } from './syntax.ts';
import type { InboundPolicyName, InjectorValues, ProxyInitValues, ProxyValues, ResourceValues } from './values.ts';

export const INJECT_ANNOTATION = 'linkerd.io/inject';
export const OPAQUE_PORTS_ANNOTATION = 'config.linkerd.io/opaque-ports';
const ADDITIONAL_ENV = 'config.linkerd.io/proxy-additional-env';

type Apply = (values: InjectorValues, text: string) => InjectorValues | undefined;

interface AnnotationSpec {
  readonly key: string;
  /** Copied from the Namespace onto the pod where the pod lacks the key. */
  readonly inherited: boolean;
  /** undefined: the text is not valid and the value stays. */
  readonly apply: Apply;
}

const proxy = (values: InjectorValues, patch: Partial<ProxyValues>): InjectorValues => ({ ...values, proxy: { ...values.proxy, ...patch } });
const init = (values: InjectorValues, patch: Partial<ProxyInitValues>): InjectorValues => ({ ...values, proxyInit: { ...values.proxyInit, ...patch } });
const resources = (values: InjectorValues, patch: Partial<ResourceValues>): InjectorValues =>
  proxy(values, { resources: { ...values.proxy.resources, ...patch } });

/** Reads the text with `parse`; what it cannot read changes nothing. */
const parsed =
  <T>(parse: (text: string) => T | undefined, set: (values: InjectorValues, value: T) => InjectorValues): Apply =>
  (values, text) => {
    const value = parse(text);
    return value === undefined ? undefined : set(values, value);
  };

const oneOf =
  <T extends string>(...allowed: readonly T[]) =>
  (text: string): T | undefined =>
    allowed.find((value) => value === text);

const text = (value: string): string => value;
const port = (value: string): number | undefined => (/^[0-9]{1,5}$/.test(value) && Number(value) <= 65535 ? Number(value) : undefined);
const integer = (value: string): number | undefined => (/^-?[0-9]+$/.test(value) ? Number(value) : undefined);
const enabled = (value: string): boolean | undefined => (value === 'enabled' ? true : value === 'disabled' ? false : undefined);
const wholeMillis = (value: string): string | undefined => {
  const ms = parseGoDuration(value);
  return ms === undefined || ms < 0 ? undefined : `${Math.trunc(ms)}ms`;
};
const wholeSeconds = (value: string): string | undefined => {
  const ms = parseGoDuration(value);
  return ms === undefined || ms < 0 ? undefined : `${Math.trunc(ms / 1000)}s`;
};
const ratio = (value: string): number | undefined => {
  const number = Number(value);
  return /^[0-9.]+$/.test(value) && number > 0 && number < 1 ? number : undefined;
};
const quantity = (value: string): { readonly text: string; readonly amount: number } | undefined => {
  const amount = parseQuantity(value);
  return amount === undefined ? undefined : { text: value, amount };
};

const POLICIES: readonly InboundPolicyName[] = [
  'all-unauthenticated',
  'all-authenticated',
  'cluster-unauthenticated',
  'cluster-authenticated',
  'deny',
  'audit',
];
const config = (name: string, apply: Apply, inherited = true): AnnotationSpec => ({ key: `config.linkerd.io/${name}`, inherited, apply });

export const ANNOTATIONS: readonly AnnotationSpec[] = [
  { key: INJECT_ANNOTATION, inherited: true, apply: (values, value) => proxy(values, { ingress: value === 'ingress' }) },
  config(
    'proxy-image',
    parsed(text, (v, image) => proxy(v, { image })),
  ),
  config(
    'proxy-version',
    parsed(text, (v, version) => proxy(v, { version })),
  ),
  config(
    'image-pull-policy',
    parsed(text, (v, pullPolicy) => proxy(v, { pullPolicy })),
  ),
  config(
    'control-port',
    parsed(port, (v, controlPort) => proxy(v, { controlPort })),
  ),
  config(
    'admin-port',
    parsed(port, (v, adminPort) => proxy(v, { adminPort })),
  ),
  config(
    'inbound-port',
    parsed(port, (v, inboundPort) => proxy(v, { inboundPort })),
  ),
  config(
    'outbound-port',
    parsed(port, (v, outboundPort) => proxy(v, { outboundPort })),
  ),
  config(
    'skip-inbound-ports',
    parsed(text, (v, ignoreInboundPorts) => init(v, { ignoreInboundPorts })),
  ),
  config(
    'skip-outbound-ports',
    parsed(text, (v, ignoreOutboundPorts) => init(v, { ignoreOutboundPorts })),
  ),
  config(
    'skip-subnets',
    parsed(text, (v, skipSubnets) => init(v, { skipSubnets })),
  ),
  config(
    'opaque-ports',
    parsed(text, (v, opaquePorts) => proxy(v, { opaquePorts })),
  ),
  config(
    'proxy-cpu-request',
    parsed(quantity, (v, q) => proxy(resources(v, { cpuRequest: q.text }), { minCores: Math.max(1, Math.ceil(q.amount)) })),
  ),
  config(
    'proxy-cpu-limit',
    parsed(quantity, (v, q) => proxy(resources(v, { cpuLimit: q.text }), { maxCores: Math.ceil(q.amount) })),
  ),
  config(
    'proxy-cpu-ratio-limit',
    parsed(ratio, (v, maxCoresRatio) => proxy(v, { maxCoresRatio })),
    false,
  ),
  config(
    'proxy-memory-request',
    parsed(quantity, (v, q) => resources(v, { memoryRequest: q.text })),
  ),
  config(
    'proxy-memory-limit',
    parsed(quantity, (v, q) => resources(v, { memoryLimit: q.text })),
  ),
  config(
    'proxy-ephemeral-storage-request',
    parsed(quantity, (v, q) => resources(v, { ephemeralStorageRequest: q.text })),
  ),
  config(
    'proxy-ephemeral-storage-limit',
    parsed(quantity, (v, q) => resources(v, { ephemeralStorageLimit: q.text })),
  ),
  config(
    'proxy-uid',
    parsed(integer, (v, uid) => proxy(v, { uid })),
  ),
  config(
    'proxy-gid',
    parsed(integer, (v, gid) => proxy(v, { gid })),
  ),
  config(
    'proxy-log-level',
    parsed(text, (v, logLevel) => proxy(v, { logLevel })),
  ),
  config(
    'proxy-log-format',
    parsed(oneOf('plain', 'json'), (v, logFormat) => proxy(v, { logFormat })),
  ),
  config(
    'proxy-log-http-headers',
    parsed(oneOf('off', 'insecure'), (v, logHttpHeaders) => proxy(v, { logHttpHeaders })),
  ),
  config(
    'access-log',
    parsed(oneOf('apache', 'json'), (v, accessLog) => proxy(v, { accessLog })),
  ),
  config(
    'enable-external-profiles',
    parsed(parseGoBool, (v, externalProfiles) => proxy(v, { externalProfiles })),
  ),
  config(
    'proxy-require-identity-inbound-ports',
    parsed(text, (v, requireIdentityPorts) => proxy(v, { requireIdentityPorts })),
  ),
  config(
    'proxy-metrics-hostname-labels',
    parsed(parseGoBool, (v, hostnameLabels) => proxy(v, { hostnameLabels })),
  ),
  config(
    'proxy-outbound-connect-timeout',
    parsed(wholeMillis, (v, outboundConnectTimeout) => proxy(v, { outboundConnectTimeout })),
  ),
  config(
    'proxy-inbound-connect-timeout',
    parsed(wholeMillis, (v, inboundConnectTimeout) => proxy(v, { inboundConnectTimeout })),
  ),
  config(
    'proxy-outbound-discovery-cache-unused-timeout',
    parsed(wholeSeconds, (v, t) => proxy(v, { outboundDiscoveryIdleTimeout: t })),
  ),
  config(
    'proxy-inbound-discovery-cache-unused-timeout',
    parsed(wholeSeconds, (v, t) => proxy(v, { inboundDiscoveryIdleTimeout: t })),
  ),
  config(
    'proxy-disable-outbound-protocol-detect-timeout',
    parsed(parseGoBool, (v, b) => proxy(v, { disableOutboundDetectTimeout: b })),
  ),
  config(
    'proxy-disable-inbound-protocol-detect-timeout',
    parsed(parseGoBool, (v, b) => proxy(v, { disableInboundDetectTimeout: b })),
  ),
  config(
    'proxy-await',
    parsed(enabled, (v, wait) => proxy(v, { await: wait })),
  ),
  config(
    'proxy-admin-shutdown',
    parsed(enabled, (v, shutdownEndpoint) => proxy(v, { shutdownEndpoint })),
  ),
  config(
    'shutdown-grace-period',
    parsed(wholeMillis, (v, shutdownGracePeriod) => proxy(v, { shutdownGracePeriod })),
  ),
  config(
    'default-inbound-policy',
    parsed(oneOf(...POLICIES), (v, defaultInboundPolicy) => proxy(v, { defaultInboundPolicy })),
  ),
  config(
    'enable-gateway',
    parsed(parseGoBool, (v, gateway) => proxy(v, { gateway })),
    false,
  ),
  // The stable name wins over beta, which wins over alpha: later entries win.
  {
    key: 'config.alpha.linkerd.io/proxy-enable-native-sidecar',
    inherited: true,
    apply: parsed(parseGoBool, (v, nativeSidecar) => proxy(v, { nativeSidecar })),
  },
  {
    key: 'config.beta.linkerd.io/proxy-enable-native-sidecar',
    inherited: false,
    apply: parsed(parseGoBool, (v, nativeSidecar) => proxy(v, { nativeSidecar })),
  },
  config(
    'proxy-enable-native-sidecar',
    parsed(parseGoBool, (v, nativeSidecar) => proxy(v, { nativeSidecar })),
  ),
  {
    key: 'config.alpha.linkerd.io/proxy-wait-before-exit-seconds',
    inherited: true,
    apply: parsed(
      (value) => (/^[0-9]+$/.test(value) ? Number(value) : undefined),
      (v, waitBeforeExitSeconds) => proxy(v, { waitBeforeExitSeconds }),
    ),
  },
  { key: ADDITIONAL_ENV, inherited: true, apply: parsed(parseEnv, (v, env) => proxy(v, { additionalEnv: mergeEnv(v.proxy.additionalEnv, env) })) },
];

export interface Overridden {
  readonly values: InjectorValues;
  /** One sentence for each annotation whose text could not be read; its value stayed. */
  readonly warnings: readonly string[];
}

/** Applies what the annotations say. `namespace` matters for the environment only, which is merged by name over both layers. */
export function applyAnnotations(
  values: InjectorValues,
  annotations: Readonly<Record<string, string>>,
  namespace: Readonly<Record<string, string>>,
): Overridden {
  const warnings: string[] = [];
  let result = values;
  const layers = (spec: AnnotationSpec): readonly (string | undefined)[] =>
    spec.key === ADDITIONAL_ENV && namespace[spec.key] !== annotations[spec.key] ? [namespace[spec.key], annotations[spec.key]] : [annotations[spec.key]];
  for (const spec of ANNOTATIONS) {
    for (const value of layers(spec)) {
      if (value === undefined) continue;
      const next = spec.apply(result, value);
      if (next) result = next;
      else warnings.push(`annotation ${spec.key}: ${JSON.stringify(value)} is not valid; the configured value stays`);
    }
  }
  return { values: result, warnings };
}

/** The annotations of a Namespace that its pods take over where they lack the key. */
export function inheritedAnnotations(namespace: Readonly<Record<string, string>>, pod: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const keys = ANNOTATIONS.filter((spec) => spec.inherited && namespace[spec.key] !== undefined && !Object.hasOwn(pod, spec.key)).map((spec) => spec.key);
  return Object.fromEntries(keys.map((key) => [key, namespace[key] ?? '']));
}

type EnvList = ProxyValues['additionalEnv'];

function parseEnv(value: string): EnvList | undefined {
  try {
    const list: unknown = JSON.parse(value);
    const named = (item: unknown): boolean => typeof item === 'object' && item !== null && typeof (item as { name?: unknown }).name === 'string';
    return Array.isArray(list) && list.every(named) ? (list as EnvList) : undefined;
  } catch {
    return undefined;
  }
}

/** The same name is replaced in place, new names are appended. */
function mergeEnv(base: EnvList, over: EnvList): EnvList {
  const byName = new Map(over.map((entry) => [entry.name, entry]));
  const replaced = base.map((entry) => byName.get(entry.name) ?? entry);
  return [...replaced, ...over.filter((entry) => !base.some((old) => old.name === entry.name))];
}
