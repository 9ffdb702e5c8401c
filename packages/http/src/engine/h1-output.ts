// Writes HTTP/1 messages to a wire: heads, and bodies in the framing that the head announces (RFC 9112 §6, §7).
import { STATUS_CODES } from 'node:http';
import type { FieldList, HttpVersion, RequestHead, ResponseHead } from '../exchange/head.ts';
import { Framing } from '../h1/head-facts.ts';
import type { Wire } from './wire.ts';

export function writeRequestHead(wire: Wire, head: RequestHead): void {
  wire.text(`${head.method} ${targetText(head)}${head.version === '1.0' ? ' HTTP/1.0\r\n' : ' HTTP/1.1\r\n'}${fieldText(head.headers)}\r\n`);
}

export function writeResponseHead(wire: Wire, head: ResponseHead): void {
  wire.text(`${statusLine(head.version, head.status, head.reason)}${fieldText(head.headers)}\r\n`);
}

/** The body of one message at a time. */
export class BodyOutput {
  private readonly wire: Wire;
  private framing: number = Framing.none;
  private remaining = 0;
  /** Given to the wire and not yet reported as accepted. */
  private owed = 0;

  constructor(wire: Wire) {
    this.wire = wire;
  }

  /** `length` is what content-length announced; it holds for `Framing.length` only. */
  begin(framing: number, length: number): void {
    this.framing = framing;
    this.remaining = length;
    this.owed = 0;
  }

  /** False when the body is longer than announced: nothing of it may be sent then. */
  data(chunk: Buffer): boolean {
    const { wire } = this;
    switch (this.framing) {
      case Framing.chunked:
        if (chunk.length === 0) return true;
        wire.text(`${chunk.length.toString(16)}\r\n`);
        wire.bytes(chunk);
        wire.text('\r\n');
        return true;
      case Framing.length:
        if (chunk.length > this.remaining) return false;
        this.remaining -= chunk.length;
        wire.bytes(chunk);
        return true;
      case Framing.close:
        wire.bytes(chunk);
        return true;
      default:
        return true;
    }
  }

  /** False when the body is shorter than announced. */
  finish(trailers: FieldList): boolean {
    if (this.framing === Framing.chunked) this.wire.text(trailers.length === 0 ? '0\r\n\r\n' : `0\r\n${fieldText(trailers)}\r\n`);
    const whole = this.framing !== Framing.length || this.remaining === 0;
    this.framing = Framing.none;
    return whole;
  }

  /** How many bytes may come again after `bytes` were written: 0 while the wire is congested. */
  creditFor(bytes: number): number {
    if (!this.wire.congested) return bytes;
    this.owed += bytes;
    return 0;
  }

  /** The wire drained: what was owed. */
  takeOwed(): number {
    const { owed } = this;
    this.owed = 0;
    return owed;
  }
}

function statusLine(version: HttpVersion, status: number, reason: string | undefined): string {
  return `${version === '1.0' ? 'HTTP/1.0 ' : 'HTTP/1.1 '}${status} ${reason ?? STATUS_CODES[status] ?? ''}\r\n`;
}

function targetText(head: RequestHead): string {
  switch (head.form) {
    case 'origin':
      return head.path;
    case 'authority':
      return head.authority ?? '';
    case 'absolute':
      return head.authority === undefined ? head.path : `${head.scheme ?? 'http'}://${head.authority}${head.path}`;
    case 'asterisk':
      return '*';
  }
}

function fieldText(fields: FieldList): string {
  let text = '';
  for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return text;
}
