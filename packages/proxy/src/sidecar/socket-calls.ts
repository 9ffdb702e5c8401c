// getsockopt and setsockopt on the sockets of Node, through the optional package koffi. The only file that touches
// `socket._handle.fd`, which is private to Node; test/contract/socket-calls.test.ts watches it on every supported major.
import { createRequire } from 'node:module';
import { type Server, Socket, type SocketConstructorOpts } from 'node:net';

export interface SocketCalls {
  /** Fills `value`; false where the call failed, `errno` then says why. */
  get(fd: number, level: number, option: number, value: Uint8Array): boolean;
  /** Of an option that is an `int`. */
  setInt(fd: number, level: number, option: number, value: number): boolean;
  /** Another descriptor of the same socket, or of any open file; undefined where the process has no room for one. */
  duplicate(fd: number): number | undefined;
  errno(): number;
}

export interface Unavailable {
  /** Why, as a half sentence. */
  readonly unavailable: string;
  readonly cause?: unknown;
}

/** The part of koffi used here. */
interface Koffi {
  load(path: null): { func(prototype: string): unknown };
  errno(): number;
}

type GetSockOpt = (fd: number, level: number, option: number, value: Uint8Array, length: [number]) => number;
type Fcntl = (fd: number, command: number, type: 'int', value: number) => number;
type SetSockOpt = (fd: number, level: number, option: number, value: readonly [number], length: number) => number;

/** linux/fcntl.h: a duplicate that programs which this process starts do not get. */
const F_DUPFD_CLOEXEC = 1030;

/** The numbers of levels and options are Linux's: elsewhere nothing is called. */
export function socketCalls(): SocketCalls | Unavailable {
  if (process.platform !== 'linux') return { unavailable: `that needs Linux, and this is ${process.platform}` };
  let koffi: Koffi;
  try {
    koffi = createRequire(import.meta.url)('koffi') as Koffi;
  } catch (cause) {
    return { unavailable: 'the optional package koffi is not installed for this platform', cause };
  }
  const libc = koffi.load(null);
  const get = libc.func('int getsockopt(int fd, int level, int option, _Out_ uint8_t *value, _Inout_ uint32_t *length)') as GetSockOpt;
  const set = libc.func('int setsockopt(int fd, int level, int option, const int *value, uint32_t length)') as SetSockOpt;
  const fcntl = libc.func('int fcntl(int fd, int command, ...)') as Fcntl;
  return {
    get: (fd, level, option, value) => get(fd, level, option, value, [value.length]) === 0,
    setInt: (fd, level, option, value) => set(fd, level, option, [value], 4) === 0,
    duplicate(fd) {
      const copy = fcntl(fd, F_DUPFD_CLOEXEC, 'int', 0);
      return copy >= 0 ? copy : undefined;
    },
    errno: () => koffi.errno(),
  };
}

/** The file descriptor of an open TCP socket or listener; undefined when it is closed. */
export function descriptorOf(socket: Socket | Server): number | undefined {
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: unknown } | null };
  const fd = handle?.fd;
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}

/** A connection that was accepted elsewhere in this process, as a listener would give it: unread, without delay, half-open. Throws where it is none. */
export function adoptSocket(fd: number): Socket {
  // What a server with `pauseOnConnect` passes to its sockets; not in the documentation.
  const options: SocketConstructorOpts & { readonly pauseOnCreate: true } = { fd, allowHalfOpen: true, pauseOnCreate: true };
  return new Socket(options).setNoDelay(true);
}
