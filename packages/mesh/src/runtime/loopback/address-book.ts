// The address books of the loopback runtime: where each virtual address of the mesh really is, one file per meshed pod.
import { promises as fs } from 'node:fs';
import type { AddressBook } from '@weft/proxy/sidecar';

export type Hosts = NonNullable<AddressBook['hosts']>;

/** A pod as the books see it; all ports are virtual → real. */
export interface PodPorts {
  readonly ip: string;
  /** Ports of the application's containers. */
  readonly application: ReadonlyMap<number, number>;
  /** Present when the pod has a proxy. */
  readonly proxy:
    | {
        /** Ports that the proxy itself serves, such as its admin port. */
        readonly listen: ReadonlyMap<number, number>;
        /** Inbound listeners, per original destination port. */
        readonly inbound: ReadonlyMap<number, number>;
        readonly outbound: readonly { readonly listen: number; readonly originalDst: string; readonly authority: string }[];
      }
    | undefined;
}

const local = (port: number): string => `127.0.0.1:${port}`;

/** Where a connection from elsewhere to a port of a pod arrives: at its proxy when it has one. */
export function realPort(pod: PodPorts, port: number): number | undefined {
  return pod.proxy?.listen.get(port) ?? pod.proxy?.inbound.get(port) ?? pod.application.get(port);
}

export function addressBook(own: PodPorts, pods: Iterable<PodPorts>, hosts: Hosts): AddressBook {
  const dial: Record<string, string> = {};
  for (const pod of pods) {
    if (pod === own) continue;
    const ports = new Set([...pod.application.keys(), ...(pod.proxy?.inbound.keys() ?? []), ...(pod.proxy?.listen.keys() ?? [])]);
    for (const port of ports) dial[`${pod.ip}:${port}`] = local(realPort(pod, port) ?? port);
  }
  for (const host of [own.ip, '127.0.0.1']) {
    for (const [port, real] of own.application) dial[`${host}:${port}`] = local(real);
  }
  const proxy = own.proxy ?? { listen: new Map<number, number>(), inbound: new Map<number, number>(), outbound: [] };
  return {
    listen: Object.fromEntries([...proxy.listen].map(([port, real]) => [String(port), local(real)])),
    inbound: [...proxy.inbound].map(([port, real]) => ({ listen: local(real), originalDst: `${own.ip}:${port}` })),
    outbound: proxy.outbound.map(({ listen, originalDst, authority }) => ({ listen: local(listen), originalDst, authority })),
    dial,
    hosts,
  };
}

/** A file that is only ever seen whole; written one version at a time, and only when it changed. */
export function bookFile(path: string): { write(book: AddressBook): Promise<void> } {
  let written = '';
  let turn: Promise<void> = Promise.resolve();
  return {
    write(book) {
      turn = turn
        .catch(() => undefined)
        .then(async () => {
          const text = JSON.stringify(book, null, 1);
          if (text === written) return;
          await fs.writeFile(`${path}.tmp`, text);
          await fs.rename(`${path}.tmp`, path);
          written = text;
        });
      return turn;
    },
  };
}
