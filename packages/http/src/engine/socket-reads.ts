// Reads of TCP sockets without a buffer for each: Node allocates 64 KiB for every read, where most reads are a few hundred bytes. Here
// all sockets read into one buffer that is used again.
import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { handleUnder, internals, type SocketHandle } from './socket-handle.ts';

/** Reads up to this size are copied out of the buffer that all sockets share. */
const COPY_BYTES = 8 * 1024;
const BUFFER_BYTES = 64 * 1024;
/** A read of this size costs as many calls as four of the others; so many may be out that 8 MiB are in use. */
const WIDE_BYTES = 256 * 1024;
const MAX_WIDE = 32;

/** What all sockets without large reads read into. Node reads and calls back in one step, so it is never in use twice. */
const shared = Buffer.allocUnsafeSlow(BUFFER_BYTES);
/** Its beginnings, by length: a view that is made for each copy costs as much as the copy. */
const KEPT_VIEWS = 1024;
const beginnings = Array.from<Buffer | undefined>({ length: KEPT_VIEWS });
const spare: Buffer[] = [];
let wideOut = 0;

/** Takes what a socket reads. */
export interface ChunkReader {
  /** Called for every read. True when nobody needs the bytes any more, so that the next read may overwrite them. */
  take(chunk: Buffer): boolean;
}

const READER = Symbol('reader');
const LARGE = Symbol('large reads');
const SOCKET = Symbol('socket');

interface ReadingHandle extends SocketHandle {
  [READER]: ChunkReader;
  /** Undefined until it has met a large read. */
  [LARGE]: LargeReads | undefined;
  [SOCKET]: Socket;
}

/** Ends, errors and empty reads are Node's. */
let nodesOnRead: SocketHandle['onread'];

/** Under it Node's sockets keep what `onread` of `net.connect` asked for: where there is something, pauses stop the handle itself. */
let bufferKey: symbol | undefined;

/** Gives `reader`, in place of another one, what the socket reads from now on instead of `data` events. Returns its handle; null where that cannot be done. */
export function readWithoutBuffers(socket: Socket, reader: ChunkReader): SocketHandle | null {
  const handle = handleUnder(socket) as ReadingHandle | undefined;
  bufferKey ??= Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'kBuffer');
  if (handle === undefined || bufferKey === undefined) return null;
  const before = handle.onread === onRead;
  if (!before && Reflect.get(socket, bufferKey) !== null) return null;
  handle[READER] = reader;
  if (before) return handle;
  nodesOnRead = handle.onread;
  handle[LARGE] = undefined;
  handle[SOCKET] = socket;
  handle.onread = onRead as SocketHandle['onread'];
  Reflect.set(socket, bufferKey, shared);
  handle.useUserBuffer(shared);
  return handle;
}

/** One function for all, because the closure of one among a thousand connections would not be at hand. */
function onRead(this: ReadingHandle, buffer: unknown): unknown {
  const bytes = internals?.state[internals.READ] as number;
  if (bytes <= 0) return nodesOnRead.call(this, buffer);
  if (bytes > COPY_BYTES || this[LARGE] !== undefined) return readLarge(this, bytes);
  this[READER].take(copyOf(shared, bytes));
  return undefined;
}

function readLarge(handle: ReadingHandle, bytes: number): Buffer {
  let reads = handle[LARGE];
  if (reads === undefined) {
    const made = new LargeReads();
    handle[SOCKET].once('close', () => made.close());
    handle[LARGE] = made;
    reads = made;
  }
  return reads.take(bytes, handle[READER]);
}

/** Which buffer a socket with large reads reads into next. */
class LargeReads {
  private buffer: Buffer = shared;

  /** A small read is copied out. With large ones the socket has a buffer of its own, and another one whenever somebody keeps what was read. Returns the next one. */
  take(bytes: number, reader: ChunkReader): Buffer {
    const from = this.buffer;
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
  copy.set(from === shared && bytes < KEPT_VIEWS ? beginningOf(bytes) : from.subarray(0, bytes));
  return copy;
}

function beginningOf(bytes: number): Buffer {
  const known = beginnings[bytes];
  if (known !== undefined) return known;
  const made = shared.subarray(0, bytes);
  beginnings[bytes] = made;
  return made;
}
