// ClusterIPs as destination NAT in the node namespace, the whole table in one document for `iptables-restore -n`.
// spec/runtime.md §1.2, §1.3. Pure.

import { type ClusterView, readyAddresses } from '../endpoints.ts';
import { hasClusterIp } from '../pod-worker.ts';

const SERVICES = 'WEFT_SERVICES';
const HAIRPIN = 'WEFT_HAIRPIN';

/** Once per node namespace, before the first rules. */
export function jumpDocument(): string {
  return document([`:${SERVICES} - [0:0]`, `:${HAIRPIN} - [0:0]`, `-A PREROUTING -j ${SERVICES}`, `-A POSTROUTING -j ${HAIRPIN}`]);
}

/** Replaces all rules at once; connections that exist keep their endpoint. */
export function serviceDocument(view: ClusterView): string {
  const rules: string[] = [];
  const ips = new Set<string>();
  for (const service of view.services.list()) {
    if (!hasClusterIp(service)) continue;
    for (const { port, protocol = 'TCP' } of service.spec.ports ?? []) {
      const ready = readyAddresses(view, service, port);
      ready.forEach((endpoint, index) => {
        ips.add(endpoint.ip);
        const left = ready.length - index;
        // First match wins: each of n endpoints is met with probability 1/n.
        const spread = left === 1 ? '' : ` -m statistic --mode random --probability ${(1 / left).toFixed(10)}`;
        rules.push(
          `-A ${SERVICES} -d ${service.spec.clusterIP ?? ''}/32 -p ${protocol.toLowerCase()} --dport ${port}${spread} -j DNAT --to-destination ${endpoint.ip}:${endpoint.port}`,
        );
      });
    }
  }
  // A pod that reaches itself through a Service must not answer itself directly.
  const hairpins = [...ips].toSorted().map((ip) => `-A ${HAIRPIN} -s ${ip}/32 -d ${ip}/32 -j MASQUERADE`);
  return document([`:${SERVICES} - [0:0]`, `:${HAIRPIN} - [0:0]`, ...rules, ...hairpins]);
}

function document(lines: readonly string[]): string {
  return `*nat\n${lines.join('\n')}\nCOMMIT\n`;
}
