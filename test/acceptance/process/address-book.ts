// Original destinations from an address book, whose ports are all free ones that the process reports: any machine, no privileges, our proxy.
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatSocketAddress, parseSocketAddress } from '@weft/core';
import type { AddressBook } from '@weft/proxy/sidecar';
import type { Interception, Pod } from './interception.ts';
import { failed } from './launch.ts';

const ANY = '127.0.0.1:0';
/** The port of direct connections. */
const INBOUND_PORT = 4143;

export function addressBook({ ip, ports, connectsTo, dial, hosts, admin: adminAddress = ANY }: Pod, dir: string): Interception {
  const virtualPorts = [...Object.keys(ports).map(Number), INBOUND_PORT];
  const targets = Object.keys(connectsTo);
  let book: AddressBook = {
    listen: { '4190': ANY, '4191': adminAddress },
    inbound: virtualPorts.map((port) => ({ listen: ANY, originalDst: `${ip}:${port}` })),
    outbound: Object.entries(connectsTo).map(([originalDst, authority]) => ({ listen: ANY, originalDst, authority })),
    dial: { ...Object.fromEntries(Object.entries(ports).map(([port, real]) => [`${ip}:${port}`, `127.0.0.1:${real}`])), ...dial },
    hosts,
  };
  const path = join(dir, 'address-book.json');
  const write = (): void => {
    writeFileSync(`${path}.new`, JSON.stringify(book));
    renameSync(`${path}.new`, path);
  };
  write();
  return {
    env: { WEFT_PROXY_ADDRESS_BOOK: path },
    async addresses(program) {
      const listening = await Promise.race([program.log(/^Listening$/), program.crashed]);
      const reported = (field: string): readonly string[] => {
        const list = listening[field];
        return (Array.isArray(list) ? list : [list]).flatMap((address) => {
          const parsed = parseSocketAddress(String(address));
          return parsed ? [formatSocketAddress(parsed)] : [];
        });
      };
      const [inbound, outbound, [admin], [tap]] = [reported('inbound'), reported('outbound'), reported('admin'), reported('tap')];
      const there = (address: string | undefined, what: string): string => address ?? failed(`no listener for ${what}`, program.logs);
      return {
        admin: there(admin, 'admin'),
        tap,
        outbound: (address) => there(outbound[targets.indexOf(address)], address),
        inbound: (port) => there(inbound[virtualPorts.indexOf(port)], String(port)),
      };
    },
    async ready(program) {
      await Promise.race([program.log(/^Ready$/), program.crashed]);
    },
    rewrite(change) {
      book = change(book);
      write();
    },
    close: () => undefined,
  };
}
