// Reads of TCP sockets without a buffer for each: Node allocates 64 KiB for every read, where most reads are a few hundred bytes. Its
// sockets can read into a buffer that is used again (`onread` of `net.connect`), but accepted ones are made without it; here it is
// turned on afterwards. Leans on Node's internals, so it is held by the engine contract on every supported version, and where
// they are not as known, sockets go on emitting `data`.
import type { Socket } from 'node:net';

/** Reads up to this size are copied out of the buffer that all sockets share. */
const COPY_BYTES = 8 * 1024;
const BUFFER_BYTES = 64 * 1024;
/** A read of this size costs as many calls as four of the others; so many may be out that 8 MiB are in use. */
const WIDE_BYTES = 256 * 1024;
const MAX_WIDE = 32;

/** What all sockets without large reads read into. Node reads and calls back in one step, so it is never in use twice. */
const shared = Buffer.allocUnsafeSlow(BUFFER_BYTES);
const spare: Buffer[] = [];
let wideOut = 0;

interface ReadSymbols {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly nextBuffer: symbol;
}

interface ReadHandle {
  useUserBuffer(buffer: Buffer): void;
}

let symbols: ReadSymbols | null | undefined;

/** Takes what a socket reads. */
export interface ChunkReader {
  /** Called for every read. True when nobody needs the bytes any more, so that the next read may overwrite them. */
  take(chunk: Buffer): boolean;
}

const READER = Symbol('reader');

type ReadingSocket = Socket & { [READER]: ChunkReader };

/** Of sockets that have met a large read. */
const large = new WeakMap<Socket, LargeReads>();

/** Gives `reader`, in place of another one, what the socket reads from now on instead of `data` events; false where that cannot be done. */
export function readWithoutBuffers(socket: Socket, reader: ChunkReader): boolean {
  symbols ??= findSymbols(socket);
  const handle = (socket as unknown as { readonly _handle?: Partial<ReadHandle> | null })._handle;
  if (symbols === null || typeof handle?.useUserBuffer !== 'function') return false;
  (socket as ReadingSocket)[READER] = reader;
  Reflect.set(socket, symbols.buffer, shared);
  Reflect.set(socket, symbols.callback, onRead);
  handle.useUserBuffer(shared);
  return true;
}

/** Node calls it on the socket. One function for all, because the closure of one among a thousand connections would not be at hand. */
function onRead(this: ReadingSocket, bytes: number, from: Buffer): void {
  if (from === shared && bytes <= COPY_BYTES) this[READER].take(copyOf(from, bytes));
  else readLarge(this, bytes, from);
}

function readLarge(socket: ReadingSocket, bytes: number, from: Buffer): void {
  let reads = large.get(socket);
  if (reads === undefined) {
    const made = new LargeReads();
    socket.once('close', () => made.close());
    large.set(socket, made);
    reads = made;
  }
  const next = reads.take(bytes, from, socket[READER]);
  const name = symbols?.nextBuffer;
  if (next === from || name === undefined) return;
  // Node asks for the next buffer after each read, while there is somebody to ask.
  Reflect.set(socket, name, () => {
    Reflect.set(socket, name, null);
    return next;
  });
}

/** Which buffer a socket with large reads reads into next. */
class LargeReads {
  private buffer: Buffer = shared;

  /** A small read is copied out. With large ones the socket has a buffer of its own, and another one whenever somebody keeps what was read. Returns the next one. */
  take(bytes: number, from: Buffer, reader: ChunkReader): Buffer {
    const own = from !== shared;
    const large = bytes > COPY_BYTES;
    if (own && large) {
      if (reader.take(from.subarray(0, bytes))) return from;
      letGo(from);
      this.buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
      return this.buffer;
    }
    this.buffer = large ? takeWide() : shared;
    const copy = copyOf(from, bytes);
    if (own) giveBack(from);
    reader.take(copy);
    return this.buffer;
  }

  close(): void {
    if (this.buffer !== shared) giveBack(this.buffer);
    this.buffer = shared;
  }
}

function takeWide(): Buffer {
  const one = spare.pop();
  if (one !== undefined) return one;
  if (wideOut === MAX_WIDE) return Buffer.allocUnsafeSlow(BUFFER_BYTES);
  wideOut += 1;
  return Buffer.allocUnsafeSlow(WIDE_BYTES);
}

function giveBack(buffer: Buffer): void {
  if (buffer.length === WIDE_BYTES) spare.push(buffer);
}

/** Somebody keeps it. */
function letGo(buffer: Buffer): void {
  if (buffer.length === WIDE_BYTES) wideOut -= 1;
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
