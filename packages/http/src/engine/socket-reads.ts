// Reads of TCP sockets without a buffer for each: Node allocates 64 KiB for every read, where most reads are a few hundred bytes. Its
// sockets can read into a buffer that is used again (`onread` of `net.connect`), but accepted ones are made without it; here it is
// turned on afterwards. Leans on Node's internals, so it is held by the engine contract on every supported version, and where
// they are not as known, sockets go on emitting `data`.
import type { Socket } from 'node:net';

const BUFFER_BYTES = 64 * 1024;
/** Reads up to this size are copied out; larger ones go on in the buffer they were read into. */
const COPY_BYTES = 8 * 1024;

/** What all sockets without large reads read into. Node reads and calls back in one step, so it is never in use twice. */
const shared = Buffer.allocUnsafeSlow(BUFFER_BYTES);

interface ReadSymbols {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly nextBuffer: symbol;
}

interface ReadHandle {
  useUserBuffer(buffer: Buffer): void;
}

let symbols: ReadSymbols | null | undefined;

/** Calls `onChunk` with what the socket reads from now on, in place of `data` events; false where that cannot be done. */
export function readWithoutBuffers(socket: Socket, onChunk: (chunk: Buffer) => void): boolean {
  symbols ??= findSymbols(socket);
  const handle = (socket as unknown as { readonly _handle?: Partial<ReadHandle> | null })._handle;
  if (symbols === null || typeof handle?.useUserBuffer !== 'function') return false;
  const reads = new SocketReads(onChunk);
  Reflect.set(socket, symbols.buffer, shared);
  Reflect.set(socket, symbols.callback, (bytes: number, from: Buffer) => reads.take(bytes, from));
  Reflect.set(socket, symbols.nextBuffer, () => reads.buffer);
  handle.useUserBuffer(shared);
  return true;
}

/** Which buffer one socket reads into next. */
class SocketReads {
  buffer: Buffer = shared;
  private readonly onChunk: (chunk: Buffer) => void;

  constructor(onChunk: (chunk: Buffer) => void) {
    this.onChunk = onChunk;
  }

  /** A small read is copied out. A large one gets the socket a buffer of its own, in which the next large ones go on as they are. */
  take(bytes: number, from: Buffer): void {
    const large = bytes > COPY_BYTES;
    const given = large && from !== shared;
    this.buffer = large ? Buffer.allocUnsafeSlow(BUFFER_BYTES) : shared;
    this.onChunk(given ? from.subarray(0, bytes) : copyOf(from, bytes));
  }
}

function copyOf(from: Buffer, bytes: number): Buffer {
  const copy = Buffer.allocUnsafe(bytes);
  from.copy(copy, 0, 0, bytes);
  return copy;
}

/** Sockets of Node 20 to 24 keep what `onread` asked for under these three, null without it. */
function findSymbols(socket: Socket): ReadSymbols | null {
  const own = Object.getOwnPropertySymbols(socket);
  const named = (name: string): symbol | undefined => own.find((symbol) => symbol.description === name && Reflect.get(socket, symbol) === null);
  const [buffer, callback, nextBuffer] = [named('kBuffer'), named('kBufferCb'), named('kBufferGen')];
  return buffer === undefined || callback === undefined || nextBuffer === undefined ? null : { buffer, callback, nextBuffer };
}
