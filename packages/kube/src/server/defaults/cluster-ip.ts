// Virtual addresses and node ports for Services, each given to one Service at a time.
import { formatIp, type IpNetwork, networkMatcher, parseIp, parseNetwork } from '@weft/core';
import { type JsonObject, listAt, numberAt, objectsAt, stringAt } from '../json/json.ts';

export interface ServiceAllocator {
  /** Fills in what a ClusterIP Service needs. Undefined when done, else what is wrong. */
  assign(service: JsonObject, old: JsonObject | undefined): { readonly field: string; readonly value: string; readonly message: string } | undefined;
}

/** What is taken is read from the stored Services each time, so that nothing can leak. */
export function serviceAllocator(options: { readonly cidr: string; readonly services: () => readonly JsonObject[] }): ServiceAllocator {
  const network = parseNetwork(options.cidr);
  const base = network && parseIp(network.ip);
  if (!network || !base) throw new RangeError(`service network ${options.cidr} is not a CIDR`);
  const width = base.family === 4 ? 32 : 128;
  const size = 2n ** BigInt(width - network.prefix);
  if (size < 8n) throw new RangeError(`service network ${options.cidr} is too small`);
  const inside = networkMatcher([network]);
  // The first address is by custom that of the API server's own Service.
  let nextOffset = 2n;
  let nextNodePort = 30_000;

  return {
    assign(service, old) {
      const spec = service.spec;
      if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) return undefined;
      if (spec.type === 'ExternalName') {
        delete spec.clusterIP;
        delete spec.clusterIPs;
        return undefined;
      }
      const before = stringAt(old, 'spec', 'clusterIP');
      if ((spec.clusterIP === undefined || spec.clusterIP === '') && before !== undefined) spec.clusterIP = before;
      const others = options.services().filter((other) => stringAt(other, 'metadata', 'uid') !== stringAt(service, 'metadata', 'uid'));
      const taken = new Set(others.flatMap((other) => [stringAt(other, 'spec', 'clusterIP'), ...listAt(other, 'spec', 'clusterIPs').map(String)]));
      const wanted = stringAt(spec, 'clusterIP') ?? '';
      if (wanted === '') {
        const free = firstFree(taken);
        if (free === undefined) return { field: 'spec.clusterIP', value: '', message: `range ${options.cidr} is full` };
        spec.clusterIP = free;
      } else if (wanted !== 'None' && wanted !== before) {
        if (!parseIp(wanted)) return undefined;
        if (!inside(wanted)) return outside(wanted, network);
        if (taken.has(wanted)) return { field: 'spec.clusterIP', value: wanted, message: 'failed to allocate IP: provided IP is already allocated' };
      }
      // A second address, of the other family, stays as it was asked for.
      const second = (Array.isArray(spec.clusterIPs) ? spec.clusterIPs : listAt(old, 'spec', 'clusterIPs')).slice(1, 2);
      spec.clusterIPs = [spec.clusterIP ?? '', ...second];
      if (spec.ipFamilies === undefined && spec.clusterIP !== 'None') spec.ipFamilies = [base.family === 4 ? 'IPv4' : 'IPv6'];
      if (spec.ipFamilies === undefined) spec.ipFamilies = ['IPv4'];
      if (spec.ipFamilyPolicy === undefined) spec.ipFamilyPolicy = 'SingleStack';
      if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') assignNodePorts(service, old, others);
      return undefined;
    },
  };

  function firstFree(taken: ReadonlySet<string | undefined>): string | undefined {
    const { family, value } = base ?? { family: 4 as const, value: 0n };
    const limit = size - 3n < 65_536n ? size - 3n : 65_536n;
    for (let tries = 0n; tries < limit; tries++) {
      const ip = formatIp({ family, value: value + nextOffset });
      nextOffset = nextOffset + 1n >= size - 1n ? 2n : nextOffset + 1n;
      if (!taken.has(ip)) return ip;
    }
    return undefined;
  }

  function assignNodePorts(service: JsonObject, old: JsonObject | undefined, others: readonly JsonObject[]): void {
    const taken = new Set(others.flatMap((other) => objectsAt(other, 'spec', 'ports').map((port) => numberAt(port, 'nodePort'))));
    for (const port of objectsAt(service, 'spec', 'ports')) {
      if (typeof port.nodePort === 'number' && port.nodePort !== 0) continue;
      const before = objectsAt(old, 'spec', 'ports').find((other) => other.port === port.port && other.protocol === port.protocol);
      const kept = numberAt(before, 'nodePort');
      for (let tries = 0; kept === undefined && taken.has(nextNodePort) && tries < 2768; tries++)
        nextNodePort = nextNodePort >= 32_767 ? 30_000 : nextNodePort + 1;
      port.nodePort = kept ?? nextNodePort;
      taken.add(kept ?? nextNodePort);
    }
  }
}

function outside(wanted: string, network: IpNetwork): { field: string; value: string; message: string } {
  return {
    field: 'spec.clusterIP',
    value: wanted,
    message: `failed to allocate IP: the provided IP is not in the valid range ${network.ip}/${network.prefix}`,
  };
}
