// The application behind the proxies, HTTP/2 without TLS: as many bytes as the first argument says for every request; with a second
// argument `grpc`, a unary answer with its status as trailer. It writes frames itself (RFC 9113), so that it costs less than the proxies.
import { createServer, type Socket } from 'node:net';
import { announce } from './announce.ts';

const size = Number(process.argv[2] ?? 64);
const grpc = process.argv[3] === 'grpc';

const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, windowUpdate: 8, continuation: 9 } as const;
const FLAG = { ack: 1, endStream: 1, endHeaders: 4 } as const;
const PREFACE_BYTES = 24;
const FRAME_HEAD_BYTES = 9;
const MAX_FRAME = 16_384;
const INITIAL_WINDOW = 65_535;
const SETTING = { tableSize: 1, maxStreams: 3, initialWindow: 4 } as const;

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEAD_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, FRAME_HEAD_BYTES);
  return bytes;
}

const text = (value: string): Buffer => Buffer.concat([Buffer.of(value.length), Buffer.from(value, 'latin1')]);
// RFC 7541: `:status: 200` is entry 8 of the static table, content-length 28, content-type 31; the first dynamic entry is 62.
const STATUS = Buffer.of(0x88);
const LENGTH = grpc ? Buffer.alloc(0) : Buffer.concat([Buffer.of(0x0f, 28 - 15), text(String(size))]);
const KIND = text(grpc ? 'application/grpc' : 'text/plain');
const HEAD = {
  first: Buffer.concat([STATUS, Buffer.of(0x40 | 31), KIND, LENGTH]),
  later: Buffer.concat([STATUS, Buffer.of(0x80 | 62), LENGTH]),
  unindexed: Buffer.concat([STATUS, Buffer.of(0x0f, 31 - 15), KIND, LENGTH]),
};
const TRAILERS = Buffer.concat([Buffer.of(0x00), text('grpc-status'), text('0')]);
/** gRPC puts five bytes before a message: not compressed, and its length. */
const BODY = Buffer.alloc(size + (grpc ? 5 : 0), 'x');
if (grpc) BODY.set([0, 0, 0, 0, size]);

interface Answer {
  readonly stream: number;
  window: number;
  sent: number;
}

function serve(socket: Socket): void {
  let input: Buffer = Buffer.alloc(0);
  let greeted = false;
  let connectionWindow = INITIAL_WINDOW;
  let initialWindow = INITIAL_WINDOW;
  let indexing = true;
  let answered = false;
  let output: Buffer[] = [];
  /** Answers that wait for credit. */
  const waiting = new Map<number, Answer>();
  /** Windows that the client opened before its request was complete. */
  const opened = new Map<number, number>();

  const setting = (id: number, value: number): Buffer => {
    const bytes = Buffer.alloc(6);
    bytes.writeUInt16BE(id, 0);
    bytes.writeUInt32BE(value, 2);
    return bytes;
  };
  output.push(frame(TYPE.settings, 0, 0, setting(SETTING.maxStreams, 1000)));

  /** As much as the windows allow; true when all is sent. */
  const pump = (answer: Answer): boolean => {
    while (answer.sent < BODY.length) {
      const bytes = Math.min(MAX_FRAME, BODY.length - answer.sent, answer.window, connectionWindow);
      if (bytes <= 0) return false;
      const last = !grpc && answer.sent + bytes === BODY.length;
      output.push(frame(TYPE.data, last ? FLAG.endStream : 0, answer.stream, BODY.subarray(answer.sent, answer.sent + bytes)));
      answer.sent += bytes;
      answer.window -= bytes;
      connectionWindow -= bytes;
    }
    if (grpc) output.push(frame(TYPE.headers, FLAG.endStream | FLAG.endHeaders, answer.stream, TRAILERS));
    return true;
  };

  const respond = (stream: number): void => {
    const head = indexing ? (answered ? HEAD.later : HEAD.first) : HEAD.unindexed;
    answered = true;
    output.push(frame(TYPE.headers, FLAG.endHeaders, stream, head));
    const answer: Answer = { stream, window: initialWindow + (opened.get(stream) ?? 0), sent: 0 };
    opened.delete(stream);
    if (!pump(answer)) waiting.set(stream, answer);
  };

  const pumpAll = (): void => {
    for (const answer of waiting.values()) {
      if (connectionWindow <= 0) return;
      if (pump(answer)) waiting.delete(answer.stream);
    }
  };

  const settings = (payload: Buffer): void => {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      const value = payload.readUInt32BE(at + 2);
      const id = payload.readUInt16BE(at);
      if (id === SETTING.tableSize && value < 4096) indexing = false;
      if (id !== SETTING.initialWindow) continue;
      for (const answer of waiting.values()) answer.window += value - initialWindow;
      initialWindow = value;
    }
    output.push(frame(TYPE.settings, FLAG.ack, 0, Buffer.alloc(0)));
    pumpAll();
  };

  const credit = (stream: number, bytes: number): void => {
    const answer = waiting.get(stream);
    if (stream === 0) connectionWindow += bytes;
    else if (answer) answer.window += bytes;
    // Of streams whose request is still under way; those that are over are forgotten with the connection.
    else if (BODY.length > INITIAL_WINDOW) opened.set(stream, (opened.get(stream) ?? 0) + bytes);
    pumpAll();
  };

  const receive = (type: number, flags: number, stream: number, payload: Buffer): void => {
    if (type === TYPE.settings && (flags & FLAG.ack) === 0) settings(payload);
    else if (type === TYPE.ping && (flags & FLAG.ack) === 0) output.push(frame(TYPE.ping, FLAG.ack, 0, payload));
    else if (type === TYPE.windowUpdate) credit(stream, payload.readUInt32BE(0));
    else if (type === TYPE.reset) waiting.delete(stream);
    else if (type === TYPE.headers || type === TYPE.data) {
      if (type === TYPE.data && payload.length > 0) {
        const bytes = Buffer.alloc(4);
        bytes.writeUInt32BE(payload.length);
        output.push(frame(TYPE.windowUpdate, 0, 0, bytes));
      }
      if ((flags & FLAG.endStream) !== 0) respond(stream);
    }
  };

  socket.on('data', (chunk: Buffer) => {
    input = input.length === 0 ? chunk : Buffer.concat([input, chunk]);
    let at = 0;
    if (!greeted && input.length >= PREFACE_BYTES) {
      greeted = true;
      at = PREFACE_BYTES;
    }
    while (greeted && input.length - at >= FRAME_HEAD_BYTES) {
      const length = input.readUIntBE(at, 3);
      const end = at + FRAME_HEAD_BYTES + length;
      if (input.length < end) break;
      receive(input[at + 3] ?? 0, input[at + 4] ?? 0, input.readUInt32BE(at + 5) & 0x7fffffff, input.subarray(at + FRAME_HEAD_BYTES, end));
      at = end;
    }
    input = input.subarray(at);
    if (output.length > 0) socket.write(output.length === 1 ? (output[0] ?? '') : Buffer.concat(output));
    output = [];
  });
  socket.on('error', () => socket.destroy());
}

announce(createServer({ noDelay: true }, serve));
