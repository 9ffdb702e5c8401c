// The values file: the ConfigMap linkerd-config, key `values`, as YAML; what it leaves out keeps its default. spec/injector-cli.md §5.3.
import { parse } from 'yaml';
import { defaultValues, type InjectorValues, type RequiredValues } from './values.ts';

/** Reads the keys that this injector knows; others are ignored, as charts carry many. Throws with the key whose type is wrong. */
export function readValues(yaml: string, required: RequiredValues): InjectorValues {
  const root = object(parse(yaml), '');
  const proxy = object(root['proxy'], 'proxy');
  const image = object(proxy['image'], 'proxy.image');
  const ports = object(proxy['ports'], 'proxy.ports');
  const base = defaultValues({
    ...required,
    version: text(image['version'], 'proxy.image.version') || text(root['linkerdVersion'], 'linkerdVersion') || required.version,
  });
  const or = (value: string, fallback: string): string => (value === '' ? fallback : value);
  const trustDomain = or(text(root['identityTrustDomain'], 'identityTrustDomain'), or(text(root['clusterDomain'], 'clusterDomain'), base.trustDomain));
  const number = (value: unknown, at: string, fallback: number): number => {
    if (value === undefined || value === null) return fallback;
    if (typeof value !== 'number') throw new TypeError(`${at}: not a number`);
    return value;
  };
  const bool = (value: unknown, at: string, fallback: boolean): boolean => {
    if (value === undefined || value === null) return fallback;
    if (typeof value !== 'boolean') throw new TypeError(`${at}: not true or false`);
    return value;
  };
  return {
    ...base,
    controlPlaneNamespace: or(text(root['controlPlaneNamespace'], 'controlPlaneNamespace'), base.controlPlaneNamespace),
    clusterDomain: or(text(root['clusterDomain'], 'clusterDomain'), base.clusterDomain),
    clusterNetworks: or(text(root['clusterNetworks'], 'clusterNetworks'), base.clusterNetworks),
    trustDomain,
    disableIpv6: bool(root['disableIPv6'], 'disableIPv6', base.disableIpv6),
    proxy: {
      ...base.proxy,
      image: or(text(image['name'], 'proxy.image.name'), base.proxy.image),
      pullPolicy: or(text(image['pullPolicy'], 'proxy.image.pullPolicy'), base.proxy.pullPolicy),
      inboundPort: number(ports['inbound'], 'proxy.ports.inbound', base.proxy.inboundPort),
      outboundPort: number(ports['outbound'], 'proxy.ports.outbound', base.proxy.outboundPort),
      adminPort: number(ports['admin'], 'proxy.ports.admin', base.proxy.adminPort),
      controlPort: number(ports['control'], 'proxy.ports.control', base.proxy.controlPort),
      uid: number(proxy['uid'], 'proxy.uid', base.proxy.uid),
      gid: number(proxy['gid'], 'proxy.gid', base.proxy.gid),
      logLevel: or(text(proxy['logLevel'], 'proxy.logLevel'), base.proxy.logLevel),
      opaquePorts: or(text(proxy['opaquePorts'], 'proxy.opaquePorts'), base.proxy.opaquePorts),
      nativeSidecar: bool(proxy['nativeSidecar'], 'proxy.nativeSidecar', base.proxy.nativeSidecar),
      await: bool(proxy['await'], 'proxy.await', base.proxy.await),
    },
  };
}

type Json = Readonly<Record<string, unknown>>;

function object(value: unknown, at: string): Json {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new TypeError(`${at || 'values'}: not a map`);
  return value as Json;
}

function text(value: unknown, at: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw new TypeError(`${at}: not text`);
  return value;
}
