// Kubernetes Service host names: `[<host>.]<service>.<ns>.svc.<cluster domain>`. spec/control-plane.md §1.2.

export interface ServiceName {
  readonly service: string;
  readonly namespace: string;
  /** The host name of one endpoint behind a headless Service, where given. */
  readonly hostname?: string | undefined;
}

export function formatServiceName(name: ServiceName, clusterDomain: string): string {
  const host = name.hostname === undefined ? '' : `${name.hostname}.`;
  return `${host}${name.service}.${name.namespace}.svc.${clusterDomain}`;
}

/** Parses a Service host name; exact and case-sensitive, a trailing dot does not match. */
export function parseServiceName(host: string, clusterDomain: string): ServiceName | undefined {
  const suffix = `.svc.${clusterDomain}`;
  if (!host.endsWith(suffix)) return undefined;
  const labels = host.slice(0, -suffix.length).split('.');
  if (labels.some((label) => label === '')) return undefined;
  if (labels.length === 2) return { service: labels[0] ?? '', namespace: labels[1] ?? '' };
  if (labels.length === 3) return { hostname: labels[0] ?? '', service: labels[1] ?? '', namespace: labels[2] ?? '' };
  return undefined;
}
