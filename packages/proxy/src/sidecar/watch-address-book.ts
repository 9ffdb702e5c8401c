// Follows the address book file, and gives what the proxy needs of it: listeners, a dialer, hosts.
import { type FSWatcher, readFileSync, unwatchFile, watch as watchDirectory, watchFile } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import {
  createWatch,
  formatSocketAddress,
  isLoopbackIp,
  type Logger,
  mapWatch,
  ReasonError,
  reason,
  type SocketAddress,
  socketAddressOf,
  type Watch,
} from '@weft/core';
import type { Listener } from '../config.ts';
import type { Dialer, OriginalDst } from '../ports.ts';
import { type ParsedAddressBook, parseAddressBook } from './address-book.ts';

export interface AddressBookReader {
  /** Never pending; a malformed file keeps the last good state. */
  readonly book: Watch<ParsedAddressBook>;
  readonly inbound: Watch<readonly Listener[]>;
  readonly outbound: Watch<readonly Listener[]>;
  /** The newest book. */
  current(): ParsedAddressBook;
  /** Where a configured address is really listened on. */
  listen(configured: SocketAddress): SocketAddress;
  close(): void;
}

export interface AddressBookReaderOptions {
  readonly path: string;
  readonly logger: Logger;
}

const POLL_MS = 250;

/** Throws where the file is missing or malformed: at start there is no last good state. */
export function readAddressBook({ path, logger }: AddressBookReaderOptions): AddressBookReader {
  const file = resolve(path);
  let text = readFileSync(file, 'utf8');
  const first = parseAddressBook(text);
  if (!first.ok) throw new Error(`address book ${path}: ${first.problem}`);
  const source = createWatch<ParsedAddressBook>();
  let current = first.book;
  source.set(current);

  const reload = (): void => {
    let next: string;
    try {
      next = readFileSync(file, 'utf8');
    } catch (error) {
      return logger.log('warn', 'the address book cannot be read; the last one stays in force', { path, error });
    }
    if (next === text) return;
    text = next;
    const result = parseAddressBook(next);
    if (!result.ok) return logger.log('warn', 'the address book is malformed; the last one stays in force', { path, problem: result.problem });
    current = result.book;
    logger.log('debug', 'the address book changed', { inbound: current.inbound.length, outbound: current.outbound.length, dial: current.dial.size });
    source.set(current);
  };

  return {
    book: source.watch,
    inbound: listenersOf(source.watch, 'inbound'),
    outbound: listenersOf(source.watch, 'outbound'),
    current: () => current,
    listen: (configured) => current.listen.get(configured.port) ?? configured,
    close: follow(file, reload, logger),
  };
}

/**
 * Connects to the real address of a virtual one, from an address that says which pod is calling (`addressBookOriginalDst`).
 * Anything that is neither in the book nor loopback is refused: it would leave the machine.
 */
export function addressBookDialer(reader: Pick<AddressBookReader, 'current'>, dial: Dialer): Dialer {
  return async (address, options) => {
    const book = reader.current();
    const real = book.dial.get(formatSocketAddress(address)) ?? (isLoopbackIp(address.ip) ? address : undefined);
    if (!real) throw new ReasonError(reason('CONNECT_REFUSED', `${formatSocketAddress(address)} is not in the address book`));
    const own = ownIp(book);
    const elsewhere = own !== undefined && address.ip !== own && !isLoopbackIp(address.ip) && real.ip === '127.0.0.1';
    const localAddress = elsewhere ? loopbackAlias(own) : undefined;
    return dial(real, localAddress === undefined ? options : { ...options, localAddress });
  };
}

/** Destinations are fixed by the listeners; clients of other pods are recognised by the loopback address they call from. */
export function addressBookOriginalDst(reader: Pick<AddressBookReader, 'current'>): OriginalDst {
  return {
    of: () => undefined,
    client(socket) {
      const from = socketAddressOf(socket.remoteAddress, socket.remotePort);
      const own = ownIp(reader.current());
      if (!from?.ip.startsWith('127.') || from.ip === '127.0.0.1' || own === undefined) return undefined;
      return { ip: withFirstOctet(from.ip, own.split('.')[0] ?? ''), port: from.port };
    },
  };
}

function ownIp(book: ParsedAddressBook): string | undefined {
  const ip = book.inbound[0]?.originalDst?.ip;
  return ip?.includes(':') ? undefined : ip;
}

/** Linux takes all of 127.0.0.0/8 as its own: `10.42.0.5` calls from `127.42.0.5`. Elsewhere every client is 127.0.0.1. */
function loopbackAlias(ip: string): string | undefined {
  return process.platform === 'linux' ? withFirstOctet(ip, '127') : undefined;
}

function withFirstOctet(ip: string, octet: string): string {
  return [octet, ...ip.split('.').slice(1)].join('.');
}

/** Equal listeners keep their identity, so that an unrelated change of the book does not move them. */
function listenersOf(book: Watch<ParsedAddressBook>, side: 'inbound' | 'outbound'): Watch<readonly Listener[]> {
  const known = new Map<string, Listener>();
  return mapWatch(book, (value) => {
    const list = value[side].map((listener) => {
      const key = JSON.stringify(listener);
      return [key, known.get(key) ?? listener] as const;
    });
    known.clear();
    for (const [key, listener] of list) known.set(key, listener);
    return list.map(([, listener]) => listener);
  });
}

/** The file is replaced by rename, so its directory is watched; polling where that is not possible. */
function follow(file: string, onChange: () => void, logger: Logger): () => void {
  let watcher: FSWatcher | undefined;
  const poll = (): void => void watchFile(file, { interval: POLL_MS, persistent: false }, onChange);
  const fallBack = (error: unknown): void => {
    logger.log('debug', 'the directory of the address book cannot be watched; polling', { error });
    watcher?.close();
    poll();
  };
  try {
    watcher = watchDirectory(dirname(file), { persistent: false }, (_event, name) => {
      if (name === null || name === basename(file)) onChange();
    });
    watcher.on('error', fallBack);
  } catch (error) {
    fallBack(error);
  }
  return () => {
    watcher?.close();
    unwatchFile(file, onChange);
  };
}
