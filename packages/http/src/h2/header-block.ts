// A header block that came in several frames, put together within bounds: RFC 9113 §4.3 and §6.10.
import { Http2Error } from './http2-error.ts';
import type { Http2Limits } from './limits.ts';
import { ErrorCode } from './protocol.ts';

export class HeaderBlock {
  /** The stream whose block is open; 0 when none is. */
  streamId = 0;
  /** The HEADERS frame had END_STREAM. */
  endStream = false;
  private readonly limits: Http2Limits;
  private parts: Buffer[] = [];
  private bytes = 0;

  constructor(limits: Http2Limits) {
    this.limits = limits;
  }

  begin(id: number, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    this.streamId = id;
    this.endStream = endStream;
    this.add(bytes, start, end);
  }

  add(bytes: Buffer, start: number, end: number): void {
    this.bytes += end - start;
    this.parts.push(Buffer.from(bytes.subarray(start, end)));
    const { maxHeaderBlockBytes, maxContinuations } = this.limits;
    if (this.bytes > maxHeaderBlockBytes) throw new Http2Error(ErrorCode.enhanceYourCalm, `a header block of more than ${maxHeaderBlockBytes} octets`);
    if (this.parts.length > maxContinuations + 1) throw new Http2Error(ErrorCode.enhanceYourCalm, 'too many CONTINUATION frames');
  }

  finish(): Buffer {
    const whole = Buffer.concat(this.parts, this.bytes);
    this.streamId = 0;
    this.parts = [];
    this.bytes = 0;
    return whole;
  }
}
