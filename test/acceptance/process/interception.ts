// How connections get to the proxy of a pod, and how it learns where they were going: one of the two drivers of the suite.
import type { AddressBook } from '@weft/proxy/sidecar';
import { addressBook } from './address-book.ts';
import type { Environment, RunningProgram } from './launch.ts';
import { redirect } from './redirect.ts';

export interface Pod {
  /** Virtual address. */
  readonly ip: string;
  /** Virtual port → real port of the application on 127.0.0.1. */
  readonly ports: Readonly<Record<number, number>>;
  /** Virtual addresses this pod connects to, each with its authority. */
  readonly connectsTo: Readonly<Record<string, string>>;
  /** Virtual addresses elsewhere → where they really are. */
  readonly dial: Readonly<Record<string, string>>;
  readonly hosts: Readonly<Record<string, readonly string[]>>;
  /** Real address of the admin listener, behind an address book. Default: a free port of 127.0.0.1. */
  readonly admin?: string | undefined;
}

/** Real ones, as `ip:port`. */
export interface PodAddresses {
  readonly admin: string;
  /** Undefined: it cannot be tapped. */
  readonly tap: string | undefined;
  /** Where connections of the application to this virtual address go. */
  outbound(address: string): string;
  /** Where connections to this virtual port go. */
  inbound(port: number): string;
}

export interface Interception {
  readonly env: Environment;
  /** Group to run it under. */
  readonly gid?: number;
  /** Resolves when the program listens. */
  addresses(program: RunningProgram): Promise<PodAddresses>;
  /** Resolves when the program has its certificate. */
  ready(program: RunningProgram, addresses: PodAddresses): Promise<void>;
  /** Changes the address book, where there is one. */
  rewrite(change: (book: AddressBook) => AddressBook): void;
  close(): void;
}

/** Set in a process that has a network of its own. */
const MARK = 'WEFT_TEST_REDIRECT';

export function redirectFromNowOn(): void {
  process.env[MARK] = 'yes';
}

export function redirecting(): boolean {
  return process.env[MARK] === 'yes';
}

export function intercept(pod: Pod, dir: string): Interception {
  return redirecting() ? redirect(pod) : addressBook(pod, dir);
}
