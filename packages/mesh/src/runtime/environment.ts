// The environment of a container: service variables, envFrom, env with references and `$(VAR)` expansion, nothing inherited
// from the machine. Kubernetes "Define Dependent Environment Variables"; spec/runtime.md §3.
import type { ConfigMap, Container, Pod, Secret } from '@weft/kube';

/** One Service port as a pod's environment shows it. */
export interface ServiceVariables {
  readonly name: string;
  readonly ports: readonly {
    readonly name?: string | undefined;
    readonly port: number;
    readonly host: string;
    readonly real: number;
    readonly protocol: string;
  }[];
}

export interface EnvironmentOptions {
  readonly pod: Pod;
  readonly container: Container;
  readonly podIp: string;
  readonly hostIp: string;
  readonly path: string;
  readonly home: string;
  readonly services: readonly ServiceVariables[];
  readonly configMap: (name: string) => Promise<ConfigMap | undefined>;
  readonly secret: (name: string) => Promise<Secret | undefined>;
}

/** Throws ConfigError when something referred to is missing: the container waits as CreateContainerConfigError. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export async function environmentOf(options: EnvironmentOptions): Promise<Record<string, string>> {
  const { pod, container } = options;
  const env: Record<string, string> = {
    PATH: options.path,
    HOME: options.home,
    HOSTNAME: pod.spec.hostname ?? pod.metadata.name,
    ...(pod.spec.enableServiceLinks === false ? {} : serviceVariables(options.services)),
  };
  for (const source of container.envFrom ?? []) {
    for (const [key, value] of Object.entries(await allKeys(source, options))) env[`${source.prefix ?? ''}${key}`] = value;
  }
  const declared: Record<string, string> = {};
  for (const variable of container.env ?? []) {
    const value = variable.valueFrom ? await fromSource(variable.valueFrom, options) : expand(variable.value ?? '', { ...env, ...declared });
    if (value !== undefined) declared[variable.name] = value;
  }
  return { ...env, ...declared };
}

type EnvSource = NonNullable<NonNullable<Container['env']>[number]['valueFrom']>;

async function fromSource(source: EnvSource, options: EnvironmentOptions): Promise<string | undefined> {
  if (source.fieldRef) return podField(options, source.fieldRef.fieldPath);
  if (source.resourceFieldRef) return '0';
  if (source.configMapKeyRef) {
    const { name = '', key, optional } = source.configMapKeyRef;
    const value = (await options.configMap(name))?.data?.[key];
    if (value === undefined && !optional) throw new ConfigError(`configmap ${name} has no key ${key}`);
    return value;
  }
  if (source.secretKeyRef) {
    const { name = '', key, optional } = source.secretKeyRef;
    const value = (await options.secret(name))?.data?.[key];
    if (value === undefined && !optional) throw new ConfigError(`secret ${name} has no key ${key}`);
    return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
  }
  return undefined;
}

async function allKeys(source: NonNullable<Container['envFrom']>[number], options: EnvironmentOptions): Promise<Record<string, string>> {
  if (source.configMapRef) {
    const map = await options.configMap(source.configMapRef.name ?? '');
    if (!map && !source.configMapRef.optional) throw new ConfigError(`configmap ${source.configMapRef.name ?? ''} not found`);
    return { ...map?.data };
  }
  if (source.secretRef) {
    const secret = await options.secret(source.secretRef.name ?? '');
    if (!secret && !source.secretRef.optional) throw new ConfigError(`secret ${source.secretRef.name ?? ''} not found`);
    return Object.fromEntries(Object.entries(secret?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]));
  }
  return {};
}

/** The value of a downward-API field. Unknown fields are an error, as in Kubernetes. */
export function podField(context: Pick<EnvironmentOptions, 'pod' | 'podIp' | 'hostIp'>, path: string): string {
  const { pod, podIp, hostIp } = context;
  const keyed = /^metadata\.(labels|annotations)\['([^']*)'\]$/.exec(path);
  if (keyed) return pod.metadata[keyed[1] === 'labels' ? 'labels' : 'annotations']?.[keyed[2] ?? ''] ?? '';
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name;
    case 'metadata.namespace':
      return pod.metadata.namespace ?? '';
    case 'metadata.uid':
      return pod.metadata.uid ?? '';
    case 'metadata.labels':
      return quotedLines(pod.metadata.labels);
    case 'metadata.annotations':
      return quotedLines(pod.metadata.annotations);
    case 'spec.nodeName':
      return pod.spec.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? 'default';
    case 'status.podIP':
    case 'status.podIPs':
      return podIp;
    case 'status.hostIP':
    case 'status.hostIPs':
      return hostIp;
    default:
      throw new ConfigError(`field ${path} is not supported`);
  }
}

function quotedLines(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');
}

/** `$(NAME)` becomes its value when it is known and stays as it is otherwise; `$$(NAME)` stands for `$(NAME)`. */
export function expand(text: string, known: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^()\s]+)\)/g, (whole, name: string | undefined) => {
    if (whole === '$$') return '$';
    return name !== undefined && Object.hasOwn(known, name) ? (known[name] ?? '') : whole;
  });
}

function serviceVariables(services: readonly ServiceVariables[]): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { name, ports } of services) {
    const first = ports[0];
    if (!first) continue;
    const prefix = name.toUpperCase().replaceAll('-', '_');
    env[`${prefix}_SERVICE_HOST`] = first.host;
    env[`${prefix}_SERVICE_PORT`] = String(first.real);
    env[`${prefix}_PORT`] = `${first.protocol.toLowerCase()}://${first.host}:${first.real}`;
    for (const port of ports) {
      if (port.name !== undefined && port.name !== '') env[`${prefix}_SERVICE_PORT_${port.name.toUpperCase().replaceAll('-', '_')}`] = String(port.real);
      const base = `${prefix}_PORT_${port.port}_${port.protocol}`;
      env[base] = `${port.protocol.toLowerCase()}://${port.host}:${port.real}`;
      env[`${base}_PROTO`] = port.protocol.toLowerCase();
      env[`${base}_PORT`] = String(port.real);
      env[`${base}_ADDR`] = port.host;
    }
  }
  return env;
}
