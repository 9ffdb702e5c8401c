// Frames by hand, right or wrong, and what a session wrote in readable form.

import { Field } from '../../src/field/field.ts';
import { FieldTable } from '../../src/field/table.ts';
import { ErrorCode, FrameType, PREFACE } from '../../src/h2/protocol.ts';
import { HpackDecoder } from '../../src/hpack/decoder.ts';
import { HpackEncoder } from '../../src/hpack/encoder.ts';

export type Pairs = readonly (readonly [name: string, value: string])[];

export const fieldsOf = (pairs: Pairs): Field[] => pairs.map(([name, value]) => new Field(name, value));

export function frame(type: number, flags: number, id: number, payload: Uint8Array | string = ''): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'hex') : payload;
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, body]);
}

/** A header block that changes no table. */
export function block(pairs: Pairs): Buffer {
  const fields = fieldsOf(pairs);
  const encoder = new HpackEncoder();
  const out = Buffer.alloc(encoder.bound(fields));
  return out.subarray(0, encoder.encode(fields, out, 0));
}

export const GET: Pairs = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'a'],
];
export const POST: Pairs = [[':method', 'POST'], ...GET.slice(1)];

export const settings = (...pairs: [id: number, value: number][]): Buffer => {
  const payload = Buffer.alloc(pairs.length * 6);
  pairs.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  });
  return frame(FrameType.settings, 0, 0, payload);
};
export const settingsAck: Buffer = frame(FrameType.settings, 1, 0);
export const headers = (id: number, pairs: Pairs, flags = 0x5): Buffer => frame(FrameType.headers, flags, id, block(pairs));
export const data = (id: number, text: string, flags = 0): Buffer => frame(FrameType.data, flags, id, Buffer.from(text, 'latin1'));
export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
export const windowUpdate = (id: number, increment: number): Buffer => frame(FrameType.windowUpdate, 0, id, uint32(increment));
export const rst = (id: number, code: number): Buffer => frame(FrameType.rstStream, 0, id, uint32(code));
export const ping = (text: string, flags = 0): Buffer => frame(FrameType.ping, flags, 0, Buffer.from(text, 'latin1'));
export const goaway = (lastId: number, code: number): Buffer => frame(FrameType.goaway, 0, 0, Buffer.concat([uint32(lastId), uint32(code)]));

export const clientHello: Buffer = Buffer.concat([PREFACE, settings(), settingsAck]);

/** Reads what one session wrote, as lines: `HEADERS 1 end :status=200`, `DATA 1 5`, `RST_STREAM 1 PROTOCOL_ERROR`. */
export class FrameLog {
  private rest: Buffer = Buffer.alloc(0);
  private readonly decoder = new HpackDecoder({ fields: new FieldTable() });

  constructor(preface = false) {
    this.preface = preface;
  }
  private preface: boolean;

  read(bytes: Buffer): string[] {
    this.rest = Buffer.concat([this.rest, bytes]);
    if (this.preface) this.rest = this.rest.subarray(PREFACE.length);
    this.preface = false;
    const lines: string[] = [];
    while (this.rest.length >= 9) {
      const length = this.rest.readUIntBE(0, 3);
      if (this.rest.length < 9 + length) break;
      lines.push(this.line(this.rest[3] as number, this.rest[4] as number, this.rest.readUInt32BE(5), this.rest.subarray(9, 9 + length)));
      this.rest = this.rest.subarray(9 + length);
    }
    return lines;
  }

  private line(type: number, flags: number, id: number, payload: Buffer): string {
    const end = (flags & 1) !== 0 ? ' end' : '';
    const ack = (flags & 1) !== 0 ? ' ack' : '';
    switch (type) {
      case FrameType.data:
        return `DATA ${id} ${payload.length}${end}`;
      case FrameType.headers: {
        if ((flags & 4) === 0) return `HEADERS ${id} open${end}`;
        const list = this.decoder.decode(payload, 0, payload.length).map((field) => `${field.name}=${field.value}`);
        return `HEADERS ${id} ${list.join('&')}${end}`;
      }
      case FrameType.rstStream:
        return `RST_STREAM ${id} ${codeName(payload.readUInt32BE(0))}`;
      case FrameType.settings:
        return `SETTINGS${ack}`;
      case FrameType.ping:
        return `PING ${payload.toString('latin1')}${ack}`;
      case FrameType.goaway:
        return `GOAWAY ${payload.readUInt32BE(0)} ${codeName(payload.readUInt32BE(4))}`;
      case FrameType.windowUpdate:
        return `WINDOW_UPDATE ${id} ${payload.readUInt32BE(0)}`;
      case FrameType.continuation:
        return `CONTINUATION ${id} ${payload.length}`;
      default:
        return `frame ${type} ${id}`;
    }
  }
}

export function codeName(code: number): string {
  return Object.entries(ErrorCode).find(([, value]) => value === code)?.[0] ?? String(code);
}
