// Namespaces joined by routed veths, no bridge: the node routes to each pod's address. spec/runtime.md §1.3. Pure: texts for
// `ip -batch`.
import { NODE_IP } from '../address-pool.ts';

/** Where pods send everything; every node end of a veth carries it. */
const GATEWAY = '169.254.1.1';

export interface PodLink {
  readonly podNamespace: string;
  readonly nodeNamespace: string;
  /** Name of the node's end. */
  readonly device: string;
  readonly ip: string;
}

export function nodeBatch(): string {
  return lines('link set lo up', `addr add ${NODE_IP}/32 dev lo`);
}

/** Run without namespace: makes the pod's namespace and the pair of devices. */
export function linkBatch({ podNamespace, nodeNamespace, device }: PodLink): string {
  return lines(`netns add ${podNamespace}`, `link add name ${device} netns ${nodeNamespace} type veth peer name eth0 netns ${podNamespace}`);
}

export function podEndBatch({ ip }: PodLink): string {
  return lines(
    'link set lo up',
    `addr add ${ip}/32 dev eth0`,
    'link set eth0 up',
    `route add ${GATEWAY} dev eth0 scope link`,
    `route add default via ${GATEWAY} dev eth0`,
  );
}

export function nodeEndBatch({ device, ip }: PodLink): string {
  return lines(`addr add ${GATEWAY}/32 dev ${device}`, `link set ${device} up`, `route add ${ip} dev ${device} src ${NODE_IP}`);
}

function lines(...commands: readonly string[]): string {
  return `${commands.join('\n')}\n`;
}
