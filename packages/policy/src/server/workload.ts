// Who asks, or is asked about: the workload string of the proxy's environment. spec/control-plane.md §2.4.

export interface PodWorkload {
  readonly namespace: string;
  readonly pod: string;
}

/** JSON with `ns` and `pod`, or `ns:pod`; undefined on anything else. */
export function parseWorkload(text: string): PodWorkload | undefined {
  const trimmed = text.trim();
  if (!trimmed.startsWith('{')) {
    const [namespace = '', pod = '', ...rest] = trimmed.split(':');
    return namespace === '' || pod === '' || rest.length > 0 ? undefined : { namespace, pod };
  }
  try {
    const { ns, pod } = JSON.parse(trimmed) as { readonly ns?: unknown; readonly pod?: unknown };
    return typeof ns === 'string' && ns !== '' && typeof pod === 'string' && pod !== '' ? { namespace: ns, pod } : undefined;
  } catch {
    return undefined;
  }
}
