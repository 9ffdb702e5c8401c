// The address book: a JSON file that maps the virtual addresses of a mesh without network namespaces to loopback ports.
// The local runtime rewrites it atomically; every rule of the mesh sees virtual addresses only. docs/architecture.md, "loopback".
import { parseSocketAddress, type SocketAddress } from '@weft/core';
import type { Listener } from '../config.ts';

/** The file as JSON. Addresses are `ip:port`. */
export interface AddressBook {
  /** Configured listen port → where to listen really. */
  readonly listen?: Readonly<Record<string, string>>;
  /** Listeners that stand in for the inbound port, one per container port. */
  readonly inbound?: readonly AddressBookListener[];
  /** Listeners that stand in for the outbound port, one per Service port. */
  readonly outbound?: readonly AddressBookListener[];
  /** Virtual address → where to connect really. */
  readonly dial?: Readonly<Record<string, string>>;
  /** Answers to the proxy's DNS queries: names without a trailing dot → virtual IPs. */
  readonly hosts?: Readonly<Record<string, readonly string[]>>;
}

export interface AddressBookListener {
  readonly listen: string;
  readonly originalDst: string;
  /** `host:port` that replaces an authority naming this very listener. */
  readonly authority?: string;
}

export type AddressBookResult = { readonly ok: true; readonly book: ParsedAddressBook } | { readonly ok: false; readonly problem: string };

/** A book that was checked, addresses parsed. */
export interface ParsedAddressBook {
  readonly listen: ReadonlyMap<number, SocketAddress>;
  readonly inbound: readonly Listener[];
  readonly outbound: readonly Listener[];
  /** By `ip:port` as `formatSocketAddress` writes it. */
  readonly dial: ReadonlyMap<string, SocketAddress>;
  /** By lower-case name without trailing dot. */
  readonly hosts: ReadonlyMap<string, readonly string[]>;
}

/** Checks the whole file; the problem names the field. Fields that are not known are ignored. */
export function parseAddressBook(text: string): AddressBookResult {
  try {
    return { ok: true, book: read(JSON.parse(text)) };
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : String(error) };
  }
}

function read(document: unknown): ParsedAddressBook {
  const root = object(document, 'the address book');
  const listen = Object.entries(object(root['listen'] ?? {}, 'listen')).map(([port, to]) => {
    if (!/^[0-9]{1,5}$/.test(port)) throw new Error(`listen: ${JSON.stringify(port)} is not a port`);
    return [Number(port), address(to, `listen.${port}`)] as const;
  });
  const dial = Object.entries(object(root['dial'] ?? {}, 'dial')).map(([from, to]) => {
    address(from, `dial: the key ${from}`);
    return [from, address(to, `dial.${from}`)] as const;
  });
  const hosts = Object.entries(object(root['hosts'] ?? {}, 'hosts')).map(([name, ips]) => {
    const addresses = array(ips, `hosts.${name}`).map((ip) => address(`${String(ip).includes(':') ? `[${String(ip)}]` : String(ip)}:0`, `hosts.${name}`).ip);
    return [name.toLowerCase().replace(/\.$/, ''), addresses] as const;
  });
  return {
    listen: new Map(listen),
    inbound: listeners(root['inbound'] ?? [], 'inbound'),
    outbound: listeners(root['outbound'] ?? [], 'outbound'),
    dial: new Map(dial),
    hosts: new Map(hosts),
  };
}

function listeners(value: unknown, field: string): Listener[] {
  return array(value, field).map((item, index) => {
    const at = `${field}[${index}]`;
    const entry = object(item, at);
    const { authority } = entry;
    if (authority !== undefined && typeof authority !== 'string') throw new Error(`${at}.authority is not a string`);
    return { listen: address(entry['listen'], `${at}.listen`), originalDst: address(entry['originalDst'], `${at}.originalDst`), authority };
  });
}

function object(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${field} is not an object`);
  return value as Record<string, unknown>;
}

function array(value: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${field} is not a list`);
  return value;
}

function address(value: unknown, field: string): SocketAddress {
  const parsed = typeof value === 'string' ? parseSocketAddress(value) : undefined;
  if (!parsed) throw new Error(`${field}: ${JSON.stringify(value)} is not an ip:port`);
  return parsed;
}
