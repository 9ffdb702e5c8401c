// A server that answers with what it got, handing credit from its output to its input: a relay in small.
import type { Field } from '../../src/field/field.ts';
import type { Http2Session } from '../../src/h2/session.ts';
import { fieldsOf } from './frames.ts';
import { Recorder, type Stream } from './recorder.ts';

export class Echo extends Recorder {
  private readonly from: () => Http2Session<string>;

  constructor(from: () => Http2Session<string>) {
    super();
    this.from = from;
  }

  override onHeaders = (stream: Stream, fields: Field[], endStream: boolean): void => {
    const path = fields.find((field) => field.name === ':path')?.value ?? '';
    if (path === '/reset') return this.from().resetStream(stream, 11);
    const back = fields.filter((field) => field.name.startsWith('x-') || field.name === 'authorization');
    if (path === '/early')
      this.from().writeHeaders(
        stream,
        fieldsOf([
          [':status', '103'],
          ['link', 'x'],
        ]),
        false,
      );
    this.from().writeHeaders(stream, [...fieldsOf([[':status', '200']]), ...back], endStream);
  };

  override onData = (stream: Stream, bytes: Buffer, start: number, end: number, endStream: boolean): void => {
    this.from().grantCredit(stream, this.from().writeData(stream, bytes, start, end, endStream, true));
  };

  override onTrailers = (stream: Stream, fields: Field[]): void => this.from().writeTrailers(stream, fields);
  override onSent = (stream: Stream, bytes: number): void => this.from().grantCredit(stream, bytes);
}
