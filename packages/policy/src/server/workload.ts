// Who asks, or is asked about: the workload string of the proxy's environment. spec/control-plane.md §2.4.

export interface PodWorkload {
  readonly namespace: string;
  readonly pod: string;
}

/** A machine outside of the cluster. */
export interface ExternalWorkload {
  readonly namespace: string;
  readonly externalWorkload: string;
}

/** JSON with `ns` and `pod` or `external_workload`, or `ns:pod`; undefined on anything else. */
export function parseWorkload(text: string): PodWorkload | ExternalWorkload | undefined {
  const trimmed = text.trim();
  if (!trimmed.startsWith('{')) {
    const [namespace = '', pod = '', ...rest] = trimmed.split(':');
    return namespace === '' || pod === '' || rest.length > 0 ? undefined : { namespace, pod };
  }
  try {
    const { ns: namespace, pod, external_workload: externalWorkload } = JSON.parse(trimmed) as Readonly<Record<string, unknown>>;
    if (!isName(namespace)) return undefined;
    if (isName(pod)) return { namespace, pod };
    return isName(externalWorkload) ? { namespace, externalWorkload } : undefined;
  } catch {
    return undefined;
  }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
