// HTTP/2 by hand: requests that Node's client cannot be made to send, and its server refuses.
import type { Socket } from 'node:net';
import { type Application, tcpApplication } from '../process/applications.ts';

const HEADERS = 1;
const DATA = 0;
const SETTINGS = 4;
const PING = 6;
const END_STREAM = 1;
const END_HEADERS = 4;
const ACK = 1;
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

function frame(type: number, flags: number, stream: number, payload: Uint8Array | readonly number[] = []): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, Buffer.from(payload)]);
}

/** `:status: 200` of HPACK's static table. */
export const STATUS_200 = 0x88;

/** GET http / and nothing more, on stream 1 of a new connection. */
export const GET_WITHOUT_AUTHORITY = Buffer.concat([PREFACE, frame(SETTINGS, 0, 0), frame(HEADERS, END_STREAM | END_HEADERS, 1, [0x82, 0x86, 0x84])]);

async function* framesOf(socket: Socket, skip = 0): AsyncGenerator<Frame> {
  let bytes = Buffer.alloc(0);
  let at = skip;
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    while (bytes.length >= at + 9 && bytes.length >= at + 9 + bytes.readUIntBE(at, 3)) {
      const end = at + 9 + bytes.readUIntBE(at, 3);
      yield { type: bytes.readUInt8(at + 3), flags: bytes.readUInt8(at + 4), stream: bytes.readUInt32BE(at + 5), payload: bytes.subarray(at + 9, end) };
      at = end;
    }
  }
}

/** The block of the first HEADERS frame. */
export async function firstHead(socket: Socket): Promise<Buffer> {
  for await (const { type, payload } of framesOf(socket)) if (type === HEADERS) return payload;
  throw new Error('the connection ended without a head');
}

const FRAME_BYTES = 16_384;
/** RFC 9113 §6.5.2. */
const INITIAL_WINDOW = 4;

/**
 * Uploads what fits into a window of so many octets, and answers a PING only then: to the server that is a path which holds them all. Resolves
 * with the window for streams that it is told afterwards.
 */
export async function windowAfterUpload(socket: Socket, window: number): Promise<number> {
  socket.write(Buffer.concat([PREFACE, frame(SETTINGS, 0, 0)]));
  let greeted = false;
  for await (const { type, flags, payload } of framesOf(socket)) {
    if (type === SETTINGS && (flags & ACK) === 0) {
      socket.write(frame(SETTINGS, ACK, 0));
      if (greeted) return initialWindow(payload);
      greeted = true;
      // POST http /
      socket.write(frame(HEADERS, END_HEADERS, 1, [0x83, 0x86, 0x84]));
      for (let left = window; left > 0; left -= FRAME_BYTES) socket.write(frame(DATA, 0, 1, Buffer.alloc(Math.min(left, FRAME_BYTES))));
    }
    if (type === PING && (flags & ACK) === 0) socket.write(frame(PING, ACK, 0, payload));
  }
  throw new Error('the connection ended without other windows');
}

function initialWindow(settings: Buffer): number {
  for (let at = 0; at < settings.length; at += 6) if (settings.readUInt16BE(at) === INITIAL_WINDOW) return settings.readUInt32BE(at + 2);
  throw new Error('SETTINGS without a window');
}

/** Answers every request that has no body with 200, whatever it says. */
export function frameApplication(): Promise<Application> {
  const serve = async (socket: Socket): Promise<void> => {
    socket.write(frame(SETTINGS, 0, 0));
    for await (const { type, flags, stream } of framesOf(socket, PREFACE.length)) {
      if (type === SETTINGS && (flags & ACK) === 0) socket.write(frame(SETTINGS, ACK, 0));
      if (type === HEADERS) socket.write(frame(HEADERS, END_STREAM | END_HEADERS, stream, [STATUS_200]));
    }
  };
  return tcpApplication((socket) => void serve(socket).catch(() => socket.destroy()));
}
