import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryLogger, ReasonError, settled, silentLogger, valueOf } from '@weft/core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Dialer } from '../ports.ts';
import { type AddressBook, parseAddressBook } from './address-book.ts';
import { type AddressBookReader, addressBookDialer, addressBookOriginalDst, readAddressBook } from './watch-address-book.ts';

const BOOK: AddressBook = {
  listen: { '4191': '127.0.0.1:21003' },
  inbound: [{ listen: '127.0.0.1:21004', originalDst: '10.42.0.5:8080' }],
  outbound: [{ listen: '127.0.0.1:21005', originalDst: '10.43.0.7:80', authority: 'web-svc.emojivoto.svc.cluster.local:80' }],
  dial: { '10.42.0.9:8080': '127.0.0.1:21044' },
  hosts: { 'Linkerd-Dst.linkerd.svc.cluster.local.': ['10.42.0.3', 'fd00::3'] },
};

let dir: string;
let path: string;
let reader: AddressBookReader | undefined;
const write = (content: string): void => {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
};

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'address-book-'));
  path = join(dir, 'book.json');
});
afterEach(() => {
  reader?.close();
  reader = undefined;
  rmSync(dir, { recursive: true });
});

test('a book is read whole', () => {
  const result = parseAddressBook(JSON.stringify(BOOK));
  if (!result.ok) throw new Error(result.problem);
  expect(result.book.listen.get(4191)).toEqual({ ip: '127.0.0.1', port: 21003 });
  expect(result.book.inbound).toEqual([{ listen: { ip: '127.0.0.1', port: 21004 }, originalDst: { ip: '10.42.0.5', port: 8080 }, authority: undefined }]);
  expect(result.book.outbound[0]?.authority).toBe('web-svc.emojivoto.svc.cluster.local:80');
  expect(result.book.dial.get('10.42.0.9:8080')).toEqual({ ip: '127.0.0.1', port: 21044 });
  expect(result.book.hosts.get('linkerd-dst.linkerd.svc.cluster.local')).toEqual(['10.42.0.3', 'fd00::3']);
});

test.each([
  ['{', /JSON/],
  ['[]', /the address book is not an object/],
  ['{"inbound":{}}', /inbound is not a list/],
  ['{"inbound":[{"listen":"127.0.0.1:1"}]}', /inbound\[0\].originalDst/],
  ['{"dial":{"10.0.0.1":"127.0.0.1:1"}}', /dial: the key 10.0.0.1/],
  ['{"dial":{"10.0.0.1:1":5}}', /dial.10.0.0.1:1: 5 is not an ip:port/],
  ['{"listen":{"admin":"127.0.0.1:1"}}', /"admin" is not a port/],
  ['{"hosts":{"a":["b"]}}', /hosts.a/],
  ['{"outbound":[{"listen":"127.0.0.1:1","originalDst":"10.0.0.1:1","authority":7}]}', /authority is not a string/],
])('%s is malformed', (text, problem) => {
  const result = parseAddressBook(text);
  expect(result.ok ? '' : result.problem).toMatch(problem);
});

test('a missing or malformed file at the start is an error', () => {
  expect(() => readAddressBook({ path, logger: silentLogger })).toThrow(/ENOENT/);
  write('{"dial":1}');
  expect(() => readAddressBook({ path, logger: silentLogger })).toThrow(/dial is not an object/);
});

test('a rewritten file is followed, and equal listeners keep their identity', async () => {
  write(JSON.stringify(BOOK));
  reader = readAddressBook({ path, logger: silentLogger });
  const seen: (readonly unknown[])[] = [];
  const unsubscribe = reader.outbound.subscribe((state) => state.kind === 'value' && seen.push(state.value));
  write(JSON.stringify({ ...BOOK, outbound: [...(BOOK.outbound ?? []), { listen: '127.0.0.1:21006', originalDst: '10.43.0.8:80' }] }));
  await vi.waitFor(() => expect(seen).toHaveLength(2));
  expect(seen[1]?.[0]).toBe(seen[0]?.[0]);
  expect(seen[1]).toHaveLength(2);
  unsubscribe();
});

test('a file that becomes malformed is logged and the last good one stays', async () => {
  const logger = memoryLogger();
  write(JSON.stringify(BOOK));
  reader = readAddressBook({ path, logger });
  write('{"dial":1}');
  await vi.waitFor(() => expect(logger.records).toContainEqual(expect.objectContaining({ level: 'warn', fields: { path, problem: 'dial is not an object' } })));
  expect(reader.current().dial.size).toBe(1);
  expect(valueOf(reader.book)?.inbound).toHaveLength(1);
  expect((await settled(reader.inbound)).kind).toBe('value');
  expect(reader.listen({ ip: '0.0.0.0', port: 4191 })).toEqual({ ip: '127.0.0.1', port: 21003 });
  expect(reader.listen({ ip: '0.0.0.0', port: 4190 })).toEqual({ ip: '0.0.0.0', port: 4190 });
});

test('the dialer maps virtual addresses, lets loopback through, and refuses everything else', async () => {
  write(JSON.stringify(BOOK));
  reader = readAddressBook({ path, logger: silentLogger });
  const dialled: string[] = [];
  const socket = {} as Socket;
  const dial = addressBookDialer(reader, ((address, { localAddress = 'anywhere' }) => {
    dialled.push(`${address.ip}:${address.port} from ${localAddress}`);
    return Promise.resolve(socket);
  }) satisfies Dialer);
  expect(await dial({ ip: '10.42.0.9', port: 8080 }, { timeoutMs: 1 })).toBe(socket);
  await dial({ ip: '127.0.0.1', port: 9 }, { timeoutMs: 1 });
  expect(dialled).toEqual([`127.0.0.1:21044 from ${process.platform === 'linux' ? '127.42.0.5' : 'anywhere'}`, '127.0.0.1:9 from anywhere']);
  const refused = await dial({ ip: '10.42.0.9', port: 9090 }, { timeoutMs: 1 }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ReasonError);
  expect((refused as ReasonError).reason).toEqual({ code: 'CONNECT_REFUSED', detail: '10.42.0.9:9090 is not in the address book' });
});

test('a client is the pod that its loopback address says, and an application of the machine is itself', () => {
  write(JSON.stringify(BOOK));
  reader = readAddressBook({ path, logger: silentLogger });
  const { client } = addressBookOriginalDst(reader);
  const from = (remoteAddress: string) => client?.({ remoteAddress, remotePort: 5 } as Socket);
  expect(from('127.42.0.9')).toEqual({ ip: '10.42.0.9', port: 5 });
  expect(from('::ffff:127.42.0.9')).toEqual({ ip: '10.42.0.9', port: 5 });
  expect(from('127.0.0.1')).toBeUndefined();
  expect(from('::1')).toBeUndefined();
});
