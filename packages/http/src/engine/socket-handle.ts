// What lies under Node's sockets. Its streams serve everybody; a proxy that reads and writes a few hundred bytes on one of a thousand connections
// spends more on them than on the bytes: half a dozen objects each time, long out of the caches. Here the handle is read and written itself, and
// the socket does what is rare: its end, its errors, its pauses. Leans on Node's internals, so it is held by the engine contract on every
// supported version; where they are not as known, sockets go on as streams do.
import type { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';

/** Of a write that did not leave at once. */
export interface WriteRequest {
  oncomplete?: (this: WriteRequest, status: number) => void;
  /** What it writes has to live as long as it does. */
  bytes?: Buffer | readonly Buffer[];
  writer?: HandleWriter;
}

export interface SocketHandle {
  /** Called for every read, with the number of bytes, an error or the end in `streams.state`. Returns the buffer for the next one, or undefined for the same. */
  onread: (this: SocketHandle, bytes: unknown) => unknown;
  useUserBuffer(buffer: Buffer): void;
  /** 0, or the negative number of an error. */
  writeBuffer(request: WriteRequest, bytes: Buffer): number;
  writev(request: WriteRequest, parts: readonly Buffer[], allBuffers: true): number;
}

/** Told of its writes that did not leave at once. */
export interface HandleWriter {
  /** In the order of the writes. `status` is negative where it failed. */
  wrote(status: number): void;
}

export interface StreamInternals {
  readonly state: Int32Array;
  readonly READ: number;
  readonly PENDING: number;
  readonly WriteRequest: new () => WriteRequest;
}

/** Undefined where they are not as known. */
export const internals = findInternals();

/** Undefined where the socket has none that is known. */
export function handleUnder(socket: Socket): SocketHandle | undefined {
  const { _handle: handle } = socket as unknown as { readonly _handle?: Partial<SocketHandle> | null };
  if (internals === undefined || socket.connecting || typeof handle?.useUserBuffer !== 'function') return undefined;
  return typeof handle.onread === 'function' && typeof handle.writeBuffer === 'function' && typeof handle.writev === 'function'
    ? (handle as SocketHandle)
    : undefined;
}

/** Nothing keeps a request whose bytes have left at once. */
let spare: WriteRequest | undefined;

/** 0: it has left. 1: `writer` will be told. Negative: it failed. */
export function writeBytes(handle: SocketHandle, bytes: Buffer, writer: HandleWriter): number {
  const request = takeRequest();
  return begun(handle.writeBuffer(request, bytes), request, bytes, writer);
}

/** Writes several buffers as one, with the same result. */
export function writeParts(handle: SocketHandle, parts: readonly Buffer[], writer: HandleWriter): number {
  const request = takeRequest();
  return begun(handle.writev(request, parts, true), request, parts, writer);
}

function takeRequest(): WriteRequest {
  const request = spare ?? new (internals as StreamInternals).WriteRequest();
  spare = undefined;
  return request;
}

function begun(failed: number, request: WriteRequest, bytes: Buffer | readonly Buffer[], writer: HandleWriter): number {
  const { state, PENDING } = internals as StreamInternals;
  if (failed !== 0) return failed;
  if (state[PENDING] === 0) {
    spare = request;
    return 0;
  }
  request.bytes = bytes;
  request.writer = writer;
  request.oncomplete = onComplete;
  return 1;
}

function onComplete(this: WriteRequest, status: number): void {
  this.writer?.wrote(status);
}

/** The error that a socket would have had. */
export function writeError(status: number): Error {
  const code = getSystemErrorName(status);
  return Object.assign(new Error(`write ${code}`), { errno: status, code, syscall: 'write' });
}

function findInternals(): StreamInternals | undefined {
  let found: Readonly<Record<string, unknown>>;
  try {
    found = (process as unknown as { binding(name: string): Readonly<Record<string, unknown>> }).binding('stream_wrap');
  } catch {
    return undefined;
  }
  const { streamBaseState: state, kReadBytesOrError: READ, kLastWriteWasAsync: PENDING, WriteWrap } = found;
  if (!(state instanceof Int32Array) || typeof READ !== 'number' || typeof PENDING !== 'number' || typeof WriteWrap !== 'function') return undefined;
  return { state, READ, PENDING, WriteRequest: WriteWrap as new () => WriteRequest };
}
