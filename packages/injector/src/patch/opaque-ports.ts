// Opaque ports of pods and Services: names resolved, defaults written as an annotation. spec/injector-cli.md §1.1, §1.9.
import { parsePortRange } from '@weft/init';
import type { Container, Pod, Service } from '@weft/kube';

/** Port names become numbers, `n-n` becomes `n`, items that are neither are dropped. */
export function normalisePorts(list: string, containers: readonly Container[]): string {
  return list
    .split(',')
    .map((item) => item.trim())
    .flatMap((item) => {
      const named = containers.flatMap((container) => container.ports ?? []).find((port) => port.name !== undefined && port.name === item);
      if (named) return [String(named.containerPort)];
      try {
        const { low, high } = parsePortRange(item);
        return [low === high ? String(low) : `${low}-${high}`];
      } catch {
        return [];
      }
    })
    .join(',');
}

export function allContainers(pod: Pod): readonly Container[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
}

/** The annotation for a pod that has none of its own and none inherited; undefined where no declared port is opaque by default. */
export function podOpaquePorts(pod: Pod, defaults: string): string | undefined {
  const wanted = new Set(defaults.split(','));
  const ports = allContainers(pod)
    .flatMap((container) => container.ports ?? [])
    .map((port) => String(port.containerPort));
  return ports.filter((port) => wanted.has(port)).join(',') || undefined;
}

/** The same for a Service: judged by target port, named by service port; named target ports never match. */
export function serviceOpaquePorts(service: Service, defaults: string): string | undefined {
  const wanted = new Set(defaults.split(','));
  const ports = (service.spec?.ports ?? []).filter((port) => {
    const target = port.targetPort ?? port.port;
    return typeof target === 'number' && wanted.has(String(target === 0 ? port.port : target));
  });
  return ports.map((port) => String(port.port)).join(',') || undefined;
}

/** LINKERD2_PROXY_INBOUND_PORTS: container ports and the ports of http probes, as sorted text. spec/injector-cli.md §1.6. */
export function inboundPorts(pod: Pod): string {
  const ports = new Set<string>();
  for (const container of allContainers(pod)) {
    for (const port of container.ports ?? []) ports.add(String(port.containerPort));
    for (const probe of [container.readinessProbe, container.livenessProbe]) {
      const port = probe?.httpGet?.port;
      if (typeof port === 'number') ports.add(String(port));
    }
  }
  return [...ports].sort().join(',');
}
