// The names of the cluster: Services, endpoints of headless Services, their named ports, pods by address. Kubernetes "DNS for
// Services and Pods", and the dns specification 1.1 behind it. Pure.
import type { Answer, Question } from 'dns-packet';
import { addressesOfName, type ClusterView, slicesOfService } from '../endpoints.ts';

/** `missing`: NXDOMAIN. An empty list of answers means that the name exists without records of this type. */
export type ZoneAnswer =
  | { readonly kind: 'missing' }
  | { readonly kind: 'found'; readonly answers: readonly Answer[]; readonly additionals: readonly Answer[] };

export interface ZoneOptions {
  readonly view: ClusterView;
  readonly clusterDomain: string;
  /** Seconds. */
  readonly ttl: number;
}

const MISSING: ZoneAnswer = { kind: 'missing' };

export function resolve({ view, clusterDomain, ttl }: ZoneOptions, question: Question): ZoneAnswer {
  const name = question.name.toLowerCase().replace(/\.$/, '');
  const suffix = `.${clusterDomain}`;
  if (!name.endsWith(suffix)) return MISSING;
  const labels = name.slice(0, -suffix.length).split('.');
  const category = labels.pop();
  const namespace = labels.pop();
  if (namespace === undefined) return MISSING;
  const found = (answers: readonly Answer[], additionals: readonly Answer[] = []): ZoneAnswer => ({ kind: 'found', answers, additionals });
  const addresses = (owner: string, ips: readonly string[]): Answer[] => ips.map((data) => ({ type: 'A', class: 'IN', name: owner, ttl, data }));
  const only = (ips: readonly string[]): ZoneAnswer => found(question.type === 'A' ? addresses(question.name, ips) : []);

  if (category === 'pod') {
    const [dashed, ...rest] = labels;
    if (dashed === undefined || rest.length > 0 || !/^10-42-\d{1,3}-\d{1,3}$/.test(dashed)) return MISSING;
    return only([dashed.replaceAll('-', '.')]);
  }
  const serviceName = labels.pop();
  if (category !== 'svc' || serviceName === undefined) return MISSING;
  const service = view.services.get(namespace, serviceName);
  if (!service) return MISSING;
  const owner = `${serviceName}.${namespace}.svc.${clusterDomain}`;
  if (service.spec.type === 'ExternalName') {
    const { externalName } = service.spec;
    return labels.length > 0 || externalName === undefined ? MISSING : found([{ type: 'CNAME', class: 'IN', name: question.name, ttl, data: externalName }]);
  }
  const headless = service.spec.clusterIP === 'None';
  const endpoints = headless ? endpointNames(view, namespace, serviceName) : [];

  if (labels.length === 0) {
    if (question.type === 'SRV') return services(service.spec.ports?.map((port) => port.name ?? '') ?? []);
    return only(addressesOfName(view, service));
  }
  if (labels.length === 1) {
    const matching = endpoints.filter((endpoint) => endpoint.host === labels[0]);
    return matching.length === 0 ? MISSING : only(matching.map((endpoint) => endpoint.ip));
  }
  const [port = '', protocol = ''] = labels;
  if (labels.length !== 2 || !port.startsWith('_') || !protocol.startsWith('_')) return MISSING;
  const declared = service.spec.ports?.find((one) => one.name === port.slice(1) && (one.protocol ?? 'TCP').toLowerCase() === protocol.slice(1));
  if (!declared) return MISSING;
  return question.type === 'SRV' ? services([declared.name ?? '']) : found([]);

  /** SRV records of ports: one per endpoint of a headless Service, else one to the Service itself. */
  function services(names: readonly string[]): ZoneAnswer {
    const records: Answer[] = [];
    const glue = new Map<string, Answer>();
    const add = (target: string, targetPort: number, ip: string): void => {
      records.push({ type: 'SRV', class: 'IN', name: question.name, ttl, data: { priority: 0, weight: 100, port: targetPort, target } });
      const [record] = addresses(target, [ip]);
      if (record) glue.set(target, record);
    };
    for (const wanted of names) {
      if (headless) {
        for (const { host, ip, ports } of endpoints) {
          const real = ports.find((candidate) => candidate.name === wanted);
          if (real) add(`${host}.${owner}`, real.port, ip);
        }
      } else {
        const declaredPort = service?.spec.ports?.find((candidate) => (candidate.name ?? '') === wanted);
        if (declaredPort) add(owner, declaredPort.port, service?.spec.clusterIP ?? '');
      }
    }
    return found(records, [...glue.values()]);
  }
}

interface EndpointName {
  readonly host: string;
  readonly ip: string;
  readonly ports: readonly { readonly name: string; readonly port: number }[];
}

function endpointNames(view: ClusterView, namespace: string, service: string): EndpointName[] {
  return slicesOfService(view, namespace, service).flatMap((slice) =>
    slice.endpoints
      .filter((endpoint) => endpoint.conditions?.ready !== false)
      .flatMap((endpoint) =>
        endpoint.addresses.map((ip) => ({
          host: endpoint.hostname ?? ip.replaceAll('.', '-'),
          ip,
          ports: (slice.ports ?? []).map((port) => ({ name: port.name ?? '', port: port.port ?? 0 })),
        })),
      ),
  );
}
